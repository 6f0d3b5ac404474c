"""Example messages between the coordinator and its clients and workers, by the name of their files."""

from __future__ import annotations

from golden_data import EPOCH, WRITER, earlier, failure, in_segment, inline, logs, object_id, usage, versions
from golden_runs import calls, run_update, status, submission, worker_status
from google.protobuf.message import Message

from anabranch.v1 import control_pb2 as m
from anabranch.v1 import graph_pb2 as g


def worker_hello() -> m.WorkerHello:
    return m.WorkerHello(
        instance=99,
        lane="ipc:///dev/shm/anabranch-0-x/lane-63.sock",
        slots=2,
        host="node-1",
        pid=4711,
        store="/dev/shm/anabranch-0-x",
        store_identity="0123456789abcdef",
        executors=["native", "python"],
        labels=["zone=a"],
        versions=versions(),
        writers=[WRITER, 5],
        worker=3,
        threads_per_slot=3,
    )


def to_coordinator() -> dict[str, m.ToCoordinator]:
    bodies: dict[str, Message] = {
        "worker_hello": worker_hello(),
        "worker_goodbye": m.WorkerGoodbye(worker=3, instance=99),
        "client_hello": m.ClientHello(versions=versions(), writer=WRITER, name="notebook"),
        "submit_run": submission(),
        "open_session": m.OpenSession(name="executor"),
        "submit_calls": calls(),
        "cancel_run": m.CancelRun(run=9),
        "cancel_calls": m.CancelCalls(run=9, calls=[1, 200]),
        "close_run": m.CloseRun(run=9),
        "watch_run": m.WatchRun(run=9),
        "describe_run": m.DescribeRun(run=9),
        "release_objects": m.ReleaseObjects(objects=[object_id(1), object_id(2)]),
        "hold_objects": m.HoldObjects(objects=[in_segment(1), inline(2)]),
        "status": m.StatusRequest(),
        "drain_worker": m.DrainWorker(worker=3),
        "logs": m.LogsRequest(run=9, node="tree"),
        "shutdown": m.Shutdown(),
    }
    return {name: m.ToCoordinator(protocol=1, request=77, **{name: body}) for name, body in bodies.items()}


def from_coordinator() -> dict[str, m.FromCoordinator]:
    welcome = m.ClientWelcome(
        epoch=EPOCH,
        store="/dev/shm/anabranch-0-x",
        store_identity="0123456789abcdef",
        inline_threshold=4096,
        store_budget=1 << 31,
        events="ipc:///dev/shm/anabranch-0-x/events.sock",
        versions=versions(),
    )
    worker = m.WorkerWelcome(
        worker=3,
        epoch=EPOCH,
        inbox="ipc:///dev/shm/anabranch-0-x/inbox.sock",
        store="/dev/shm/anabranch-0-x",
        heartbeat_ms=1000,
        lease_ms=10000,
        inline_threshold=4096,
        store_budget=1 << 31,
    )
    outcomes = [
        m.CallResult(call=1, value=inline(90), usage=usage()),
        m.CallResult(call=2, failure=failure(), earlier=earlier()),
    ]
    bodies: dict[str, Message] = {
        "error": m.Error(code=m.ERROR_CODE_INVALID_GRAPH, message="cycle: a, b", node="a"),
        "ok": m.Ok(),
        "worker_welcome": worker,
        "client_welcome": welcome,
        "run_accepted": m.RunAccepted(run=9),
        "run_update": run_update(),
        "call_results": m.CallResults(run=9, results=outcomes),
        "status": status(),
        "logs": m.Logs(lines=logs()),
        "release_objects": m.ReleaseObjects(objects=[object_id(3)]),
        "run_description": m.RunDescription(graph=submission().graph, mode=g.MODE_CROSS_VALIDATE),
    }
    return {name: m.FromCoordinator(protocol=1, request=78, **{name: body}) for name, body in bodies.items()}


def control_messages() -> dict[str, Message]:
    event = {"protocol": 1, "epoch": EPOCH, "unix_us": 1700000000000000}
    examples: dict[str, Message] = {
        "Event.run_update": m.Event(run_update=run_update(), **event),
        "Event.worker": m.Event(worker=worker_status(), **event),
        "Event.log": m.Event(log=logs()[0], **event),
    }
    examples |= {f"ToCoordinator.{name}": message for name, message in to_coordinator().items()}
    examples |= {f"FromCoordinator.{name}": message for name, message in from_coordinator().items()}
    return examples
