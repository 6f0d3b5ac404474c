"""Nobody spins while there is nothing to do, and Ctrl-C finds whoever waits."""

from __future__ import annotations

import os
import signal
import threading
import time

import psutil
import pytest

import anabranch as ab


def cpu_seconds() -> float:
    """CPU time of this process and of all that it has started."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    times = [process.cpu_times() for process in processes]
    return sum(time.user + time.system for time in times)


def test_an_idle_pool_takes_no_cpu(pool):
    with ab.Executor() as ex:
        list(ex.map(abs, range(1_000)))
        waiting = threading.Thread(target=ex.submit(time.sleep, 2.0).result, args=(60,))
        waiting.start()
        before = cpu_seconds()
        waiting.join(60)
        # Two seconds in which one task sleeps and one thread waits for it: heartbeats, and nothing that turns.
        assert cpu_seconds() - before < 0.4


def test_an_interrupted_wait_loses_nothing(pool):
    with ab.Executor() as ex:
        for _ in range(3):
            slow = ex.submit(time.sleep, 0.5)
            others = [ex.submit(abs, -i) for i in range(500)]
            threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT]).start()
            with pytest.raises(KeyboardInterrupt):
                slow.result(60)
            assert [other.result(60) for other in others] == list(range(500))
            assert slow.result(60) is None


def test_many_threads_wait_at_once(pool):
    with ab.Executor() as ex:
        seen: list[int] = []

        def ask(first):
            seen.extend(ex.submit(abs, -i).result(60) for i in range(first, first + 100))

        threads = [threading.Thread(target=ask, args=(first,)) for first in range(0, 800, 100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert sorted(seen) == list(range(800))


def test_calls_in_a_row_are_all_answered(pool):
    # What is sent may hide what has come: each of these ends only if no answer is overlooked.
    with ab.Executor() as ex:
        for _ in range(3):
            future = ex.submit(ab.native("noop"))
            for _ in range(300):
                future = ex.submit(ab.native("noop"), future)
            future.result(60)
