"""Nobody spins while there is nothing to do, and Ctrl-C finds whoever waits."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

import psutil
import pytest

import anabranch as ab


def cpu_seconds() -> float:
    """CPU time of this process and of all that it has started."""
    seconds = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        # A process that ends meanwhile takes its time along.
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds += times.user + times.system
    return seconds


def test_an_idle_pool_takes_no_cpu(pool):
    with ab.Executor() as ex:
        list(ex.map(abs, range(1_000)))
        spent = []
        # What earlier tasks needed may still be imported for later ones. That ends; what turns does not.
        while min(spent, default=1.0) >= 0.4 and len(spent) < 10:
            waiting = threading.Thread(target=ex.submit(time.sleep, 2.0).result, args=(60,))
            waiting.start()
            before = cpu_seconds()
            waiting.join(60)
            spent.append(cpu_seconds() - before)
        # Two seconds in which one task sleeps and one thread waits for it: heartbeats, and nothing that turns.
        assert min(spent) < 0.4, spent


def test_an_interrupted_wait_loses_nothing(pool, tmp_path):
    def pass_gate(path):
        with open(path) as gate:
            return gate.read()

    with ab.Executor() as ex:
        for round_ in range(3):
            gate = tmp_path / f"gate-{round_}"
            os.mkfifo(gate)
            # It ends after the interrupt, whenever that comes.
            slow = ex.submit(pass_gate, str(gate))
            others = [ex.submit(abs, -i) for i in range(500)]
            with pytest.raises(KeyboardInterrupt):
                timer = threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT])
                timer.start()
                slow.result(60)
            timer.join()
            gate.write_text("open")
            assert [other.result(60) for other in others] == list(range(500))
            assert slow.result(60) == "open"


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
