"""The ray executor: the same graph, the same results, wherever tasks run, and whatever node dies under them."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

import anabranch as ab
from anabranch.binary import find_binary

#: Seconds for whatever a loaded machine takes; nothing is decided by them but that a test fails.
PATIENCE = 90.0


def graph() -> tuple[ab.Pipeline, ab.OrNode]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
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


def test_tasks_run_in_processes_of_the_cluster_with_what_they_ask_for(pool):
    def where(_):
        import ray

        return ray.get_runtime_context().get_assigned_resources().get("CPU")

    with ab.Executor() as executor:
        assert executor.submit(where, 0).result(PATIENCE) == 1.0


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
