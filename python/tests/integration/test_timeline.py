"""Timelines of real runs."""

from __future__ import annotations

import os
import pathlib

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from timelines import load, tasks, waits

import anabranch as ab


def die_once(X, marker):
    if not os.path.exists(marker):
        pathlib.Path(marker).touch()
        os.kill(os.getpid(), 9)
    return X


def test_a_run_of_a_graph(pool, tmp_path):
    X = np.random.default_rng(0).normal(size=(2000, 20))
    y = (X[:, 0] > 0).astype(int)
    scale, tree = ab.OrNode("scale", StandardScaler()), ab.OrNode("tree", DecisionTreeClassifier(random_state=0))
    graph = ab.Pipeline()
    graph.add_edge(scale, tree)
    run = graph.fit(X, y, partitions=4)
    run.trace(tmp_path / "run.json")
    events = load(tmp_path / "run.json")
    shown = tasks(events)
    for node in ("scale", "tree"):
        spent = sum(task["dur"] for task in shown if task["name"] == f"{node} fit")
        assert spent == pytest.approx(sum(entry.seconds for entry in run[node]) * 1e6, abs=1)
        assert len([task for task in shown if task["name"] == f"{node} fit"]) == 4
    # Every trees' arrow comes from a scaler that had ended.
    assert len([event for event in events if event["ph"] == "s"]) == 4
    ends = {(task["pid"], task["tid"], task["ts"] + task["dur"]) for task in shown}
    assert {(e["pid"], e["tid"], e["ts"] + 1) for e in events if e["ph"] == "s"} <= ends


def test_a_killed_attempt_and_the_one_after_it(pool, tmp_path):
    with ab.Executor(retries=1, trace=tmp_path / "calls.json") as ex:
        assert ex.submit(die_once, 7, str(tmp_path / "marker")).result(60) == 7
    first, second = tasks(load(tmp_path / "calls.json"))
    assert (first["args"]["attempt"], first["args"]["outcome"]) == (1, "killed")
    assert (second["args"]["attempt"], second["args"]["outcome"]) == (2, "succeeded")


def test_a_trace_is_there_when_shutdown_returns(pool, tmp_path):
    for index in range(20):
        path = tmp_path / f"{index}.json"
        with ab.Executor(trace=path) as ex:
            futures = [ex.submit(abs, -i) for i in range(50)]
        assert len(tasks(load(path))) == 50 and futures[-1].result() == 49


def test_a_killed_attempt_of_a_graph(pool, tmp_path):
    marker = str(tmp_path / "marker")
    graph = ab.Pipeline()
    graph.add_node(ab.OrNode("fragile", lambda X: die_once(X, marker), retries=1))
    run = graph.fit(np.ones((3, 2)))
    assert run.state == "succeeded"
    run.trace(tmp_path / "run.json")
    assert [task["args"]["outcome"] for task in tasks(load(tmp_path / "run.json"))] == ["killed", "succeeded"]


def test_many_short_calls(pool, tmp_path):
    with ab.Executor(trace=tmp_path / "calls.json") as ex:
        assert sum(ex.map(abs, range(2000))) == 1999000
    events = load(tmp_path / "calls.json")
    assert len(tasks(events)) == 2000 and {task["name"] for task in tasks(events)} == {"abs"}
    queued = waits(events, "queue")
    assert len(queued) > 1000 and all(start < end for start, end in queued)
