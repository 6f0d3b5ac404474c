"""Workers and their runtimes are killed, stopped, drained: the results are those of the run that nobody disturbed."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from cluster import PATIENCE, standing
from gate import Gate

import anabranch as ab
from anabranch.process_client import current
from workloads import KINDS

pytestmark = pytest.mark.leaves("children", "descriptors")


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
def gate(tmp_path):
    one = Gate(tmp_path)
    yield one
    one.open()


@pytest.fixture
def start(gate):
    """Start a kind of work on a thread; its slow tasks wait at the gate."""
    with ThreadPoolExecutor() as threads:
        yield lambda kind: threads.submit(KINDS[kind], gate.path)
        # A test that fails leaves nobody waiting.
        gate.open()


@pytest.mark.parametrize("kind", KINDS)
def test_one_worker_is_killed(cluster, gate, start, undisturbed, kind):
    victim = next(iter(cluster.workers))
    work = start(kind)
    gate.await_arrival(victim, work)
    cluster.signal(victim, signal.SIGKILL)
    gate.open()
    assert work.result(PATIENCE) == undisturbed[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_all_workers_are_killed_and_others_join(cluster, gate, start, undisturbed, kind):
    victims = list(cluster.workers)
    work = start(kind)
    for pid in victims:
        gate.await_arrival(pid, work)
    for pid in victims:
        cluster.signal(pid, signal.SIGKILL)
    gate.open()
    cluster.join()
    assert work.result(PATIENCE) == undisturbed[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_is_stopped_past_its_lease_and_comes_back(cluster, gate, start, undisturbed, kind):
    """Its runtimes go on while it stands, and so do others with the same tasks: it comes back with doubled results."""
    victim = next(iter(cluster.workers))
    work = start(kind)
    gate.await_arrival(victim, work)
    cluster.signal(victim, signal.SIGSTOP)
    try:
        cluster.observe().until(lambda s: cluster.state(s, victim) == "lost", "the stopped worker silent")
        gate.open()
    finally:
        cluster.signal(victim, signal.SIGCONT)
    cluster.observe().until(lambda s: cluster.state(s, victim) == "active", "the worker back")
    assert work.result(PATIENCE) == undisturbed[kind]


def test_the_only_worker_is_stopped_and_what_it_has_done_meanwhile_counts(cluster, gate, start, undisturbed):
    """Its runtimes go on while it stands: their results come late, and need not be made again."""
    victim, other = cluster.workers
    try:
        cluster.signal(other, signal.SIGSTOP)
        cluster.observe().until(lambda s: cluster.state(s, other) == "lost", "the other worker silent")
        work = start("fit")
        gate.await_arrival(victim, work)
        cluster.signal(victim, signal.SIGSTOP)
        cluster.observe().until(lambda s: cluster.state(s, victim) == "lost", "all workers silent")
        gate.open()
    finally:
        for pid in (victim, other):
            cluster.signal(pid, signal.SIGCONT)
    assert work.result(PATIENCE) == undisturbed["fit"]


@pytest.mark.parametrize("kind", KINDS)
def test_runtimes_are_killed_and_stopped(cluster, gate, start, undisturbed, kind):
    first, second = cluster.workers
    work = start(kind)
    killed, stopped = (psutil.Process(gate.await_arrival(pid, work)) for pid in (first, second))
    before = gate.arrivals(first)
    killed.kill()
    stopped.suspend()
    gate.await_arrival(first, work, but=before)
    gate.open()
    stopped.resume()
    assert work.result(PATIENCE) == undisturbed[kind]


@pytest.mark.parametrize("kind", ["cross_validate"])
def test_a_worker_is_drained(cluster, gate, start, undisturbed, kind):
    victim = next(iter(cluster.workers))
    work = start(kind)
    gate.await_arrival(victim, work)
    cluster.signal(victim, signal.SIGTERM)
    gate.open()
    assert work.result(PATIENCE) == undisturbed[kind]
    assert cluster.workers.pop(victim).wait(PATIENCE) == 0


def test_a_worker_that_dies_while_it_stands_silent(cluster, gate, start, undisturbed):
    victim = next(iter(cluster.workers))
    work = start("cross_validate")
    gate.await_arrival(victim, work)
    cluster.signal(victim, signal.SIGSTOP)
    cluster.observe().until(lambda s: cluster.state(s, victim) == "lost", "the stopped worker silent")
    cluster.signal(victim, signal.SIGKILL)
    gate.open()
    assert work.result(PATIENCE) == undisturbed["cross_validate"]


@pytest.mark.parametrize("kind", ["fit", "calls"])
def test_the_worker_of_an_embedded_pool_is_killed(shared, gate, start, undisturbed, kind):
    ab.shutdown()
    ab.init(slots=2)
    try:
        work = start(kind)
        (worker,) = psutil.Process(current().pool.pid).children()
        gate.await_arrival(worker.pid, work)
        running = worker.children(recursive=True)
        worker.kill()
        _, alive = psutil.wait_procs([worker, *running], timeout=PATIENCE)
        assert not alive
        gate.open()
        assert work.result(PATIENCE) == undisturbed[kind]
    finally:
        gate.open()
        ab.shutdown()
        ab.init(shared.address)
