"""Large results stay in Ray: passed on, read by whoever is no slot, spilled, lost with a node, and let go."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import time
from collections.abc import Iterator

import numpy as np
import psutil
import pytest
from sklearn.base import BaseEstimator

import anabranch as ab

#: Seconds for whatever a loaded machine takes; nothing is decided by them but that a test fails.
PATIENCE = 90.0
#: 16 MiB in float64.
LENGTH = 2 << 20
#: None of them has room in the shared store.
BUDGET = 15 << 20
#: Eight of them have in a node's part of Ray's.
NODE = {"object_store_memory": 128 << 20}


@pytest.fixture
def small(nodes, tmp_path: pathlib.Path) -> Iterator:
    """A pool on the Ray cluster whose shared store takes no large result."""
    from cluster import Cluster

    ab.shutdown()
    cluster = Cluster(
        lease=10.0,
        options=("--store-budget", str(BUDGET)),
        worker_options=("--executor", "ray", "--ray-address", nodes.address),
        log=tmp_path / "log",
    )
    try:
        cluster.join(slots=2)
        ab.init(cluster.address)
        yield cluster
    finally:
        ab.shutdown()
        cluster.end()
        print((tmp_path / "log").read_text())


def used(cluster) -> int:
    return sum(path.stat().st_size for path in cluster.store.glob("seg-*"))


def made(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=LENGTH)


def appeared(path: pathlib.Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < deadline, f"nothing has {path.name}"
        time.sleep(0.05)


def spilled(nodes) -> int:
    """Bytes that Ray's nodes have on their disks."""
    directory = pathlib.Path(nodes.head_node.get_session_dir_path())
    return sum(path.stat().st_size for path in directory.glob("ray_spilled_objects*/*"))


def test_a_chain_whose_results_exceed_both_stores_runs_and_comes_back_when_asked_for(small, nodes):
    with ab.Executor() as executor:
        first = [executor.submit(made, seed) for seed in range(4)]
        second = [executor.submit(lambda a: a + 1, future) for future in first]
        third = [executor.submit(lambda a, b: a * b, one, two) for one, two in zip(first, second, strict=True)]
        sums = [executor.submit(lambda a: float(a.sum()), future) for future in third]
        expected = [float((made(seed) * (made(seed) + 1)).sum()) for seed in range(4)]
        # Twelve results of 16 MiB are alive.
        assert [future.result(PATIENCE) for future in sums] == expected
        assert used(small) <= BUDGET
        assert small.observe().status().store_bytes <= BUDGET
        assert spilled(nodes) > 0
        for seed in (0, 3):
            np.testing.assert_array_equal(third[seed].result(PATIENCE), made(seed) * (made(seed) + 1))


class Remembers(BaseEstimator):
    """A model as large as what it is fitted on."""

    def fit(self, X, y=None):
        self.X_ = X.copy()
        return self

    def predict(self, X):
        return self.X_[: len(X), 0]


def test_what_goes_from_node_to_node_never_enters_the_store(pool, tmp_path: pathlib.Path):
    directory = str(tmp_path)

    def held(X):
        open(f"{directory}/started", "a").close()
        while not os.path.exists(f"{directory}/gate"):
            time.sleep(0.02)
        return X[:, :1]

    X = np.random.default_rng(0).normal(size=(1000, 1))
    first = ab.OrNode("first", lambda X: np.tile(X, (1, 2000)))
    second = ab.OrNode("second", lambda X: X + 1)
    last = ab.OrNode("last", held)
    run = ab.Pipeline("counted", first >> second >> last).fit(X, wait=False)
    appeared(tmp_path / "started")
    # What the last one reads is alive: 16 MB of Ray's, and a stand-in of some 200 bytes.
    assert pool.observe().status().store_bytes < 1 << 20
    assert any(b"ABELSEWHERE" in path.read_bytes() for path in pool.store.glob("seg-*"))
    (tmp_path / "gate").touch()
    np.testing.assert_array_equal(run.wait(PATIENCE)[last][0].output, X + 1)


def test_native_functions_read_what_stays_in_ray(pool):
    X = np.random.default_rng(0).normal(size=(40_000, 4))
    left, right = ab.OrNode("left", lambda X: X + 1), ab.OrNode("right", lambda X: X * 2)
    join = ab.AndNode("join", ab.native("columns.concatenate"))
    pipeline = ab.Pipeline("native")
    pipeline.add_edge(left, join)
    pipeline.add_edge(right, join)
    run = pipeline.fit(X)
    assert not run.failed, run.failed[0].error
    assert any(b"ABELSEWHERE" in path.read_bytes() for path in pool.store.glob("seg-*"))
    np.testing.assert_array_equal(run[join][0].output, np.hstack([X + 1, X * 2]))


@pytest.mark.leaves("children")  # the node that it adds is the module's
def test_what_a_client_holds_outlives_the_worker_and_every_node_of_ray(pool, nodes):
    X = np.random.default_rng(0).normal(size=(50_000, 4))
    first = ab.OrNode("first", lambda X: X + 1)
    model = ab.OrNode("model", Remembers())
    with ab.Executor() as executor:
        run = ab.Pipeline("held", first >> model).fit(X, keep_outputs=True)
        assert not run.failed, run.failed[0].error
        future = executor.submit(lambda: np.arange(500_000.0))
        concurrent.futures.wait([future], PATIENCE)
        for victim in list(nodes.worker_nodes):
            nodes.remove_node(victim, allow_graceful=False)
        keepers = keeper_processes()
        pool.signal(next(iter(pool.workers)), 9)
        _, alive = psutil.wait_procs(keepers, timeout=PATIENCE)
        assert keepers and not alive
        nodes.add_node(num_cpus=2, **NODE)
        np.testing.assert_array_equal(future.result(PATIENCE), np.arange(500_000.0))
    np.testing.assert_array_equal(run[first][0].output, X + 1)
    np.testing.assert_array_equal(run[model][0].model.X_, X + 1)


def test_a_client_that_sees_no_store_sends_and_fetches(pool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("anabranch.afar.sight.sees_store", lambda welcome: False)
    ab.shutdown()
    ab.init(pool.address)
    array = np.random.default_rng(0).normal(size=500_000)
    ref = ab.put(array)
    np.testing.assert_array_equal(ab.get(ref), array)
    with ab.Executor() as executor:
        np.testing.assert_array_equal(executor.submit(lambda a: a + 1, ref).result(PATIENCE), array + 1)


def test_what_is_kept_outlives_the_slot_that_made_it(small):
    with ab.Executor() as executor:
        futures = [executor.submit(made, seed) for seed in range(3)]
        total = [executor.submit(lambda a: float(a.sum()), future) for future in futures]
        assert [future.result(PATIENCE) for future in total] == [float(made(seed).sum()) for seed in range(3)]
        (worker,) = small.workers
        drivers = small.runtimes(worker)
        for driver in drivers:
            driver.kill()
        psutil.wait_procs(drivers, timeout=PATIENCE)
        for seed, future in enumerate(futures):
            np.testing.assert_array_equal(future.result(PATIENCE), made(seed))


def keeper_processes() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if any("Keeper" in part for part in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_the_keeper_ends_with_its_worker(small, nodes):
    with ab.Executor() as executor:
        assert executor.submit(lambda: 1).result(PATIENCE) == 1
        keepers = keeper_processes()
        assert keepers
    ab.shutdown()
    small.signal(next(iter(small.workers)), 9)
    _, alive = psutil.wait_procs(keepers, timeout=PATIENCE)
    assert not alive


@pytest.mark.leaves("children")  # the node that it adds is the module's
def test_results_that_die_with_their_node_are_made_again(small, nodes, tmp_path: pathlib.Path):
    directory = str(tmp_path)

    def wide(X):
        # One line for each time that it is made.
        with open(f"{directory}/made", "a") as lines:
            lines.write("made\n")
        return np.tile(X, (1, 16))

    def narrow(X):
        if not os.path.exists(f"{directory}/gate"):
            open(f"{directory}/started", "a").close()
        while not os.path.exists(f"{directory}/gate"):
            time.sleep(0.02)
        return X[:, :2] + 1

    X = np.random.default_rng(0).normal(size=(300_000, 1))
    last = ab.OrNode("narrow", narrow)
    pipeline = ab.Pipeline("lost-with-its-node")
    pipeline.add_edge(ab.OrNode("wide", wide), last)
    (victim,) = nodes.worker_nodes
    run = pipeline.fit(X, wait=False)
    appeared(tmp_path / "started")
    nodes.add_node(num_cpus=2, **NODE)
    nodes.remove_node(victim, allow_graceful=False)
    (tmp_path / "gate").touch()
    (entry,) = run.wait(PATIENCE)[last]
    np.testing.assert_array_equal(entry.output, np.tile(X, (1, 16))[:, :2] + 1)
    # It was on that node alone.
    assert (tmp_path / "made").read_text().split() == ["made", "made"]
