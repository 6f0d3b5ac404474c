"""The store as a process sees it that also writes: objects put, got and released."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from anabranch.store.directory import take_writer_lock, writer_lock_path
from anabranch.store.errors import StoreError, StoreFull
from anabranch.store.lease import WriterLease
from anabranch.store.payloads import EncodedPayload, NoPayload, payload_of
from anabranch.store.pickle5 import SMALLEST_BUFFER, PicklePayload, atoms_to_bytes, is_small_atom
from anabranch.store.reading_store import ReadingStore
from anabranch.store.writing import SegmentWriter
from anabranch.v1 import common_pb2

if TYPE_CHECKING:
    from typing_extensions import Self

_PICKLE5 = common_pb2.ENCODING_PICKLE5

_Key = tuple[int, int]  # writer, sequence


class Store(ReadingStore):
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
        super().__init__(path)
        self.writer = (int.from_bytes(os.urandom(8), "little") >> 1 or 1) if writer is None else writer
        #: Objects of up to this many bytes travel in their reference.
        self.inline_threshold = inline_threshold
        self._lease = WriterLease(take_writer_lock(self.path, self.writer), writer_lock_path(self.path, self.writer))
        self._segments = SegmentWriter(self.path, self.writer, budget)
        self._sequence = 0
        self._placed: dict[int, tuple[int, int]] = {}  # sequence of an own object -> segment, offset
        self._waiting: set[_Key] = set()  # own objects released while this process still has views of them
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
        encoding, payload = payload_of(value, encoding, persistent_id)
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
        payload = EncodedPayload(memoryview(data))
        return self._place(payload, encoding, payload.length, self.number(payload.length))

    def reserve(self, length: int, encoding: int) -> common_pb2.ObjectRef:
        """Make room for an object whose bytes come later; until then nobody may be told of it.

        Raises
        ------
        StoreFull, StoreError
            As of :meth:`put`.
        """
        return self._place(NoPayload, encoding, length, self.number(length))

    def _place(self, payload: Any, encoding: int, length: int, sequence: int) -> common_pb2.ObjectRef:
        segment, offset, target = self._explained(lambda: self._segments.allocate(length))
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

    def begin_segment(self, size: int) -> int:
        """See `GrowingObject`, which these four serve."""
        return self._explained(lambda: self._segments.begin(size))

    def extend_segment(self, number: int, size: int) -> None:
        """Let the segment have so many bytes. StoreFull when there is no room."""
        self._explained(lambda: self._segments.extend(number, size))

    def adopt_segment(self, number: int, size: int) -> memoryview:
        """Cut the segment to its bytes, and return them."""
        return self._segments.adopt(number, size)

    def sealed_segment(self, number: int, length: int, encoding: int) -> common_pb2.ObjectRef:
        """Return the reference of the object that an adopted segment holds."""
        sequence = self.number(length)
        with self._lock:
            self._placed[sequence] = (number, 0)
        return common_pb2.ObjectRef(
            writer=self.writer, sequence=sequence, encoding=encoding, length=length, segment=number, offset=0
        )

    def abandon_segment(self, number: int) -> None:
        """Remove the segment."""
        self._segments.abandon(number)

    def _explained(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except StoreFull as error:
            if self.explain_full is None:
                raise
            raise StoreFull(f"{error}; {self.explain_full()}") from error

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

    def _view_ended(self, key: _Key) -> None:
        if key in self._waiting:
            self._waiting.remove(key)
            self._free(key)

    def _free(self, key: _Key) -> None:
        if key[0] != self.writer or self._forked:
            return
        place = self._placed.pop(key[1], None)
        if place is not None:
            self._segments.release(*place)

    def _after_fork(self) -> None:
        # The lock belongs to the file description: a child that kept it would keep a dead parent's writer alive.
        self._forked = True
        self._lease.drop(unlink=False)
        self._lock = threading.RLock()


_open_stores: weakref.WeakSet[Store] = weakref.WeakSet()


def open_stores() -> list[Store]:
    """Return the stores that this process has open."""
    return list(_open_stores)


def _close_inherited_locks() -> None:
    for store in list(_open_stores):
        store._after_fork()


os.register_at_fork(after_in_child=_close_inherited_locks)
