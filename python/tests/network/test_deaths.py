"""How a death is noticed: a dropped connection tells of a process, silence of a host. No test is decided by time."""

from __future__ import annotations

import signal

import cloudpickle
import psutil
import pytest
from cluster import PATIENCE
from gate import Gate

import anabranch as ab
import workloads

pytestmark = pytest.mark.leaves("children", "descriptors")

LANES = pytest.mark.parametrize("lane", [(), ("--lane", "tcp://127.0.0.1:*")], ids=["ipc", "tcp"])


@pytest.fixture(autouse=True)
def workloads_by_value():
    cloudpickle.register_pickle_by_value(workloads)
    yield
    cloudpickle.unregister_pickle_by_value(workloads)


@pytest.fixture
def gate(tmp_path):
    (tmp_path / "gate").mkdir()
    one = Gate(tmp_path / "gate")
    yield one
    one.open()


def begin(cluster, gate, executor):
    """A task under way, and two workers: the one that has it and the other."""
    first = cluster.join(slots=1)
    running = executor.submit(workloads.linger, gate.path)
    gate.await_arrival(first, running)
    return running, first, cluster.join(slots=1)


@LANES
def test_a_killed_worker_is_told_by_its_connection(start, keys, gate, lane):
    # Silence would tell of it much later than a test waits.
    cluster = start(workers=0, lease=600, worker_options=lane)
    ab.init(cluster.address, key=str(keys / "client.key"))
    with ab.Executor() as ex:
        running, victim, other = begin(cluster, gate, ex)
        cluster.signal(victim, signal.SIGKILL)
        gate.await_arrival(other, running)
        assert cluster.state(cluster.observe().status(), victim) in ("lost", "")
        gate.open()
        running.result(PATIENCE)


@LANES
def test_a_silent_host_is_told_by_its_heartbeats(start, keys, gate, lane):
    cluster = start(workers=0, lease=1, worker_options=lane)
    ab.init(cluster.address, key=str(keys / "client.key"))
    with ab.Executor() as ex:
        running, victim, other = begin(cluster, gate, ex)
        host = [psutil.Process(victim), *cluster.runtimes(victim)]
        try:
            # Its connections stand: nobody closes them.
            for process in host:
                process.suspend()
            gate.await_arrival(other, running)
            assert cluster.state(cluster.observe().status(), victim) == "lost"
            gate.open()
            running.result(PATIENCE)
        finally:
            # The worker is the last: it ends the runtime whose task is done.
            for process in reversed(host):
                process.resume()
        cluster.observe().until(lambda s: cluster.state(s, victim) == "active", "the host back")
