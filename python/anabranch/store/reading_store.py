"""The store as a process sees it that reads: objects opened in place, views counted."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from anabranch.store.elsewhere import Elsewhere
from anabranch.store.errors import ObjectLost, StoreError
from anabranch.store.pickle5 import PICKLE_HEADER, PickleReader, is_bare, load_bare
from anabranch.store.reading import SegmentReader
from anabranch.store.tensor import read_tensor
from anabranch.v1 import common_pb2

_TENSOR = common_pb2.ENCODING_TENSOR
_ARROW = common_pb2.ENCODING_ARROW
_PICKLE5 = common_pb2.ENCODING_PICKLE5
_ELSEWHERE = common_pb2.ENCODING_ELSEWHERE

_Key = tuple[int, int]  # writer, sequence


class Counters(NamedTuple):
    """Bytes since the last :meth:`Store.take_counters`."""

    bytes_in: int
    bytes_out: int
    bytes_copied: int


class _Root(weakref.ref):
    """Weak reference to the array that every view of one object descends from."""

    __slots__ = ("key",)
    key: _Key


class ReadingStore:
    """Reads objects of any process in place, and knows of which it has views.

    By itself it takes no writer's lock, and what it opens nobody counts: what it reads must be held by somebody else,
    such as the task on whose behalf it does. Methods may be called on any thread.

    Parameters
    ----------
    path : str
        The store's directory, which a coordinator made.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self._reader = SegmentReader(self.path)
        self._lock = threading.RLock()
        self._roots: dict[_Key, _Root] = {}
        self._ended: deque[_Root] = deque()  # finalizers run anywhere, so they only append here
        self._released: list[_Key] = []
        self._bytes_in = self._bytes_out = self._bytes_copied = 0

    # ---- objects

    def get(
        self,
        ref: common_pb2.ObjectRef,
        *,
        persistent_load: Callable[[Any], Any] | None = None,
        own: bool = False,
    ) -> Any:
        """Read an object. Its buffers are not copied: arrays are read-only views of shared memory.

        Parameters
        ----------
        ref : ObjectRef
            As returned by :meth:`Store.put`, in this or another process.
        persistent_load : callable, optional
            As of ``pickle.Unpickler.persistent_load``.
        own : bool
            Copy the buffers after all: arrays are the caller's own, and can be written to.

        Raises
        ------
        ObjectLost
            When the bytes are gone.
        StoreError
            When they are not what the reference says.
        """
        encoding, is_own = ref.encoding, False
        if ref.segment == 0:
            data: Any = ref.inline_bytes
            length = len(data)
            if length != ref.length:
                raise StoreError(f"{_name(ref)} has {length} bytes where its reference says {ref.length}")
            if encoding == _PICKLE5 and is_bare(data):
                # What most small calls take and return.
                with self._lock:
                    self._bytes_in += length
                    self._bytes_copied += length - PICKLE_HEADER
                return load_bare(data, persistent_load)
        else:
            with self._lock:
                data = self._reader.bytes(ref.writer, ref.sequence, ref.segment, ref.offset, ref.length)
        in_place = ref.segment != 0 and not own
        try:
            if encoding == _ELSEWHERE:
                kept = Elsewhere.from_bytes(data)
                encoding, in_place, is_own = kept.encoding, False, True
                data = kept.whole(ref) if own else memoryview(kept.whole(ref)).toreadonly()
            self._count_read(len(data))
            if own and not is_own:
                data = bytearray(data)
            if own or is_own:
                self.count_copied(len(data))
            if encoding == _PICKLE5:
                reader = PickleReader(data)
                self.count_copied(reader.stream_length)
                if in_place and reader.has_buffers:
                    data = self._root(ref, data)
                return reader.load(memoryview(data), persistent_load)
            if encoding == _TENSOR:
                return read_tensor(self._root(ref, data) if in_place else data)
            if encoding == _ARROW:
                from anabranch.store.arrow import read_arrow

                return read_arrow(self._root(ref, data) if in_place else data)
        except ObjectLost:
            raise  # of this one, or of an object that `persistent_load` opened
        except StoreError as error:
            raise StoreError(f"{_name(ref)}: {error}") from error
        raise StoreError(f"{_name(ref)} has an encoding that this version does not know: {encoding}")

    def raw(self, writer: int, sequence: int, segment: int, offset: int, length: int) -> memoryview:
        """Return bytes of an object, or of a part of one that begins at a multiple of 64, as they stand in its segment.

        Raises
        ------
        ObjectLost, StoreError
            As :meth:`get`.
        """
        with self._lock:
            return self._reader.bytes(writer, sequence, segment, offset, length)

    def encoded(self, ref: common_pb2.ObjectRef) -> memoryview:
        """Return an object's bytes in place, read-only; nobody counts this view, so it must not outlive the task.

        Raises
        ------
        ObjectLost
            When the bytes are gone.
        """
        with self._lock:
            return self._reader.bytes(ref.writer, ref.sequence, ref.segment, ref.offset, ref.length)

    # ---- views

    def held(self) -> list[common_pb2.ObjectId]:
        """Objects, of any writer, of which views are alive in this process now."""
        if not self._roots:
            return []
        with self._lock:
            self._drain()
            return [common_pb2.ObjectId(writer=key[0], sequence=key[1]) for key in self._roots]

    def take_released(self) -> list[common_pb2.ObjectId]:
        """Objects whose last view has ended since the last call, whether or not they were reported as held."""
        # What ends from now on is for the next call.
        if not (self._ended or self._released):
            return []
        with self._lock:
            self._drain()
            released, self._released = self._released, []
            return [common_pb2.ObjectId(writer=key[0], sequence=key[1]) for key in released]

    def sweep(self) -> None:
        """Unmap segments whose files are gone; they are looked for once a second at most."""
        with self._lock:
            self._drain()
            self._reader.sweep()

    def _root(self, ref: common_pb2.ObjectRef, data: memoryview) -> Any:
        """Return the array that all views of an object descend from; the same one as long as any of them is alive."""
        import numpy as np

        key = (ref.writer, ref.sequence)
        with self._lock:
            known = self._roots.get(key)
            root = known() if known is not None else None
            if root is None:
                root = np.frombuffer(data, np.uint8)
                reference = _Root(root, self._ended.append)
                reference.key = key
                self._roots[key] = reference
            return root

    def _drain(self) -> None:
        while self._ended:
            root = self._ended.popleft()
            # Opened again since: still held.
            if self._roots.get(root.key) is not root:
                continue
            del self._roots[root.key]
            self._released.append(root.key)
            self._view_ended(root.key)

    def _view_ended(self, key: _Key) -> None:
        """The last view of an object has ended; called under the lock."""

    # ---- counting

    @property
    def bytes_in(self) -> int:
        """Bytes of the objects that were read."""
        return self._bytes_in

    @property
    def bytes_out(self) -> int:
        """Bytes of the objects that were written."""
        return self._bytes_out

    @property
    def bytes_copied(self) -> int:
        """Bytes that were copied: all that was written, and of what was read the pickles without their buffers."""
        return self._bytes_copied

    def count_copied(self, count: int) -> None:
        """Add bytes that the caller copied, such as a private copy for an estimator that writes to its input."""
        with self._lock:
            self._bytes_copied += count

    def take_counters(self) -> Counters:
        """Return the counters, which begin at 0 again."""
        with self._lock:
            counters = Counters(self._bytes_in, self._bytes_out, self._bytes_copied)
            self._bytes_in = self._bytes_out = self._bytes_copied = 0
            return counters

    def _count_read(self, count: int) -> None:
        with self._lock:
            self._bytes_in += count


def _name(ref: common_pb2.ObjectRef) -> str:
    return f"object {ref.writer:x}.{ref.sequence}"
