"""The executor on real workers."""

from __future__ import annotations

import concurrent.futures
import os
import threading

import numpy as np
import pytest

import anabranch as ab


def add(x, y=1):
    return x + y


def test_order_chains_and_values(pool):
    with ab.Executor() as ex:
        assert list(ex.map(add, range(500))) == list(range(1, 501))
        assert list(ex.map(add, range(100), range(100), chunksize=7)) == list(range(0, 200, 2))
        future = ex.submit(add, 0)
        for _ in range(50):
            future = ex.submit(add, future)
        assert future.result(60) == 51
        big = np.arange(200_000.0)
        ref = ab.put(big)
        futures = [ex.submit(lambda a, i: a[i], ref, i) for i in range(5)]
        assert [f.result(60) for f in futures] == [0.0, 1.0, 2.0, 3.0, 4.0]
        assert ex.submit(np.cumsum, big).result(60)[-1] == big.sum()


def test_exceptions_are_raised_here(pool):
    class Special(Exception):
        pass

    def fail():
        raise Special("on purpose")

    with ab.Executor() as ex:
        with pytest.raises(Special, match="on purpose") as raised:
            ex.submit(fail).result(60)
        assert "in fail" in str(raised.value.__cause__)
        dependent = ex.submit(add, ex.submit(fail))
        assert dependent.exception(60) is not None
        failed = ex.submit(fail)
        assert failed.exception(60) is not None
        # Whether it had ended before makes no difference: the call fails, not its submission.
        assert isinstance(ex.submit(add, failed).exception(60), Special)
        with pytest.raises(Special):
            list(ex.map(lambda x: fail(), [1]))


def test_a_task_that_kills_its_process_costs_itself(pool):
    with ab.Executor() as ex:
        doomed = ex.submit(os.abort)
        others = [ex.submit(add, i) for i in range(20)]
        with pytest.raises(ab.TaskKilled):
            doomed.result(60)
        assert [f.result(60) for f in others] == list(range(1, 21))


def test_a_result_that_cannot_be_pickled_costs_itself(pool):
    with ab.Executor() as ex:
        with pytest.raises(TypeError, match="pickle"):
            ex.submit(threading.Lock).result(60)
        assert ex.submit(add, 1).result(60) == 2


def test_timeouts_name_themselves(pool):
    with ab.Executor(timeout=0.5) as ex, pytest.raises(ab.TaskTimeout):
        ex.submit(_forever).result(60)


def _forever():
    import time

    while True:
        time.sleep(1)


def test_a_running_call_can_be_cancelled(pool, tmp_path):
    started = tmp_path / "started"
    os.mkfifo(started)

    def say_and_stay(path):
        with open(path, "w") as file:
            file.write("running")
        _forever()

    with ab.Executor() as ex:
        future = ex.submit(say_and_stay, str(started))
        assert started.read_text() == "running"
        assert future.cancel()
        with pytest.raises(concurrent.futures.CancelledError):
            future.result(60)
        assert ex.submit(add, 1).result(60) == 2


def test_native_functions_can_be_called(pool):
    with ab.Executor() as ex:
        assert [ex.submit(ab.native("noop")).result(60) for _ in range(3)] == [None] * 3
        with pytest.raises(ab.TaskError, match="no native function 'nothing'"):
            ex.submit(ab.native("nothing")).result(60)
