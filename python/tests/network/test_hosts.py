"""Hosts that share no memory: network namespaces with a /dev/shm of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import numpy as np
import pytest
from cluster import PATIENCE
from sklearn.dummy import DummyRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import anabranch as ab
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
