"""One object whose bytes other processes write, and whose length is known when they have ended."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from anabranch.store.directory import segment_path
from anabranch.store.errors import StoreFull
from anabranch.store.regions import aligned
from anabranch.v1 import common_pb2

if TYPE_CHECKING:
    from anabranch.store.store import Store

_FIRST = 1 << 20
_STEP = 64 << 20


class GrowingObject:
    """A segment of a writer that grows as places in it are taken; sealed or abandoned in the end.

    Methods may be called on any thread.

    Parameters
    ----------
    store : Store
    header : int
        Bytes that the maker fills when it seals the object.
    """

    def __init__(self, store: Store, header: int) -> None:
        self._store = store
        #: Whether it has its reference.
        self.is_sealed = False
        self._lock = threading.Lock()
        self._end = header
        self._size = _FIRST
        self._number = store.begin_segment(self._size)
        #: The file in which places are.
        self.path = segment_path(store.path, store.writer, self._number)

    @property
    def length(self) -> int:
        """Bytes so far."""
        return self._end

    def take(self, length: int, alignment: int = 64) -> int:
        """Return the offset of ``length`` bytes that are the caller's. StoreFull when there is no room."""
        with self._lock:
            start = -(-self._end // alignment) * alignment
            end = start + length
            if end > self._size:
                generous = max(end, min(2 * self._size, self._size + _STEP))
                try:
                    self._store.extend_segment(self._number, generous)
                    self._size = generous
                except StoreFull:
                    # What is wanted may fit where a reserve does not.
                    self._size = aligned(end)
                    self._store.extend_segment(self._number, self._size)
            self._end = end
            return start

    def seal(self, encoding: int, header: bytes, trailer: bytes = b"") -> common_pb2.ObjectRef:
        """Write what stands before and behind the rest, and return the object's reference."""
        if trailer:
            start = self.take(len(trailer), 1)
        target = self._store.adopt_segment(self._number, self._end)
        target[: len(header)] = header
        if trailer:
            target[start : start + len(trailer)] = trailer
        self.is_sealed = True
        return self._store.sealed_segment(self._number, self._end, encoding)

    def abandon(self) -> None:
        """Give the memory back, unless the object is sealed."""
        if not self.is_sealed:
            self._store.abandon_segment(self._number)
