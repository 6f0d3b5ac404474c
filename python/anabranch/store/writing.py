"""A writer's own segments: created, recycled, shrunk."""

from __future__ import annotations

import mmap
import os
from collections import deque
from contextlib import suppress
from threading import Lock

from anabranch.store.directory import create_segment, extend_segment, segment_path, writer_count
from anabranch.store.errors import StoreError, StoreFull
from anabranch.store.regions import RegionAllocator, aligned

MIB = 1 << 20
# Bytes of arenas where the budget does not ask for smaller ones.
SMALLEST_ARENA = 4 * MIB
LARGEST_ARENA = 64 * MIB
# An arena is at most this share of the budget, or a mebibyte if that is more: what is free in one is lost to others.
ARENA_SHARE = 64
# Empty segments that are kept for the next objects, unless recent objects were larger.
KEPT_IDLE = 256 * MIB
# All writers together keep at most this share of the budget idle: what one keeps, another cannot have.
IDLE_SHARE = 4
# So much, or this share of the budget, is never worth counting the writers for.
SMALL_IDLE = 16 * MIB
SMALL_IDLE_SHARE = 64


class Segment:
    """A segment file of this process, mapped for writing for as long as it is kept."""

    def __init__(
        self, directory: str, writer: int, number: int, size: int, budget: int, arena: bool, is_there: bool = False
    ) -> None:
        self.number = number
        self.arena = arena
        self.regions = RegionAllocator(size)
        self.path = segment_path(directory, writer, number)
        if is_there:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        else:
            descriptor = create_segment(directory, writer, number, size, budget)
        try:
            # Not populated: the pages exist, and faulting them in while they are filled costs less than before.
            self._map = mmap.mmap(descriptor, size)
        except BaseException:
            os.unlink(self.path)
            raise
        finally:
            os.close(descriptor)
        self.bytes = memoryview(self._map)

    def remove(self) -> None:
        """Give the memory back. Only for a segment without objects: nobody may read what stood here."""
        # Readers that keep the file mapped would keep its pages; elsewhere than on a tmpfs, they do.
        with suppress(OSError):
            self._map.madvise(mmap.MADV_REMOVE)
        with suppress(FileNotFoundError):
            os.unlink(self.path)
        self.unmap()

    @property
    def is_intact(self) -> bool:
        """Whether the file still stands as it was made.

        Nobody reads what is written to one that was removed, and to write to one that was cut short is a SIGBUS.
        """
        try:
            return os.stat(self.path, follow_symlinks=False).st_size >= self.regions.size
        except OSError:
            return False

    def unmap(self) -> None:
        """Forget the mapping, not the file."""
        self.bytes.release()
        with suppress(BufferError):  # a thread, or the traceback of one, still has a place in it
            self._map.close()


def largest_arena(budget: int) -> int:
    """Bytes that an arena has at most where all segments may have ``budget``."""
    largest = LARGEST_ARENA
    while budget and largest > max(MIB, budget // ARENA_SHARE):
        largest //= 2
    return largest


class SegmentWriter:
    """Places objects in this writer's segments.

    Small objects share arenas (4 MiB at first, then twice the last, up to 64 MiB or a small share of the budget); an
    object of half the largest or more has a segment of its own. Regions and segments are recycled. Every method may be
    called on any thread.

    Parameters
    ----------
    directory : str
        The store's directory.
    writer : int
        Id of this process as a writer.
    budget : int
        Bytes that all segments of the store may have together; 0: no limit but the file system's.
    """

    def __init__(self, directory: str, writer: int, budget: int) -> None:
        self._directory = directory
        self._writer = writer
        self._budget = budget
        self._segments: dict[int, Segment] = {}
        self._created = 0
        self._largest_arena = largest_arena(budget)
        self._next_arena = min(SMALLEST_ARENA, self._largest_arena)
        self._recent: deque[int] = deque(maxlen=32)
        self._lock = Lock()
        self._closed = False

    def allocate(self, length: int) -> tuple[int, int, memoryview]:
        """Reserve ``length`` bytes: (segment number, offset, the writable bytes). StoreFull when there is no room."""
        wanted = aligned(length)
        with self._lock:
            if self._closed:
                raise StoreError("the store is closed")
            while True:
                is_alone = wanted >= self._largest_arena // 2
                segment, offset = self._allocate_own(wanted) if is_alone else self._allocate_shared(wanted)
                if segment.is_intact:
                    return segment.number, offset, segment.bytes[offset : offset + length]
                # Its objects are lost to whoever has not opened them; nothing further goes there.
                del self._segments[segment.number]
                segment.unmap()

    def begin(self, size: int) -> int:
        """Create a segment for one object that other processes write, and that may grow; its number."""
        with self._lock:
            if self._closed:
                raise StoreError("the store is closed")
            self._created += 1
            number = self._created
        os.close(create_segment(self._directory, self._writer, number, size, self._budget))
        return number

    def extend(self, number: int, size: int) -> None:
        """Let a segment that was begun have ``size`` bytes. StoreFull when there is no room."""
        extend_segment(self._directory, self._writer, number, size, self._budget)

    def adopt(self, number: int, size: int) -> memoryview:
        """Take a segment that was begun among the others, cut to ``size`` bytes and all in use; return its bytes."""
        whole = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        os.truncate(segment_path(self._directory, self._writer, number), whole)
        segment = Segment(self._directory, self._writer, number, whole, self._budget, arena=False, is_there=True)
        segment.regions.allocate(whole)
        with self._lock:
            self._segments[number] = segment
        return segment.bytes[:size]

    def abandon(self, number: int) -> None:
        """Remove a segment that was begun."""
        with suppress(FileNotFoundError):
            os.unlink(segment_path(self._directory, self._writer, number))

    def release(self, number: int, offset: int) -> None:
        """Let the region be used again: nobody needs or holds what stands there."""
        with self._lock:
            segment = self._segments.get(number)
            if segment is None:
                return
            segment.regions.release(offset)
            if segment.regions.is_empty and self._idle_bytes() > self._small_idle():
                self._shrink(self._kept_idle())

    def close(self) -> None:
        """Remove the empty segments and unmap the others, whose objects outlive this process."""
        with self._lock:
            self._closed = True
            self._shrink(0)
            for segment in self._segments.values():
                segment.unmap()
            self._segments.clear()

    @property
    def total_bytes(self) -> int:
        """Sizes of all segments of this writer together."""
        with self._lock:
            return sum(segment.regions.size for segment in self._segments.values())

    def _allocate_shared(self, wanted: int) -> tuple[Segment, int]:
        for segment in self._segments.values():
            if segment.arena and segment.regions.largest_free >= wanted:
                break
        else:
            size = self._next_arena
            while size < wanted:
                size *= 2
            segment = self._create(size, wanted, arena=True)
            self._next_arena = min(self._largest_arena, max(self._next_arena, segment.regions.size * 2))
        offset = segment.regions.allocate(wanted)
        assert offset is not None
        return segment, offset

    def _allocate_own(self, wanted: int) -> tuple[Segment, int]:
        self._recent.append(wanted)
        fitting = [
            segment
            for segment in self._segments.values()
            if not segment.arena and segment.regions.is_empty and wanted <= segment.regions.size <= 2 * wanted
        ]
        # Rounded up to an eighth, so that sizes which vary a little recycle the same segments.
        step = 1 << (wanted.bit_length() - 4)
        segment = min(fitting, key=lambda segment: segment.regions.size, default=None) or self._create(
            -(-wanted // step) * step, wanted, arena=False
        )
        # All of it: what is left over is no arena.
        segment.regions.allocate(segment.regions.size)
        return segment, 0

    def _create(self, size: int, least: int, arena: bool) -> Segment:
        try:
            return self._new_segment(size, arena)
        except StoreFull:
            self._make_room()
        try:
            return self._new_segment(size, arena)
        except StoreFull:
            # A whole arena does not fit, but this one object may.
            rounded = -(-least // mmap.PAGESIZE) * mmap.PAGESIZE
            if rounded >= size:
                raise
            return self._new_segment(rounded, arena)

    def _make_room(self) -> None:
        """Free what this writer can before an allocation is tried once more. Spilling cold objects belongs here."""
        self._shrink(0)

    def _new_segment(self, size: int, arena: bool) -> Segment:
        self._created += 1
        segment = Segment(self._directory, self._writer, self._created, size, self._budget, arena)
        self._segments[segment.number] = segment
        return segment

    def _kept_idle(self) -> int:
        kept = max(KEPT_IDLE, max(self._recent, default=0) * 9 // 8)
        if not self._budget:
            return kept
        return min(kept, self._budget // IDLE_SHARE // writer_count(self._directory))

    def _small_idle(self) -> int:
        return min(SMALL_IDLE, self._budget // SMALL_IDLE_SHARE) if self._budget else SMALL_IDLE

    def _idle_bytes(self) -> int:
        return sum(segment.regions.size for segment in self._segments.values() if segment.regions.is_empty)

    def _shrink(self, kept: int) -> None:
        idle = [segment for segment in self._segments.values() if segment.regions.is_empty]
        excess = self._idle_bytes() - kept
        for segment in idle:
            if excess <= 0:
                break
            del self._segments[segment.number]
            excess -= segment.regions.size
            segment.remove()
