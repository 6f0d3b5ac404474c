"""Which parts of a segment are in use."""

from __future__ import annotations

from bisect import bisect_left, insort

ALIGNMENT = 64


def aligned(length: int) -> int:
    """Round ``length`` up to a multiple of 64 bytes; at least 64."""
    return max(ALIGNMENT, (length + ALIGNMENT - 1) & -ALIGNMENT)


class RegionAllocator:
    """Best-fit allocation of 64-byte aligned regions of a segment; neighbours that become free are joined.

    Parameters
    ----------
    size : int
        Bytes of the segment, a multiple of 64.
    """

    def __init__(self, size: int) -> None:
        if size <= 0 or size % ALIGNMENT:
            raise ValueError(f"a segment's size must be a positive multiple of {ALIGNMENT}, not {size}")
        self.size = size
        self._used: dict[int, int] = {}
        self._length_at: dict[int, int] = {0: size}  # free regions by their start
        self._start_before: dict[int, int] = {size: 0}  # and by their end
        self._by_length: list[tuple[int, int]] = [(size, 0)]
        self.used_bytes = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is allocated."""
        return not self._used

    @property
    def largest_free(self) -> int:
        """Bytes of the largest region that could be allocated now."""
        return self._by_length[-1][0] if self._by_length else 0

    def allocate(self, length: int) -> int | None:
        """Take a region of ``length`` bytes (rounded up); its offset, or None when no free region is large enough."""
        wanted = aligned(length)
        place = bisect_left(self._by_length, (wanted, 0))
        if place == len(self._by_length):
            return None
        available, offset = self._by_length[place]
        self._remove_free(offset, available)
        if available > wanted:
            self._add_free(offset + wanted, available - wanted)
        self._used[offset] = wanted
        self.used_bytes += wanted
        return offset

    def release(self, offset: int) -> int:
        """Give back the region at ``offset``; its length. KeyError when no region in use starts there."""
        length = released = self._used.pop(offset)
        self.used_bytes -= released
        before = self._start_before.get(offset)
        if before is not None:
            length += offset - before
            self._remove_free(before, offset - before)
            offset = before
        after = self._length_at.get(offset + length)
        if after is not None:
            self._remove_free(offset + length, after)
            length += after
        self._add_free(offset, length)
        return released

    def validate(self) -> None:
        """Raise AssertionError unless used and free regions cover the segment exactly and no two free ones touch."""
        position, was_free = 0, False
        regions = [(o, n, False) for o, n in self._used.items()] + [(o, n, True) for o, n in self._length_at.items()]
        for offset, length, free in sorted(regions):
            assert offset == position and length > 0 and length % ALIGNMENT == 0, (offset, position, length)
            assert not (free and was_free), f"free regions touch at {offset}"
            position, was_free = offset + length, free
        assert position == self.size
        assert self.used_bytes == sum(self._used.values())
        assert self._by_length == sorted((n, o) for o, n in self._length_at.items())
        assert self._start_before == {o + n: o for o, n in self._length_at.items()}

    def _add_free(self, offset: int, length: int) -> None:
        self._length_at[offset] = length
        self._start_before[offset + length] = offset
        insort(self._by_length, (length, offset))

    def _remove_free(self, offset: int, length: int) -> None:
        del self._length_at[offset]
        del self._start_before[offset + length]
        del self._by_length[bisect_left(self._by_length, (length, offset))]
