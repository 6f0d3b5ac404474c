"""Tasks that allocate more than they may: an error that names the ceiling and what sets it."""

from __future__ import annotations

import sys

import cloudpickle
import numpy as np
import pytest

import anabranch as ab

LIMIT = 60


def square(x):
    return x * x


def allocate_lists():
    kept = []
    while True:
        kept.append([0] * 1_000_000)


def allocate_arrays():
    return np.concatenate([np.ones(10_000_000) for _ in range(100)])


@pytest.mark.parametrize("function", [allocate_lists, allocate_arrays])
def test_an_allocation_storm_is_an_error_that_names_its_ceiling(pool, function):
    with ab.Executor(memory="500M") as ex:
        error = ex.submit(function).exception(LIMIT)
        assert isinstance(error, ab.TaskOutOfMemory) and isinstance(error, MemoryError)
        assert "500 MiB (memory=)" in str(error) and "peak" in str(error), error
        assert ex.submit(square, 5).result(LIMIT) == 25


@pytest.mark.leaves("children", "descriptors")
def test_a_slot_has_the_ceiling_of_its_flag(session_pool, monkeypatch):
    """`--memory-per-slot` of the worker, by its twin in the environment; a task may ask for more."""
    monkeypatch.setenv("ANABRANCH_MEMORY_PER_SLOT", "400M")
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    ab.shutdown()
    ab.init(slots=1)
    try:
        with ab.Executor() as ex, ab.Executor(memory="1500M") as wide:
            error = ex.submit(allocate_arrays).exception(LIMIT)
            assert isinstance(error, ab.TaskOutOfMemory) and "400 MiB (--memory-per-slot)" in str(error), error
            assert wide.submit(lambda: len(np.ones(80_000_000))).result(LIMIT) == 80_000_000
            again = ex.submit(allocate_arrays).exception(LIMIT)
            assert isinstance(again, ab.TaskOutOfMemory) and "400 MiB (--memory-per-slot)" in str(again), again
    finally:
        ab.shutdown()
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
