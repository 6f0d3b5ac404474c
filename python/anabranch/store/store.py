"""The store as a process sees it: objects put and got, views counted."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from anabranch.store.directory import take_writer_lock, writer_lock_path
from anabranch.store.errors import ObjectLost, StoreError, StoreFull
from anabranch.store.lease import WriterLease
from anabranch.store.pickle5 import (
    PICKLE_HEADER,
    SMALLEST_BUFFER,
    PicklePayload,
    PickleReader,
    atoms_to_bytes,
    is_bare,
    is_small_atom,
    load_bare,
)
from anabranch.store.reading import SegmentReader
from anabranch.store.tensor import DTYPES, TensorPayload, read_tensor
from anabranch.store.writing import SegmentWriter
from anabranch.v1 import common_pb2

if TYPE_CHECKING:
    from typing_extensions import Self

_TENSOR = common_pb2.ENCODING_TENSOR
_ARROW = common_pb2.ENCODING_ARROW
_PICKLE5 = common_pb2.ENCODING_PICKLE5

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


class Store:
    """Writes objects into shared memory and reads those of any process in place.

    Methods may be called on any thread. A process that forks keeps reading in the child; only the process that
    opened the store writes.

    Parameters
    ----------
    path : str
        The store's directory, which a coordinator made.
    writer : int, optional
        Id of this process as a writer; a random one when None.
    inline_threshold : int, default 8192
        Objects of up to this many bytes travel in the reference itself.
    budget : int, default 0
        Bytes that the segments of the whole store may take; 0: no limit but the file system's.

    Raises
    ------
    StoreError
        When the directory cannot be written to, or another live process has the same writer id.
    """

    def __init__(self, path: str, *, writer: int | None = None, inline_threshold: int = 8192, budget: int = 0) -> None:
        self.path = os.path.abspath(path)
        self.writer = (int.from_bytes(os.urandom(8), "little") >> 1 or 1) if writer is None else writer
        #: Objects of up to this many bytes travel in their reference.
        self.inline_threshold = inline_threshold
        self._lease = WriterLease(take_writer_lock(self.path, self.writer), writer_lock_path(self.path, self.writer))
        self._segments = SegmentWriter(self.path, self.writer, budget)
        self._reader = SegmentReader(self.path)
        self._lock = threading.RLock()
        self._sequence = 0
        self._placed: dict[int, tuple[int, int]] = {}  # sequence of an own object -> segment, offset
        self._roots: dict[_Key, _Root] = {}
        self._ended: deque[_Root] = deque()  # finalizers run anywhere, so they only append here
        self._released: list[_Key] = []
        self._waiting: set[_Key] = set()  # own objects released while this process still has views of them
        self._bytes_in = self._bytes_out = self._bytes_copied = 0
        #: Says who holds what, for the error of a full store.
        self.explain_full: Callable[[], str] | None = None
        self._forked = False
        self._closed = False
        _open_stores.add(self)

    # ---- writing

    def put(
        self,
        value: Any,
        *,
        never_inline: bool = False,
        always_inline: bool = False,
        encoding: int | None = None,
        persistent_id: Callable[[Any], Any] | None = None,
    ) -> common_pb2.ObjectRef:
        """Write ``value`` as a new immutable object.

        Parameters
        ----------
        value : object
            A dense numeric or boolean array becomes a tensor (C or Fortran order is kept, strided arrays are
            compacted), an Arrow table or record batch an Arrow stream, everything else a pickle whose buffers stand
            beside it.
        never_inline : bool, default False
            Write into a segment however small it is.
        always_inline : bool, default False
            Let it travel in the reference however large it is.
        encoding : int, optional
            One of the ``ENCODING_*`` numbers, instead of choosing by type.
        persistent_id : callable, optional
            As of ``pickle.Pickler.persistent_id``; the value is pickled.

        Raises
        ------
        StoreFull
            When there is no room. Nothing is written.
        StoreError
            When the store is closed, or the value has no such encoding.
        """
        if encoding is None and not never_inline and is_small_atom(value) and self.inline_threshold >= SMALLEST_BUFFER:
            return self._put_atom(value)
        encoding, payload = _payload(value, encoding, persistent_id)
        length = payload.length
        sequence = self.number(length)
        if always_inline or (length <= self.inline_threshold and not never_inline):
            if isinstance(payload, PicklePayload):
                data = payload.tobytes()
            else:
                buffer = bytearray(length)
                payload.write(memoryview(buffer))
                data = bytes(buffer)
            return common_pb2.ObjectRef(
                writer=self.writer, sequence=sequence, encoding=encoding, length=length, inline_bytes=data
            )
        return self._place(payload, encoding, length, sequence)

    def put_encoded(self, data: Any, encoding: int) -> common_pb2.ObjectRef:
        """Write bytes that another store has encoded, into a segment.

        Parameters
        ----------
        data : buffer of bytes
            At least one.
        encoding : int
            Theirs, one of the ``ENCODING_*`` numbers.

        Raises
        ------
        StoreFull, StoreError
            As of :meth:`put`.
        """
        payload = _EncodedPayload(memoryview(data))
        return self._place(payload, encoding, payload.length, self.number(payload.length))

    def encoded(self, ref: common_pb2.ObjectRef) -> memoryview:
        """Return an object's bytes in place, read-only; nobody counts this view, so it must not outlive the task.

        Raises
        ------
        ObjectLost
            When the bytes are gone.
        """
        with self._lock:
            return self._reader.bytes(ref.writer, ref.sequence, ref.segment, ref.offset, ref.length)

    def _place(self, payload: Any, encoding: int, length: int, sequence: int) -> common_pb2.ObjectRef:
        try:
            segment, offset, target = self._segments.allocate(length)
        except StoreFull as error:
            if self.explain_full is None:
                raise
            raise StoreFull(f"{error}; {self.explain_full()}") from error
        try:
            payload.write(target)
        except BaseException:
            self._segments.release(segment, offset)
            raise
        with self._lock:
            self._placed[sequence] = (segment, offset)
        return common_pb2.ObjectRef(
            writer=self.writer, sequence=sequence, encoding=encoding, length=length, segment=segment, offset=offset
        )

    def number(self, length: int) -> int:
        """Return the sequence of a new object of ``length`` bytes, which the caller makes.

        Raises
        ------
        StoreError
            When this process may write nothing more.
        """
        with self._lock:
            if self._closed or self._forked:
                raise StoreError(
                    "a forked process cannot write with its parent's store; open one of its own"
                    if self._forked
                    else f"the store {self.path} is closed"
                )
            self._sequence += 1
            self._bytes_out += length
            self._bytes_copied += length
            return self._sequence

    def _put_atom(self, value: Any) -> common_pb2.ObjectRef:
        data = atoms_to_bytes(value)
        length = len(data)
        return common_pb2.ObjectRef(
            writer=self.writer, sequence=self.number(length), encoding=_PICKLE5, length=length, inline_bytes=data
        )

    def release(self, ids: Iterable[common_pb2.ObjectId]) -> None:
        """Let the regions of these objects of this writer be used again; other ids are passed over.

        An object of which this process has views is kept until the last of them has ended.
        """
        with self._lock:
            self._drain()
            for identifier in ids:
                key = (identifier.writer, identifier.sequence)
                if key in self._roots:
                    self._waiting.add(key)
                else:
                    self._free(key)

    # ---- reading

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
            As returned by :meth:`put`, in this or another process.
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
        encoding = ref.encoding
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
        self._count_read(ref.length)
        in_place = ref.segment != 0 and not own
        if own:
            data = bytearray(data)
            self.count_copied(len(data))
        try:
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
            raise  # of an object that `persistent_load` opened
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

    def held(self) -> list[common_pb2.ObjectId]:
        """Objects, of any writer, of which views are alive in this process now."""
        if not self._roots:
            return []
        with self._lock:
            self._drain()
            return [common_pb2.ObjectId(writer=key[0], sequence=key[1]) for key in self._roots]

    def take_released(self) -> list[common_pb2.ObjectId]:
        """Objects whose last view has ended since the last call, whether or not they were reported as held."""
        with self._lock:
            self._drain()
            self._reader.sweep()
            released, self._released = self._released, []
            return [common_pb2.ObjectId(writer=key[0], sequence=key[1]) for key in released]

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

    # ---- the end

    def close(self) -> None:
        """Stop writing, and give up the writer's lock as soon as no view is alive.

        Segments with objects stay for their readers, until the coordinator removes them. Views that are alive stay as
        they are: while the lock is held, nobody uses their memory again.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            _open_stores.discard(self)
            self._reader.close()
            if not self._forked:
                self._segments.close()
                roots = [reference() for reference in self._roots.values()]
                self._lease.end(root for root in roots if root is not None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
            if root.key in self._waiting:
                self._waiting.remove(root.key)
                self._free(root.key)

    def _free(self, key: _Key) -> None:
        if key[0] != self.writer or self._forked:
            return
        place = self._placed.pop(key[1], None)
        if place is not None:
            self._segments.release(*place)

    def _count_read(self, count: int) -> None:
        with self._lock:
            self._bytes_in += count

    def _after_fork(self) -> None:
        # The lock belongs to the file description: a child that kept it would keep a dead parent's writer alive.
        self._forked = True
        self._lease.drop(unlink=False)
        self._lock = threading.RLock()


class _EncodedPayload:
    def __init__(self, data: memoryview) -> None:
        self._data = data.cast("B")
        self.length = len(self._data)

    def write(self, target: memoryview) -> None:
        target[:] = self._data


_open_stores: weakref.WeakSet[Store] = weakref.WeakSet()


def open_stores() -> list[Store]:
    """Return the stores that this process has open."""
    return list(_open_stores)


def _close_inherited_locks() -> None:
    for store in list(_open_stores):
        store._after_fork()


os.register_at_fork(after_in_child=_close_inherited_locks)


def _name(ref: common_pb2.ObjectRef) -> str:
    return f"object {ref.writer:x}.{ref.sequence}"


def _payload(value: Any, encoding: int | None, persistent_id: Callable[[Any], Any] | None) -> tuple[int, Any]:
    """Choose encoding and payload of a value: by its type unless ``encoding`` says otherwise."""
    kind = type(value)
    if encoding is None:
        if persistent_id is None:
            if _is_dense(value):
                return _TENSOR, TensorPayload(value)
            arrow = sys.modules.get("pyarrow")
            if arrow is not None and kind in (arrow.Table, arrow.RecordBatch):
                from anabranch.store.arrow import ArrowPayload

                return _ARROW, ArrowPayload(value)
        return _PICKLE5, PicklePayload(value, persistent_id)
    if encoding == _PICKLE5:
        return _PICKLE5, PicklePayload(value, persistent_id)
    if encoding == _TENSOR and _is_dense(value):
        return _TENSOR, TensorPayload(value)
    if encoding == _ARROW and kind.__module__ == "pyarrow.lib" and kind.__name__ in ("Table", "RecordBatch"):
        from anabranch.store.arrow import ArrowPayload

        return _ARROW, ArrowPayload(value)
    raise StoreError(f"a {kind.__name__} cannot be stored with the encoding {encoding}")


def _is_dense(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is None or not (type(value) is numpy.ndarray or type(value) is numpy.memmap):
        return False
    return value.dtype.str in DTYPES and value.dtype.names is None and value.ndim <= 32
