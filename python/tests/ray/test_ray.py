"""The ray executor: the same graph, the same results, wherever tasks run, and whatever node dies under them."""

from __future__ import annotations

import json
import os
import pathlib
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import StandardScaler

import anabranch as ab
from anabranch.binary import find_binary

#: Seconds for whatever a loaded machine takes; nothing is decided by them but that a test fails.
PATIENCE = 90.0


def graph() -> tuple[ab.Pipeline, ab.OrNode]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.tree import DecisionTreeClassifier

    scale = ab.OrNode("scale", StandardScaler())
    tree = ab.OrNode("tree", DecisionTreeClassifier(random_state=0))
    line = ab.OrNode("line", LogisticRegression())
    vote = ab.AndNode("vote", ab.nodes.Vote())
    pipeline = ab.Pipeline("on-ray")
    for model in (tree, line):
        pipeline.add_edge(scale, model)
        pipeline.add_edge(model, vote)
    return pipeline, vote


def test_a_graph_gives_the_results_of_the_embedded_pool(pool):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 8))
    y = (X[:, 0] + X[:, 1] > 0).astype(int)

    def predictions():
        pipeline, vote = graph()
        run = pipeline.fit(X, y, partitions=2)
        return [np.array(entry.output) for entry in run.predict(X, partitions=2)[vote]]

    on_ray = predictions()
    ab.shutdown()
    ab.init(slots=1)
    embedded = predictions()
    assert len(on_ray) == len(embedded) > 0
    for left, right in zip(on_ray, embedded, strict=True):
        np.testing.assert_array_equal(left, right)


def assigned() -> tuple[float, float]:
    """CPUs and bytes of memory that Ray has set aside for the task that asks."""
    import ray

    resources = ray.get_runtime_context().get_assigned_resources()
    return resources.get("CPU", 0.0), resources.get("memory", 0.0)


def test_threads_and_memory_of_a_node_are_its_ray_tasks_resources(pool):
    # By value: the module of a graph's functions is no worker's.
    ask = assigned
    wide = ab.OrNode("wide", lambda X: np.array([ask()]), threads=2, memory="600M")
    plain = ab.OrNode("plain", lambda X: np.array([ask()]))
    pipeline = ab.Pipeline("resources")
    pipeline.add_edge(wide, plain)
    run = pipeline.fit(np.ones((3, 2)), keep_outputs=True)
    assert not run.failed, run.failed[0].error
    assert run[wide][0].output.tolist() == [[2.0, 600 << 20]]
    assert run[plain][0].output.tolist() == [[1.0, 0.0]]


def test_large_results_and_errors_come_back(pool):
    def fails():
        raise LookupError("of the far side")

    with ab.Executor() as executor:
        doubled = executor.submit(lambda a: a * 2, np.arange(200_000.0)).result(PATIENCE)
        with pytest.raises(LookupError, match="of the far side"):
            executor.submit(fails).result(PATIENCE)
    np.testing.assert_array_equal(doubled, np.arange(200_000.0) * 2)


@pytest.mark.leaves("children")  # the node that it adds is the module's
def test_a_node_that_is_killed_costs_an_attempt_and_no_run(pool, nodes, tmp_path: pathlib.Path):
    started, gate = tmp_path / "started", tmp_path / "gate"

    def held(directory: str) -> str:
        import ray

        # One line for each attempt: on which node it is.
        node = ray.get_runtime_context().get_node_id()
        with open(f"{directory}/started", "a") as lines:
            lines.write(f"{node}\n")
        while not os.path.exists(f"{directory}/gate"):
            time.sleep(0.02)
        return node

    def lines(count: int) -> list[str]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = started.read_text().split() if started.exists() else []
            if len(found) >= count:
                return found
            time.sleep(0.05)
        raise AssertionError(f"attempt {count} did not start")

    victim = next(node for node in nodes.worker_nodes)
    with ab.Executor() as executor:
        future = executor.submit(held, str(tmp_path))
        (first,) = lines(1)
        assert first == victim.node_id
        nodes.add_node(num_cpus=2)
        nodes.remove_node(victim, allow_graceful=False)
        _, second = lines(2)
        gate.touch()
        assert future.result(PATIENCE) == second != first


class Held(TransformerMixin, BaseEstimator):
    """Says on which node it is fitted, and waits there for a file."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def fit(self, X, y=None):
        import ray

        node = ray.get_runtime_context().get_node_id() if ray.is_initialized() else "none"
        with open(f"{self.directory}/started", "a") as lines:
            lines.write(f"{node}\n")
        while not os.path.exists(f"{self.directory}/gate"):
            time.sleep(0.02)
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X):
        return X - self.mean_


@pytest.mark.leaves("children")  # the node that it adds is the module's
def test_a_graph_in_the_middle_of_which_a_node_is_killed_gives_the_results_of_the_embedded_pool(
    pool, nodes, tmp_path: pathlib.Path
):
    rng = np.random.default_rng(1)
    # More than a MiB in each partition: what the first node makes stays in Ray, and is lost with the node.
    X = rng.normal(size=(40_000, 8))
    started = tmp_path / "started"

    def begun():
        scale, held = ab.OrNode("scale", StandardScaler()), ab.OrNode("held", Held(str(tmp_path)))
        pipeline = ab.Pipeline("killed", scale >> held >> ab.OrNode("last", lambda X: X * 3))
        return pipeline.fit(X, partitions=2, wait=False)

    nodes.add_node(num_cpus=2)
    nodes.wait_for_nodes()
    run = begun()
    deadline = time.monotonic() + PATIENCE
    while not started.exists() or not started.read_text().split():
        assert time.monotonic() < deadline, "no task was held"
        time.sleep(0.05)
    killed = started.read_text().split()[0]
    (victim,) = [node for node in nodes.worker_nodes if node.node_id == killed]
    nodes.remove_node(victim, allow_graceful=False)
    (tmp_path / "gate").touch()
    run.wait(PATIENCE)
    assert not run.failed, run.failed[0].error
    on_ray = described(run)
    lines = started.read_text().split()
    # Each attempt has said where it is: one for each partition, and those on the node that died, which cost one each.
    assert lines.count(killed) >= 1 and len(lines) == 2 + lines.count(killed)
    # One that finds what it reads lost with the node says nothing.
    records = [entry.fit_record for entry in run if entry.node == "held"]
    attempts = [record.attempts for record in records]
    assert attempts == [1 + len(record.earlier) for record in records]
    assert len(attempts) == 2 and sum(attempts) >= len(lines)
    ab.shutdown()
    ab.init(slots=1)
    embedded = begun()
    embedded.wait(PATIENCE)
    assert on_ray == described(embedded)


def described(run) -> dict:
    """Every output of a run, bit by bit."""
    return {(entry.node, str(entry.key)): np.array(entry.output).tobytes() for entry in run if entry.has_output}


PIPELINE = """
import anabranch as ab
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

scale, tree = ab.OrNode("scale", StandardScaler()), ab.OrNode("tree", DecisionTreeClassifier(random_state=0))
graph = ab.Pipeline("by-command", scale >> tree)
"""


def test_the_command_line_gives_the_same_with_a_worker_of_ray_as_alone(pool, nodes, tmp_path: pathlib.Path):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(3000, 4))
    table = np.column_stack([X, X[:, 0] + X[:, 1] > 0])
    np.savetxt(tmp_path / "table.csv", table, delimiter=",", header="a,b,c,d,y", comments="")
    (tmp_path / "pipe.py").write_text(PIPELINE)

    def told(*command: str) -> dict:
        done = subprocess.run(
            [find_binary(), *command, "--data", "table.csv", "--target", "y", "--cv", "2", "--json", "--quiet"],
            cwd=tmp_path, env=pool.environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        entries = json.loads(done.stdout)["entries"]
        return {(one["node"], json.dumps(one["key"])): (one["state"], one["scores"]) for one in entries}

    on_ray = told("submit", "pipe.py:graph", "--address", pool.address, "--wait")
    assert on_ray == told("run", "pipe.py:graph", "--slots", "1")
    assert all(state == "succeeded" for state, _ in on_ray.values())
    assert any(scores for _, scores in on_ray.values())


def worker(*options: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [find_binary(), "worker", "--address", "ipc:///nowhere", "--python", sys.executable, *options],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


def test_an_address_that_does_not_answer_is_named():
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unheard.getsockname()[1]}"
        ended = worker("--executor", "ray", "--ray-address", address)
    assert ended.returncode == 3
    assert f"no Ray cluster answers at --ray-address {address}" in ended.stderr


@pytest.mark.parametrize("options", [("--executor", "ray"), ("--ray-address", "127.0.0.1:1")])
def test_executor_and_address_go_together(options):
    ended = worker(*options)
    assert ended.returncode == 2
    assert "--ray-address HOST:PORT" in ended.stderr


def test_an_address_that_accepts_and_says_nothing_is_given_up():
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        ended = worker("--executor", "ray", "--ray-address", address)
    assert ended.returncode == 3
    assert f"--ray-address {address}" in ended.stderr
    assert "within 20 s" in ended.stderr


def test_a_worker_has_as_many_slots_as_the_cluster_has_cpus(nodes, tmp_path: pathlib.Path):
    from cluster import Cluster

    cluster = Cluster(lease=10.0, log=tmp_path / "log")
    try:
        joined = cluster.spawn(
            find_binary(), "worker", "--address", cluster.address, "--python", sys.executable, "--executor", "ray",
            "--ray-address", nodes.address, cwd="/",
        )  # fmt: skip
        cluster.workers[joined.pid] = joined
        status = cluster.observe().until(lambda s: cluster.state(s, joined.pid) == "active", "the worker active")
        (seen,) = status.workers
        assert seen.slots == 2 * len(nodes.worker_nodes)
    finally:
        cluster.end()
