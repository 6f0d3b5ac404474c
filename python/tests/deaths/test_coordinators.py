"""A coordinator is killed, or stands still: its runs end with a clear error or go on, and nothing is left of it."""

from __future__ import annotations

import os
import pathlib
import signal
import time
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial

import numpy as np
import psutil
import pytest
from cluster import PATIENCE, standing
from gate import Gate

import anabranch as ab
from anabranch.process_client import current
from workloads import KINDS, _array, fitted, graph, table

pytestmark = pytest.mark.leaves("children", "descriptors")


@pytest.fixture
def cluster():
    with standing() as one:
        yield one


def work_of_every_kind():
    """A run and calls under way, and what a client has of earlier ones."""
    ex = ab.Executor()
    held = ex.submit(_array, 3).result(PATIENCE)
    came = [ex.submit(_array, 4), ex.submit(pow, 2, 9)]
    wait(came, PATIENCE)
    run = graph(5.0).fit(*table(), wait=False)
    call = ex.submit(time.sleep, 600)
    return held, came, run, call


def ends_with_a_word(run, call):
    """Neither hangs, and both say what has happened."""
    with pytest.raises(ab.ConnectionFailed, match=r"the coordinator at .* is gone"):
        run.wait(PATIENCE)
    assert run.state == "lost"
    with pytest.raises(ab.ConnectionFailed, match=r"the coordinator at .* is gone"):
        call.result(PATIENCE)


def test_a_standing_coordinator_is_killed(cluster, undisturbed, monkeypatch):
    held, came, run, call = work_of_every_kind()
    cluster.observe().until(lambda s: any(w.running == w.slots for w in s.workers), "the worker at work")
    family = cluster.family()
    cluster.kill_coordinator()
    ends_with_a_word(run, call)
    # What had come before can be looked at after.
    assert np.array_equal(came[0].result(), _array(4)) and came[1].result() == 512
    # What comes now goes to the same address, where nothing answers; not to a pool of this process, unasked.
    with monkeypatch.context() as patch:
        patch.setattr("anabranch.process_client.init", partial(ab.init, timeout=1))
        for _ in range(2):
            with pytest.raises(ab.ConnectionFailed, match=cluster.address):
                ab.Executor().submit(pow, 2, 6)
    # The workers leave by themselves, with all that they started.
    assert not psutil.wait_procs(family, timeout=PATIENCE)[1]
    for worker in cluster.workers.values():
        worker.wait(PATIENCE)
    cluster.workers.clear()
    # What a program holds of the old store it keeps, also when a new coordinator has cleared that away.
    old = cluster.store
    cluster.start_coordinator()
    assert not old.exists()
    cluster.join()
    ab.init(cluster.address)
    assert fitted(0.0) == undisturbed["fit"]
    assert np.array_equal(held, _array(3))


def test_the_pool_of_a_client_is_killed(undisturbed):
    ab.shutdown()
    ab.init(slots=2)
    held, came, run, call = work_of_every_kind()
    pool = psutil.Process(current().pool.pid)
    family, store = [pool, *pool.children(recursive=True)], pathlib.Path(current().welcome.store)
    pool.kill()
    ends_with_a_word(run, call)
    assert np.array_equal(came[0].result(), _array(4)) and came[1].result() == 512
    assert not psutil.wait_procs(family, timeout=PATIENCE)[1]
    assert fitted(0.0) == undisturbed["fit"]
    assert not store.exists()
    assert np.array_equal(held, _array(3))
    ab.shutdown()


@pytest.mark.parametrize("kind", ["fit", "calls"])
def test_a_coordinator_that_stands_still_past_the_lease(cluster, tmp_path, undisturbed, kind):
    assert cluster.coordinator is not None
    gate = Gate(tmp_path)
    with ThreadPoolExecutor() as threads:
        try:
            work = threads.submit(KINDS[kind], gate.path)
            gate.await_arrival(next(iter(cluster.workers)), work)
            os.kill(cluster.coordinator.pid, signal.SIGSTOP)
        finally:
            gate.open()
        # Longer than a lease, so that all that was sent meanwhile is old when it is read.
        time.sleep(2.5 * cluster.lease)
        assert not work.done()
        os.kill(cluster.coordinator.pid, signal.SIGCONT)
        assert work.result(PATIENCE) == undisturbed[kind]


def test_a_worker_that_slept_through_the_death_of_its_coordinator(cluster):
    """It wakes up in the time of another coordinator, finds its own gone, and leaves without a word."""
    (pid,) = cluster.workers
    _, _, run, call = work_of_every_kind()
    cluster.observe().until(lambda s: any(w.running == w.slots for w in s.workers), "the worker at work")
    cluster.signal(pid, signal.SIGSTOP)
    cluster.kill_coordinator()
    ends_with_a_word(run, call)
    cluster.start_coordinator()
    ab.init(cluster.address)
    with ab.Executor() as ex:
        future = ex.submit(pow, 2, 5)
        cluster.signal(pid, signal.SIGCONT)
        assert cluster.workers.pop(pid).wait(PATIENCE) != 0
        cluster.join()
        assert future.result(PATIENCE) == 32
    status = cluster.observe().status()
    assert len(status.workers) == 1 and status.dropped_messages == 0
