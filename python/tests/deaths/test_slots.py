"""Slots of workers that come late, and what their tasks print."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cluster import PATIENCE, standing
from gate import Gate
from sklearn.tree import DecisionTreeClassifier

import anabranch as ab
from anabranch.slots import pool_slots
from anabranch.v1 import control_pb2
from workloads import Slowly, table

pytestmark = pytest.mark.leaves("children", "descriptors")


def say(number: int) -> None:
    print(f"line {number}.", flush=True)


def test_a_pool_may_come_by_its_worker_a_moment_later():
    with standing(workers=0) as cluster, ThreadPoolExecutor(1) as threads:
        with pytest.raises(ab.ConnectionFailed, match=r"has had no worker for 0 s \(fixed\): start one with"):
            pool_slots(patience=0.0)
        asked = threads.submit(pool_slots, PATIENCE)
        cluster.join(slots=2)
        assert asked.result(PATIENCE) == 2


def test_a_search_uses_the_slots_of_a_worker_that_joins_while_it_runs(tmp_path):
    gate = Gate(tmp_path)
    grid = {"estimator__max_depth": [1, 2, 3, 4, 5]}
    search = ab.model_selection.GridSearchCV(Slowly(DecisionTreeClassifier(random_state=0), gate.path), grid, cv=2)
    with standing(workers=0) as cluster, ThreadPoolExecutor(1) as threads:
        first = cluster.join(slots=1)
        fitted = threads.submit(search.fit, *table())
        try:
            gate.await_arrival(first, fitted)
            second = cluster.join(slots=3)
            deadline = time.monotonic() + PATIENCE
            # More than the two tasks that a pool of one slot is given at a time.
            while len(gate.arrivals(second)) < 3:
                assert not fitted.done(), fitted.result()
                assert time.monotonic() < deadline, gate.arrivals(second)
                time.sleep(0.005)
        finally:
            gate.open()
        assert len(fitted.result(PATIENCE).cv_results_["params"]) == 5


def test_no_line_of_short_tasks_is_missing_in_the_log():
    """Each is sent before the answers of those before it have come."""
    count = 1500
    with standing(slots=1) as cluster, ab.Executor() as ex:
        for future in [ex.submit(say, number) for number in range(count)]:
            future.result(PATIENCE)
        logs = control_pb2.LogsRequest(run=ex._run)
        lines = cluster.observe().ask(control_pb2.ToCoordinator(logs=logs)).logs.lines
    said = "".join(line.text for line in lines).split("\n")
    assert sorted(said) == sorted(["", *(f"line {number}." for number in range(count))])
