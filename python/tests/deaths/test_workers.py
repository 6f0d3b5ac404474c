"""Workers and their runtimes are killed, stopped, drained: the results are those of the run that nobody disturbed."""

from __future__ import annotations

import signal
from concurrent.futures import Future, ThreadPoolExecutor

import psutil
import pytest
from cluster import PATIENCE, Cluster, standing

import anabranch as ab
from anabranch.client import current
from workloads import KINDS

pytestmark = pytest.mark.leaves("children", "descriptors")

#: Seconds of each slow task: long enough that whatever is killed has some under way.
SLOW = 0.1


@pytest.fixture(scope="module")
def shared():
    with standing() as one:
        yield one


@pytest.fixture
def cluster(shared):
    """Two workers that nothing has happened to."""
    while len(shared.workers) < 2:
        shared.join()
    return shared


@pytest.fixture
def start():
    """Start a kind of work on a thread."""
    with ThreadPoolExecutor() as threads:
        yield lambda kind, seconds=SLOW: threads.submit(KINDS[kind], seconds)


def busy(cluster: Cluster, pid: int, work: Future) -> None:
    """Wait until a worker runs something, in a runtime that has begun."""

    def is_so(status):
        assert not work.done(), work.result()
        return any(w.pid == pid and w.running and w.finished for w in status.workers)

    cluster.observe().until(is_so, f"worker {pid} at work")


@pytest.mark.parametrize("kind", KINDS)
def test_one_worker_is_killed(cluster, start, undisturbed, kind):
    victim = next(iter(cluster.workers))
    work = start(kind)
    busy(cluster, victim, work)
    cluster.signal(victim, signal.SIGKILL)
    assert work.result(PATIENCE) == undisturbed[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_all_workers_are_killed_and_others_join(cluster, start, undisturbed, kind):
    victims = list(cluster.workers)
    work = start(kind)
    for pid in victims:
        busy(cluster, pid, work)
    for pid in victims:
        cluster.signal(pid, signal.SIGKILL)
    assert not work.done()
    cluster.join()
    assert work.result(PATIENCE) == undisturbed[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_is_stopped_past_its_lease_and_comes_back(cluster, start, undisturbed, kind):
    victim = next(iter(cluster.workers))
    work = start(kind)
    busy(cluster, victim, work)
    cluster.signal(victim, signal.SIGSTOP)
    try:
        cluster.observe().until(lambda s: cluster.state(s, victim) == "lost", "the stopped worker silent")
    finally:
        cluster.signal(victim, signal.SIGCONT)
    cluster.observe().until(lambda s: cluster.state(s, victim) == "active", "the worker back")
    assert work.result(PATIENCE) == undisturbed[kind]


def test_the_only_worker_is_stopped_and_what_it_has_done_meanwhile_counts(cluster, start, undisturbed):
    """Its runtimes go on while it stands: their results come late, and need not be made again."""
    (victim, other), work = list(cluster.workers), None
    try:
        cluster.signal(other, signal.SIGSTOP)
        cluster.observe().until(lambda s: cluster.state(s, other) == "lost", "the other worker silent")
        work = start("fit")
        busy(cluster, victim, work)
        cluster.signal(victim, signal.SIGSTOP)
        cluster.observe().until(lambda s: cluster.state(s, victim) == "lost", "all workers silent")
    finally:
        for pid in (victim, other):
            cluster.signal(pid, signal.SIGCONT)
    assert work.result(PATIENCE) == undisturbed["fit"]


@pytest.mark.parametrize("kind", KINDS)
def test_runtimes_are_killed_and_stopped(cluster, start, undisturbed, kind):
    first, second = cluster.workers
    work = start(kind)
    for pid in (first, second):
        busy(cluster, pid, work)
    cluster.runtime(first).kill()
    stopped = cluster.runtime(second)
    stopped.suspend()
    busy(cluster, first, work)
    stopped.resume()
    assert work.result(PATIENCE) == undisturbed[kind]


@pytest.mark.parametrize("kind", ["cross_validate"])
def test_a_worker_is_drained(cluster, start, undisturbed, kind):
    victim = next(iter(cluster.workers))
    work = start(kind)
    busy(cluster, victim, work)
    cluster.signal(victim, signal.SIGTERM)
    assert work.result(PATIENCE) == undisturbed[kind]
    assert cluster.workers.pop(victim).wait(PATIENCE) == 0


def test_a_worker_that_dies_while_it_stands_silent(cluster, start, undisturbed):
    victim = next(iter(cluster.workers))
    work = start("cross_validate")
    busy(cluster, victim, work)
    cluster.signal(victim, signal.SIGSTOP)
    cluster.observe().until(lambda s: cluster.state(s, victim) == "lost", "the stopped worker silent")
    cluster.signal(victim, signal.SIGKILL)
    assert work.result(PATIENCE) == undisturbed["cross_validate"]


@pytest.mark.parametrize("kind", ["fit", "calls"])
def test_the_worker_of_an_embedded_pool_is_killed(shared, start, undisturbed, kind):
    ab.shutdown()
    ab.init(slots=2)
    try:
        pool = psutil.Process(current().pool.pid)
        work = start(kind)
        (worker,) = pool.children()
        while not (running := worker.children(recursive=True)):
            assert not work.done(), work.result()
        worker.kill()
        _, alive = psutil.wait_procs([worker, *running], timeout=PATIENCE)
        assert not alive
        assert work.result(PATIENCE) == undisturbed[kind]
    finally:
        ab.shutdown()
        ab.init(shared.address)
