"""The allocator against a naive model."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.store.regions import RegionAllocator, aligned


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3000)), max_size=200))
def test_regions_never_overlap_and_are_found_again(steps: list[tuple[bool, int]]) -> None:
    allocator = RegionAllocator(64 * 128)
    owner: list[int | None] = [None] * 128  # of each 64 bytes
    live: dict[int, int] = {}
    for number, (allocates, amount) in enumerate(steps):
        if allocates or not live:
            offset = allocator.allocate(amount)
            blocks = aligned(amount) // 64
            if offset is None:
                run = longest = 0
                for block in owner:
                    run = run + 1 if block is None else 0
                    longest = max(longest, run)
                assert longest < blocks
            else:
                assert offset % 64 == 0
                place = slice(offset // 64, offset // 64 + blocks)
                assert owner[place] == [None] * blocks
                owner[place] = [number] * blocks
                live[offset] = blocks
        else:
            offset = sorted(live)[amount % len(live)]
            blocks = live.pop(offset)
            assert allocator.release(offset) == blocks * 64
            owner[offset // 64 : offset // 64 + blocks] = [None] * blocks
        allocator.validate()
    for offset in list(live):
        allocator.release(offset)
    allocator.validate()
    assert allocator.is_empty and allocator.largest_free == 64 * 128


def test_best_fit_leaves_the_large_region_whole() -> None:
    allocator = RegionAllocator(64 * 100)
    offsets = [allocator.allocate(640) for _ in range(10)]
    allocator.release(offsets[2])
    allocator.release(offsets[5])
    allocator.release(offsets[6])
    assert allocator.allocate(640) == offsets[2]
    assert allocator.largest_free == 1280


def test_what_is_not_allocated_cannot_be_released() -> None:
    allocator = RegionAllocator(640)
    offset = allocator.allocate(64)
    assert offset is not None
    allocator.release(offset)
    with pytest.raises(KeyError):
        allocator.release(offset)
