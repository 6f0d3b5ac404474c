"""The log of a standing cluster, for programs: each line one object, with the ids by which things are found again."""

from __future__ import annotations

import json
import time

import cloudpickle
import pytest
from cluster import PATIENCE
from gate import Gate
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import anabranch as ab
import workloads

pytestmark = pytest.mark.leaves("children", "descriptors")


@pytest.fixture
def gate(tmp_path):
    (tmp_path / "gate").mkdir()
    one = Gate(tmp_path / "gate")
    cloudpickle.register_pickle_by_value(workloads)
    yield one
    one.open()
    cloudpickle.unregister_pickle_by_value(workloads)


def wait_at(path):
    """A function of X that waits at a gate."""

    def held(X):
        workloads.linger(path)
        return X

    return held


def broken(X):
    raise ValueError("no such\nthing")


def test_each_line_is_an_object_that_names_what_it_is_of(start, gate, tmp_path, monkeypatch):
    log = tmp_path / "log"
    # Workers have it from their environment.
    monkeypatch.setenv("ANABRANCH_LOG_FORMAT", "json")
    cluster = start(keyed=False, workers=0, options=("--log-level", "debug"), log=log)
    ab.init(cluster.address)
    lines = []

    def until(message, **ids):
        deadline = time.monotonic() + PATIENCE
        while True:
            lines[:] = [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]
            for line in lines:
                if line["message"] == message and all(line.get(name) == value for name, value in ids.items()):
                    return line
            assert time.monotonic() < deadline, f"no line '{message}' with {ids} in {lines}"
            time.sleep(0.02)

    first = cluster.join(slots=1)
    joined = until("worker joined", pid=first)
    graph = ab.Pipeline("held")
    scale, slow = ab.OrNode("scale", StandardScaler()), ab.OrNode("slow", wait_at(gate.path))
    graph.add_edge(scale, slow)
    run = graph.fit([[0.0], [1.0]], wait=False)
    gate.await_arrival(first, _Never())
    number = cluster.observe().status().runs[-1].run
    accepted = until("run accepted", run=number, name="held")
    assert accepted["logger"] == "anabranch.coordinator" and accepted["level"] == "info"
    cluster.signal(first, 9)
    lost = until("attempt lost, tried again", run=number, worker=joined["worker"], node="slow")
    assert lost["cause"] == "worker_lost" and lost["attempt"] == 1 and lost["task"] > 0 and lost["level"] == "warning"
    assert until("worker lost", worker=joined["worker"])["running"] >= 1
    cluster.join(slots=1)
    gate.open()
    assert run.wait(PATIENCE).finished
    ended = until("run ended", run=number, state="succeeded")
    assert ended["succeeded"] == 2 and ended["failed"] == 0
    bad = ab.Pipeline("bad")
    bad.add_edge(ab.OrNode("before", MinMaxScaler()), ab.OrNode("broken", broken))
    bad.fit([[0.0], [1.0]], wait=False).wait(PATIENCE)
    failed = until("task failed", node="broken")
    assert failed["cause"] == "exception" and "no such\nthing" in failed["reason"]
    until("run ended", run=failed["run"], state="failed", failed=1)
    assert {"time", "level", "logger", "message"} <= set.intersection(*(set(line) for line in lines))
    until("client joined")
    assert {line["logger"] for line in lines} == {"anabranch.coordinator", "anabranch.worker"}


class _Never:
    def done(self):
        return False
