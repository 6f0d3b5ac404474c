"""Timelines from what results say, without a pool."""

from __future__ import annotations

import pytest
from timelines import load, tasks, waits

from anabranch.graph import Pipeline
from anabranch.mode import Mode
from anabranch.node import OrNode
from anabranch.run import Run
from anabranch.timeline import CallTimeline, ClockOffsets
from anabranch.v1 import control_pb2, task_pb2


def usage(start, *, worker=1, slot=0, open=2, compute=50, store=3, ahead=0, **more):
    """An attempt that began at `start`; the worker's clock is `ahead` of the coordinator's."""
    own = start + ahead
    fields = {"bytes_in": 10, "bytes_out": 100, "arrived_us": start + open + compute + store + 4, **more}
    return task_pb2.Usage(
        worker=worker,
        slot=slot,
        dispatched_us=start - 8,
        received_us=own - 5,
        started_us=own,
        open_us=open,
        compute_us=compute,
        store_us=store,
        **fields,
    )


def entry(number, spent, *, node=0, inputs=(), earlier=(), state=control_pb2.ENTRY_STATE_SUCCEEDED):
    return control_pb2.EntryUpdate(
        entry=number,
        node=node,
        phase=control_pb2.PHASE_FIT,
        state=state,
        usage=spent,
        inputs=inputs,
        attempts=1 + len(earlier),
        earlier=earlier,
    )


@pytest.fixture
def trace(tmp_path):
    def written(*entries, name="run.json"):
        graph = Pipeline()
        graph.add_edge(OrNode("first", lambda X: X), OrNode("second", lambda X: X))
        run = Run(None, 1, graph, Mode.FIT)
        run.started = 0.001
        run.feed.push(control_pb2.RunUpdate(run=1, entries=entries))
        run.trace(tmp_path / name)
        return load(tmp_path / name)

    return written


@pytest.mark.parametrize("name", ["run.json", "run.json.gz"])
def test_a_task_is_shown_with_its_way(trace, name):
    events = trace(entry(1, usage(2000)), entry(2, usage(3000, slot=1), node=1, inputs=[1]), name=name)
    first, second = tasks(events)
    assert (first["name"], first["ts"], first["dur"]) == ("first fit", 2000, 55)
    assert first["args"]["attempt"] == 1 and first["args"]["bytes_out"] == 100
    assert (second["pid"], second["tid"]) == (1, 2)
    # The first waits from the run's beginning, the second from the arrival of what it reads.
    assert waits(events, "queue") == [(1000, 1992), (2059, 2992)]
    assert waits(events, "transfer") == [(1992, 1995), (2992, 2995)]
    assert waits(events, "wait for slot") == [(1995, 2000), (2995, 3000)]
    assert waits(events, "answer") == [(2055, 2059), (3055, 3059)]
    parts = [event for event in events if event["ph"] == "X" and event["cat"] != "task"]
    assert [(part["name"], part["dur"]) for part in parts[:3]] == [("open", 2), ("compute", 50), ("store", 3)]
    source, target = (event for event in events if event["ph"] in "sf")
    assert source["id"] == target["id"] and 2000 <= source["ts"] <= 2055 and target["ts"] == 3000
    stored = [event["args"]["bytes stored by tasks"] for event in events if event["name"] == "bytes stored by tasks"]
    assert stored == [100, 200]


def test_every_attempt_is_shown(trace):
    killed = task_pb2.EarlierAttempt(attempt=1, kind=task_pb2.FAILURE_KIND_KILLED, usage=usage(2000))
    lost = task_pb2.EarlierAttempt(
        attempt=2,
        kind=task_pb2.FAILURE_KIND_WORKER_LOST,
        usage=task_pb2.Usage(worker=2, dispatched_us=2100, arrived_us=2900),
    )
    events = trace(entry(1, usage(3000), earlier=[killed, lost]))
    assert [(task["args"]["attempt"], task["args"]["outcome"]) for task in tasks(events)] == [
        (1, "killed"),
        (3, "succeeded"),
    ]
    assert waits(events, "lost") == [(2100, 2900)]


@pytest.mark.parametrize("ahead", [5_000_000, -1900])
def test_a_worker_with_another_clock_stands_where_it_belongs(trace, ahead):
    events = trace(entry(1, usage(2000, ahead=ahead)), entry(2, usage(3000, ahead=ahead), node=1))
    for task, start in zip(tasks(events), (2000, 3000)):
        assert abs(task["ts"] - start) <= 5


def test_one_clock_is_left_alone():
    offsets = ClockOffsets()
    for start in (2000, 3000):
        offsets.observe(usage(start))
    assert offsets.of(1) == 0


def test_what_did_not_run_has_no_span(trace):
    events = trace(entry(1, None, state=control_pb2.ENTRY_STATE_SKIPPED))
    assert tasks(events) == []


def test_calls_are_written_as_they_end(tmp_path):
    timeline = CallTimeline(tmp_path / "calls.json")
    timeline.submitted(1, "work")
    timeline.submitted(2, "max")
    assert not (tmp_path / "calls.json").exists()
    failed = control_pb2.CallResult(call=1, usage=usage(2000), failure=task_pb2.Failure(message="no"))
    cancelled = control_pb2.CallResult(call=2, failure=task_pb2.Failure(message="cancelled"))
    timeline.ended([failed, cancelled])
    timeline.close()
    timeline.close()
    timeline.ended([failed])
    (task,) = tasks(load(tmp_path / "calls.json"))
    assert (task["name"], task["args"]["outcome"]) == ("work", "failed")
    assert list(tmp_path.iterdir()) == [tmp_path / "calls.json"]


def test_nothing_is_left_of_a_timeline_that_cannot_be_written(tmp_path, trace):
    with pytest.raises(OSError):
        trace(entry(1, usage(2000)), name="no/such/directory.json")
    assert list(tmp_path.iterdir()) == []
