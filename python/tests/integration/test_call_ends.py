"""How calls end that nobody waits for: at the end of the program, of a block, of a `map` that failed."""

from __future__ import annotations

import gc
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import anabranch as ab
from anabranch.call_future import CallFuture

LEAVES = """
import pathlib, sys, time
import anabranch as ab

def write(directory, i):
    time.sleep(0.2)
    (pathlib.Path(directory) / str(i)).touch()

ab.init(slots=2)
ex = ab.Executor()
for i in range(4):
    ex.submit(write, sys.argv[1], i)
"""
SHUTS = f"{LEAVES}\nex.shutdown(wait=False)\n"
INTERRUPTED = f"{LEAVES}\nex.submit(time.sleep, 10_000)\nraise KeyboardInterrupt\n"


def run(program: str, directory: pathlib.Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", program, str(directory)], timeout=120, capture_output=True, text=True)


@pytest.mark.parametrize("program", [LEAVES, SHUTS])
@pytest.mark.cluster
def test_a_program_that_ends_has_done_what_it_submitted(program, tmp_path):
    done = run(program, tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == list("0123")


@pytest.mark.cluster
def test_a_program_that_ends_by_ctrl_c_waits_for_nothing(tmp_path):
    done = run(INTERRUPTED, tmp_path)
    assert done.returncode in (130, -signal.SIGINT)
    assert done.stderr.splitlines()[-1] == "KeyboardInterrupt"


def test_a_block_that_is_left_by_ctrl_c_cancels(pool):
    with pytest.raises(KeyboardInterrupt), ab.Executor() as ex:
        futures = [ex.submit(time.sleep, 10_000) for _ in range(5)]
        raise KeyboardInterrupt
    assert all(future.cancelled() for future in futures)


def test_a_map_whose_time_is_over_stops_what_it_waits_for(pool):
    with ab.Executor() as ex, pytest.raises(TimeoutError):
        list(ex.map(time.sleep, [10_000] * 3, timeout=0.5))


def test_results_of_a_map_that_failed_are_not_kept(pool):
    def fails_first(i):
        if i == 0:
            raise ValueError(i)
        return np.zeros(100_000)

    def alive():
        return sum(isinstance(one, CallFuture) for one in gc.get_objects())

    gc.collect()
    before = alive()
    gc.disable()
    try:
        with ab.Executor() as ex:
            for _ in range(3):
                with pytest.raises(ValueError):
                    list(ex.map(fails_first, range(5)))
        assert alive() == before
    finally:
        gc.enable()


def test_a_map_goes_no_further_ahead_than_it_is_told(pool, tmp_path):
    def begin(i):
        (tmp_path / str(i)).touch()
        return i

    with ab.Executor() as ex:
        results = ex.map(begin, range(20), buffersize=3)
        assert next(results) == 0
        # What is to come has been submitted before what has been taken was handed over.
        assert len(os.listdir(tmp_path)) <= 4
        assert list(results) == list(range(1, 20))
        assert list(ex.map(begin, range(20), chunksize=4, buffersize=2)) == list(range(20))
        with pytest.raises(ValueError, match="buffersize"):
            ex.map(begin, range(20), buffersize=0)
        with pytest.raises(TypeError):
            ex.map(begin, range(20), bufersize=1)


def test_a_call_fails_as_the_call_it_waited_for(pool):
    def divide(i):
        return 1 // i

    with ab.Executor() as ex:
        pairs = [ex.submit(divide, ex.submit(divide, 0)) for _ in range(200)]
        assert {type(future.exception(60)) for future in pairs} == {ZeroDivisionError}
