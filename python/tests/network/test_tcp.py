"""Workers on tcp: they come late, are told to leave, stand still, and outlive their coordinator."""

from __future__ import annotations

import signal

import cloudpickle
import pytest
from cluster import PATIENCE
from gate import Gate
from ports import free_ports

import anabranch as ab
import workloads

pytestmark = pytest.mark.leaves("children", "descriptors")


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


def connect(cluster, keys):
    ab.shutdown()
    ab.init(cluster.address, key=str(keys / "client.key"))
    return ab.Executor()


def test_every_interface_is_bound_and_a_host_told(start, keys):
    options = ("--bind", "tcp://0.0.0.0:*", "--advertise", "127.0.0.1")
    cluster = start(options=options, worker_options=("--lane", "tcp://0.0.0.0:*", "--advertise", "127.0.0.1"))
    assert cluster.address.startswith("tcp://127.0.0.1:") and not cluster.address.endswith("*")
    assert cluster.observe().welcome.events.startswith("tcp://127.0.0.1:")
    with connect(cluster, keys) as ex:
        assert list(ex.map(abs, range(-20, 0))) == list(range(20, 0, -1))


@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize("lane", [(), ("--lane", "tcp://127.0.0.1:*")], ids=["ipc", "tcp"])
def test_workers_find_the_next_coordinator(start, keys, end, lane):
    cluster = start(workers=2, worker_options=lane)
    workers, old = set(cluster.workers), cluster.store
    with connect(cluster, keys) as ex:
        assert ex.submit(pow, 2, 4).result(PATIENCE) == 16
    ab.shutdown()
    cluster.stop_coordinator() if end == "stop" else cluster.kill_coordinator()
    cluster.start_coordinator()
    assert cluster.store != old and not old.exists()
    cluster.observe().until(
        lambda s: {w.pid for w in s.workers if w.state == "active"} == workers, "the same workers with the next one"
    )
    with connect(cluster, keys) as ex:
        assert list(ex.map(abs, range(-20, 0))) == list(range(20, 0, -1))


@pytest.mark.parametrize("rejoin", ["0", "0.5"])
def test_a_worker_looks_no_longer_than_it_is_told(start, rejoin, tmp_path):
    cluster = start(worker_options=("--rejoin", rejoin), log=tmp_path / "log")
    cluster.kill_coordinator()
    (pid,) = cluster.workers
    assert cluster.workers.pop(pid).wait(PATIENCE) == 3
    said = "has ended" if rejoin == "0" else "within 0.5 s (--rejoin): nobody listens there"
    assert f"{cluster.address} {said}" in (tmp_path / "log").read_text()
    # Clears away what the killed one has left.
    cluster.start_coordinator()


def test_a_named_store_that_is_not_the_coordinators_ends_the_worker(start, tmp_path):
    cluster = start(workers=0, log=tmp_path / "log")
    pid = cluster.join(wait=False, options=("--store", str(tmp_path)))
    assert cluster.workers.pop(pid).wait(PATIENCE) == 3
    (line,) = [line for line in (tmp_path / "log").read_text().splitlines() if "refuses this worker" in line]
    assert f"sees no store in {tmp_path}; the coordinator's is {cluster.store}" in line and "--store" in line


def test_a_named_store_may_become_that_of_the_next_coordinator(start, tmp_path):
    name, log = tmp_path / "store", tmp_path / "log"
    cluster = start(workers=0, log=log)
    name.symlink_to(cluster.store)
    # A lane in the store would end with it.
    pid = cluster.join(slots=1, options=("--store", str(name), "--lane", "tcp://127.0.0.1:*"))
    cluster.stop_coordinator()
    cluster.start_coordinator()
    waits = "waiting for the coordinator's store"
    cluster.observe().until(lambda _: waits in log.read_text(), "it waits for the store")
    (tmp_path / "new").symlink_to(cluster.store)
    (tmp_path / "new").rename(name)
    cluster.observe().until(lambda s: cluster.state(s, pid) == "active", "the worker with the next one")
    assert log.read_text().count("refuses this worker") == 1


def test_a_drained_worker_leaves_a_coordinator_that_goes_on(start, keys):
    from anabranch.v1 import control_pb2

    cluster = start(workers=2)
    (first, _) = cluster.workers
    number = next(w.worker for w in cluster.observe().status().workers if w.pid == first)
    cluster.observe().ask(control_pb2.ToCoordinator(drain_worker=control_pb2.DrainWorker(worker=number)))
    assert cluster.workers.pop(first).wait(PATIENCE) == 0
    with connect(cluster, keys) as ex:
        assert ex.submit(pow, 2, 4).result(PATIENCE) == 16


def test_sigterm_lets_a_task_end(start, keys, gate):
    cluster = start(worker_options=("--drain-timeout", "600"))
    (pid,) = cluster.workers
    with connect(cluster, keys) as ex:
        running = ex.submit(workloads.linger, gate.path)
        runtime = gate.await_arrival(pid, running)
        queued = ex.submit(pow, 2, 4)
        cluster.signal(pid, signal.SIGTERM)
        cluster.observe().until(lambda s: cluster.state(s, pid) in ("draining", "left", "active"), "the worker known")
        # What waited goes to one that comes late, while the other finishes.
        cluster.join(slots=1)
        assert queued.result(PATIENCE) == 16 and not running.done()
        gate.open()
        running.result(PATIENCE)
        assert gate.arrivals(pid) == {runtime} and len(list(gate._directory.glob("*-*"))) == 1
    assert cluster.workers.pop(pid).wait(PATIENCE) == 0


def test_sigterm_does_not_wait_longer_than_it_may(start, keys, gate):
    cluster = start(worker_options=("--drain-timeout", "0.3"))
    (pid,) = cluster.workers
    with connect(cluster, keys) as ex:
        running = ex.submit(workloads.linger, gate.path)
        gate.await_arrival(pid, running)
        cluster.signal(pid, signal.SIGTERM)
        assert cluster.workers.pop(pid).wait(PATIENCE) == 0
        late = cluster.join(slots=1)
        gate.await_arrival(late, running)
        gate.open()
        running.result(PATIENCE)


def test_a_worker_that_stands_still_hoards_nothing(start, keys, gate):
    cluster = start(workers=2, lease=600)
    (still, _) = cluster.workers
    with connect(cluster, keys) as ex:
        held = [ex.submit(workloads.linger, gate.path) for _ in range(2)]
        gate.await_arrival(still, held[0])
        cluster.signal(still, signal.SIGSTOP)
        gate.open()
        futures = [ex.submit(bytes, 100_000) for _ in range(300)]
        # All but what was sent ahead: a slot's credit, and not a share of them.
        deadline = cluster.observe().until(lambda s: sum(f.done() for f in futures) >= 292, "the others through")
        assert deadline.workers
        cluster.signal(still, signal.SIGCONT)
        assert {len(future.result(PATIENCE)) for future in futures} == {100_000}


def test_one_that_comes_late_gets_work_at_once(start, keys, gate):
    cluster = start()
    (first,) = cluster.workers
    with connect(cluster, keys) as ex:
        held = ex.submit(workloads.linger, gate.path)
        gate.await_arrival(first, held)
        rest = [ex.submit(pow, 2, n) for n in range(50)]
        cluster.join(slots=2)
        assert [future.result(PATIENCE) for future in rest] == [2**n for n in range(50)]
        gate.open()
        held.result(PATIENCE)


def test_ports_can_be_chosen(start, keys):
    inbox, events = free_ports(2)
    cluster = start(options=("--inbox", f"tcp://127.0.0.1:{inbox}", "--events", f"tcp://127.0.0.1:{events}"))
    assert cluster.observe().welcome.events == f"tcp://127.0.0.1:{events}"
    with connect(cluster, keys) as ex:
        assert ex.submit(pow, 2, 4).result(PATIENCE) == 16
