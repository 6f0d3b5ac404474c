"""The store of a client that does not see the coordinator's: what it puts and gets travels."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from anabranch.afar.download import download
from anabranch.afar.upload import upload
from anabranch.references import Ref
from anabranch.store.errors import StoreError
from anabranch.store.payloads import payload_of
from anabranch.store.pickle5 import PickleReader
from anabranch.store.tensor import read_tensor
from anabranch.v1 import common_pb2

if TYPE_CHECKING:
    from anabranch.client import Client

#: Bytes of fetched objects that are kept for the next reader; larger ones than an eighth of it are not.
KEPT = 64 << 20


class AfarStore:
    """Has what a client uses of a `Store`. Nothing is mapped: arrays that are got are this process's own copies.

    Parameters
    ----------
    client : Client
        Referred to weakly.
    writer : int
        Names what travels in references.
    inline_threshold : int
        Objects of up to this many bytes travel in the reference itself.
    """

    def __init__(self, client: Client, *, writer: int, inline_threshold: int) -> None:
        self._client = weakref.ref(client)
        self.writer = writer
        #: Objects of up to this many bytes travel in their reference.
        self.inline_threshold = inline_threshold
        self._sequence = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, int], bytearray] = OrderedDict()
        self._kept_bytes = 0
        self._closed = False

    # ---- writing

    def put(
        self,
        value: Any,
        *,
        never_inline: bool = False,
        persistent_id: Callable[[Any], Any] | None = None,
    ) -> Ref:
        """Write a value as a new immutable object, which the returned reference holds.

        Parameters
        ----------
        value, never_inline, persistent_id
            As of `Store.put`.

        Raises
        ------
        StoreFull
            When there is no room.
        """
        client = self._connected()
        encoding, payload = payload_of(value, persistent_id=persistent_id)
        if payload.length <= self.inline_threshold and not never_inline:
            data = bytearray(payload.length)
            payload.write(memoryview(data))
            message = common_pb2.ObjectRef(
                writer=self.writer, sequence=self.number(payload.length), encoding=encoding, length=payload.length,
                inline_bytes=bytes(data),
            )  # fmt: skip
            return Ref(message, client)
        return upload(client, client.transfers, payload, encoding)

    def number(self, length: int) -> int:
        """Return the sequence of a new object that travels in its reference."""
        with self._lock:
            if self._closed:
                raise StoreError("the connection is closed")
            self._sequence += 1
            return self._sequence

    # ---- reading

    def get(
        self,
        ref: common_pb2.ObjectRef,
        *,
        persistent_load: Callable[[Any], Any] | None = None,
        own: bool = False,
    ) -> Any:
        """Fetch an object's bytes and return its value.

        Parameters
        ----------
        ref, persistent_load
            As of `Store.get`.
        own : bool
            Arrays can be written to. They are read-only otherwise, as those in a store are.

        Raises
        ------
        ObjectLost, StoreError
            As of `Store.get`.
        """
        data: Any = self._bytes(ref, own) if ref.segment else ref.inline_bytes
        if len(data) != ref.length:
            raise StoreError(
                f"object {ref.writer:x}.{ref.sequence} has {len(data)} bytes where its reference says {ref.length}"
            )
        if own and not ref.segment:
            data = bytearray(data)
        view = memoryview(data) if own else memoryview(data).toreadonly()
        try:
            if ref.encoding == common_pb2.ENCODING_PICKLE5:
                return PickleReader(view).load(view, persistent_load)
            if ref.encoding == common_pb2.ENCODING_TENSOR:
                return read_tensor(view)
            if ref.encoding == common_pb2.ENCODING_ARROW:
                from anabranch.store.arrow import read_arrow

                return read_arrow(view)
        except StoreError as error:
            raise StoreError(f"object {ref.writer:x}.{ref.sequence}: {error}") from error
        if ref.encoding == common_pb2.ENCODING_ELSEWHERE:
            raise StoreError(
                f"object {ref.writer:x}.{ref.sequence} stays in Ray, as the coordinator's store had no room for it, "
                "and is read on the Ray worker's host alone: read it there, or give the store more (--store-budget)"
            )
        raise StoreError(f"object {ref.writer:x}.{ref.sequence} has an unknown encoding: {ref.encoding}")

    def _bytes(self, ref: common_pb2.ObjectRef, own: bool) -> bytearray:
        key = (ref.writer, ref.sequence)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
        if kept is not None:
            return bytearray(kept) if own else kept
        client = self._connected()
        data = download(client, client.transfers, ref)
        if not own and len(data) <= KEPT // 8:
            self._keep(key, data)
        return data

    def _keep(self, key: tuple[int, int], data: bytearray) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = data
            self._kept_bytes += len(data)
            while self._kept_bytes > KEPT:
                _, gone = self._kept.popitem(last=False)
                self._kept_bytes -= len(gone)

    # ---- what there is to say of a store that is mapped

    def held(self) -> list[common_pb2.ObjectId]:
        """Views of the store that are alive: none, ever."""
        return []

    def release(self, ids: Iterable[common_pb2.ObjectId]) -> None:
        """Pass over what may be used again: workers wrote it, and hear of it themselves."""

    def close(self) -> None:
        """Write and read nothing more."""
        self._closed = True
        with self._lock:
            self._kept.clear()

    def _connected(self) -> Client:
        client = self._client()
        if client is None or self._closed:
            raise StoreError("the connection is closed")
        return client
