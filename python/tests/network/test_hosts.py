"""Hosts that share no memory: network namespaces with a /dev/shm of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import cloudpickle
import numpy as np
import pytest
from cluster import PATIENCE
from gate import Gate
from sklearn.dummy import DummyRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import anabranch as ab
import workloads
from anabranch.binary import find_binary

pytestmark = pytest.mark.leaves("children", "descriptors")

HERE, THERE = "10.213.57.1", "10.213.57.2"


def sh(command):
    subprocess.run(command.split(), check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def other_host():
    """The name of a namespace that this one reaches at `THERE`, and that reaches this one at `HERE`."""
    if shutil.which("ip") is None or shutil.which("unshare") is None:
        pytest.skip("no second host can be made: ip and unshare (iproute2, util-linux) are not installed")
    name, here, there = f"anabranch-{os.getpid()}", f"abh{os.getpid()}", f"abt{os.getpid()}"
    try:
        sh(f"ip netns add {name}")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no second host can be made: {error.stderr.strip()}")
    try:
        try:
            sh(f"ip link add {here} type veth peer name {there}")
            sh(f"ip link set {there} netns {name}")
            for command in (
                f"ip addr add {HERE}/24 dev {here}",
                f"ip link set {here} up",
                f"ip -n {name} addr add {THERE}/24 dev {there}",
                f"ip -n {name} link set {there} up",
                f"ip -n {name} link set lo up",
            ):
                sh(command)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"the second host cannot be reached: {error.stderr.strip()}")
        yield name
    finally:
        subprocess.run(["ip", "link", "delete", here], capture_output=True)
        sh(f"ip netns delete {name}")


@pytest.fixture
def hosts(start, keys, other_host, monkeypatch):
    """A cluster on this host and a way to start a worker on the other."""
    # The listener is reached from the other host, so that the address is not a loopback's.
    cluster = start(options=("--bind", f"tcp://{HERE}:*"), workers=0)

    def join_there():
        spawn = cluster.spawn
        inside = ("ip", "netns", "exec", other_host, "unshare", "--mount", "--propagation", "private", "sh", "-c")
        script = 'mount -t tmpfs tmpfs /dev/shm && exec "$@"'
        with monkeypatch.context() as patch:
            patch.setattr(cluster, "spawn", lambda *command, **rest: spawn(*inside, script, "sh", *command, **rest))
            return cluster.join(slots=1, options=("--own-store", "--lane", f"tcp://{THERE}:*"))

    ab.shutdown()
    ab.init(cluster.address, key=str(keys / "client.key"))
    cluster.join_there, cluster.client_key = join_there, str(keys / "client.key")
    return cluster


@pytest.fixture
def gate(tmp_path):
    (tmp_path / "gate").mkdir()
    one = Gate(tmp_path / "gate")
    cloudpickle.register_pickle_by_value(workloads)
    yield one
    one.open()
    cloudpickle.unregister_pickle_by_value(workloads)


def test_calls_run_there_and_their_values_come_in_pieces(hosts):
    pid = hosts.join_there()
    (worker,) = hosts.observe().status().workers
    assert worker.pid == pid and worker.own_store
    with ab.Executor() as ex:
        assert list(ex.map(abs, range(-20, 0))) == list(range(20, 0, -1))
        large = ex.submit(np.arange, 1_500_000)
        # It stays where it is for who reads it there.
        assert ex.submit(np.sum, large).result(PATIENCE) == 1_500_000 * 1_499_999 // 2
        assert np.array_equal(large.result(PATIENCE), np.arange(1_500_000))


def test_what_is_too_large_to_travel_waits_for_its_store(hosts):
    hosts.join_there()
    X, y = np.zeros((300_000, 2)), np.arange(300_000.0)
    graph = ab.from_sklearn(make_pipeline(StandardScaler(), DummyRegressor()))
    run = graph.fit(X, y, wait=False)
    status = hosts.observe().until(lambda s: s.runs and s.runs[0].waiting, "the run waiting")
    assert "sees the coordinator's store" in status.runs[0].waiting
    command = [find_binary(), "status", "--json", "--address", hosts.address, "--key", hosts.client_key]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert told["runs"][0]["waiting"] == status.runs[0].waiting and told["workers"][0]["own_store"]
    hosts.join(slots=1)
    assert run.wait(PATIENCE).finished


def test_what_needs_two_stores_names_both(hosts):
    hosts.join_there()
    with ab.Executor() as ex:
        made = ex.submit(np.arange, 500_000)
        made.result(PATIENCE)
        both = ex.submit(np.dot, made, np.ones(500_000))
        with pytest.raises(ab.TaskError, match=r"cannot be placed.*coordinator's store.*--executor ray"):
            both.result(PATIENCE)


def test_a_node_that_needs_two_stores_is_named(hosts):
    def grow(X):
        return np.repeat(X, 50_000, axis=0)

    def same(X):
        return X

    hosts.join_there()
    graph = ab.Pipeline("apart")
    small, there = ab.OrNode("small", same), ab.OrNode("there", grow)
    here, meet = ab.OrNode("here", same), ab.AndNode("meet", lambda parts: parts[0])
    graph.add_edge(small, there)
    graph.add_edge(there, meet)
    graph.add_edge(here, meet)
    run = graph.fit({small: [np.zeros((10, 1))], here: [np.zeros((500_000, 1))]}, wait=False)
    # What is small has been made large there by then; what is large waits to be read here.
    status = hosts.observe().until(
        lambda s: s.runs and s.runs[0].waiting and sum(node.succeeded for node in s.runs[0].progress) == 2,
        "the run waiting",
    )
    waiting = status.runs[0].waiting
    assert "tasks of node here wait" in waiting and "coordinator's store" in waiting and "--executor ray" in waiting
    hosts.join(slots=1)
    (failed,) = run.wait(PATIENCE)[meet]
    assert "node meet cannot be placed" in str(failed.error) and "--executor ray" in str(failed.error)


def test_a_host_that_is_cut_off_loses_its_task_and_comes_back(hosts, other_host, gate):
    there = hosts.join_there()
    link = f"ip -n {other_host} link set abt{os.getpid()}"
    with ab.Executor() as ex:
        running = ex.submit(workloads.linger, gate.path)
        gate.await_arrival(there, running)
        here = hosts.join(slots=1)
        sh(f"{link} down")
        try:
            # No connection drops: only silence tells of it.
            gate.await_arrival(here, running)
            assert hosts.state(hosts.observe().status(), there) == "lost"
        finally:
            sh(f"{link} up")
        hosts.observe().until(lambda s: hosts.state(s, there) == "active", "the host back")
        gate.open()
        running.result(PATIENCE)
        assert ex.submit(pow, 2, 4).result(PATIENCE) == 16


def test_what_a_client_afar_sends_goes_where_the_coordinators_store_is(hosts, monkeypatch):
    ab.shutdown()
    monkeypatch.setattr("anabranch.afar.sight.sees_store", lambda welcome: False)
    ab.init(hosts.address, key=hosts.client_key)
    hosts.join_there()
    hosts.join(slots=1)
    # Small enough to be carried, and larger: neither is written or read on the other host.
    for size in (4_000, 500_000):
        for _ in range(8):
            values = np.random.default_rng(size).normal(size=size)
            assert np.array_equal(ab.put(values).get(), values)
    # What was made there comes from there.
    with ab.Executor() as executor:
        made = [executor.submit(np.full, 200_000, number) for number in range(8)]
        assert [int(one.result(PATIENCE)[-1]) for one in made] == list(range(8))
