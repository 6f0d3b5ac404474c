"""Writes one file of bytes per example message, as the Python package encodes it.

The Swift tests encode the same values and compare. Run it after a change of the messages:

    PYTHONPATH=python python Tests/WireTests/Golden/make_golden.py [DIRECTORY]
"""

from __future__ import annotations

import sys
from pathlib import Path

from google.protobuf.message import Message

from anabranch.v1 import common_pb2 as c
from anabranch.v1 import control_pb2 as m
from anabranch.v1 import graph_pb2 as g
from anabranch.v1 import task_pb2 as t

WRITER = 0xA1B2C3D4E5F60718
EPOCH = 0x1122334455667788


def in_segment(sequence: int) -> c.ObjectRef:
    return c.ObjectRef(
        writer=WRITER, sequence=sequence, encoding=c.ENCODING_TENSOR, length=4096, segment=3, offset=64 * sequence
    )


def inline(sequence: int, content: bytes = b"\x80\x05\x00abc") -> c.ObjectRef:
    return c.ObjectRef(
        writer=WRITER, sequence=sequence, encoding=c.ENCODING_PICKLE5, length=len(content), inline_bytes=content
    )


def object_id(sequence: int) -> c.ObjectId:
    return c.ObjectId(writer=WRITER, sequence=sequence)


def full_data() -> c.Data:
    return c.Data(
        x=c.View(object=in_segment(1), rows=inline(2)),
        y=c.View(object=in_segment(3)),
        sample_weight=c.View(object=in_segment(4)),
        groups=c.View(object=in_segment(5), rows=in_segment(6)),
        row_ids=c.View(object=in_segment(7)),
        positions=inline(8),
    )


def plain_data(sequence: int) -> c.Data:
    return c.Data(x=c.View(object=in_segment(sequence)))


def parts() -> list[c.KeyPart]:
    partition = c.Dimension(kind=c.DIMENSION_KIND_DATA, owner="partition", positional=True)
    return [
        c.KeyPart(dimension=c.Dimension(kind=c.DIMENSION_KIND_DATA, owner="carrier"), text="Ærø"),
        c.KeyPart(dimension=partition, integer=0),
        c.KeyPart(dimension=c.Dimension(kind=c.DIMENSION_KIND_FOLD, owner="cv"), integer=-1),
        c.KeyPart(dimension=c.Dimension(kind=c.DIMENSION_KIND_VIA, owner="{minmax, scale}"), text=""),
    ]


def key() -> c.Key:
    return c.Key(parts=parts())


def single(sequence: int) -> t.Input:
    return t.Input(form=t.INPUT_FORM_SINGLE, items=[t.InputItem(edges=[plain_data(sequence)])])


def limits() -> t.Limits:
    return t.Limits(timeout_ms=1500, memory_bytes=1 << 33, threads=2)


def usage() -> t.Usage:
    return t.Usage(
        queue_us=1,
        open_us=2,
        compute_us=300,
        store_us=4,
        bytes_in=5,
        bytes_out=6,
        bytes_copied=7,
        peak_memory_bytes=8,
        readonly_retries=9,
        started_us=1 << 40,
        received_us=(1 << 40) - 10,
        dispatched_us=(1 << 40) - 20,
        arrived_us=(1 << 40) + 400,
        slot=1,
        worker=3,
    )


def earlier() -> list[t.EarlierAttempt]:
    return [t.EarlierAttempt(attempt=1, kind=t.FAILURE_KIND_KILLED, usage=usage())]


def failure() -> t.Failure:
    return t.Failure(
        kind=t.FAILURE_KIND_EXCEPTION,
        type="builtins.ValueError",
        message="Input X contains NaN.",
        traceback='File "a.py", line 1',
        output_tail="last line\n",
        exception=inline(9),
        host="node-1",
        slot=1,
        peak_memory_bytes=123456789,
        node="tree",
        key=key(),
        attempt=2,
        lost=c.ObjectId(writer=0x1F, sequence=8),
    )


def variant() -> t.Variant:
    return t.Variant(list=inline(21), index=3)


def tasks() -> list[t.Task]:
    fit = t.FitWork(
        estimator=inline(20),
        variant=variant(),
        method=t.FIT_METHOD_SEQUENTIAL,
        train=t.Input(
            form=t.INPUT_FORM_LIST, items=[t.InputItem(edges=[full_data()]), t.InputItem(edges=[plain_data(2)])]
        ),
        output=True,
        output_method="predict_proba",
        has_seed=True,
        seed=0,
    )
    apply = t.ApplyWork(
        model=in_segment(22), input=single(23), output=True, output_method="predict", score=True, scorers=inline(24)
    )
    combine = t.CombineWork(
        function=inline(25),
        variant=variant(),
        input=t.Input(form=t.INPUT_FORM_EDGES, items=[t.InputItem(edges=[plain_data(26), plain_data(27)])]),
        output=True,
        score=True,
        scorers=inline(28),
        has_seed=True,
        seed=(1 << 64) - 1,
        collect_folds=True,
    )
    split = t.SplitWork(
        splitter=inline(29),
        input=single(30),
        folds=True,
        has_seed=True,
        seed=42,
        emits=[c.Dimension(kind=c.DIMENSION_KIND_FOLD, owner="cv"), parts()[1].dimension],
        item_keys=[key(), c.Key()],
    )
    call = t.CallWork(function=inline(31), arguments=inline(32, b""), dependencies=[in_segment(33), inline(34)])
    native = t.NativeWork(
        function="mean", parameters=b'{"axis":0}', input=single(35), arguments=[in_segment(36)], output=True
    )
    return [
        t.Task(task=1, attempt=1, run=7, node="tree", key=key(), limits=limits(), fit=fit),
        t.Task(task=2, attempt=2, run=7, node="tree", apply=apply),
        t.Task(task=3, attempt=1, run=7, node="vote", combine=combine),
        t.Task(task=4, attempt=1, run=7, node="", split=split),
        t.Task(task=5, attempt=1, run=8, node="call", call=call),
        t.Task(task=1 << 40, attempt=1, run=8, node="mean", native=native),
    ]


def results() -> list[t.Result]:
    success = t.Success(
        model=in_segment(40),
        output=full_data(),
        parts=[
            t.SplitPart(parts=parts()[:1], train=plain_data(41), test=plain_data(42)),
            t.SplitPart(train=plain_data(43)),
        ],
        scores=[t.Score(name="accuracy", value=0.1), t.Score(name="loss", value=-0.5)],
        value=inline(44),
        warnings=["ConvergenceWarning: no", ""],
    )
    return [
        t.Result(task=1, attempt=1, success=success, usage=usage(), holder=WRITER, held=[object_id(1), object_id(2)]),
        t.Result(task=2, attempt=3, failure=failure()),
        t.Result(task=3, attempt=1, success=t.Success()),
    ]


def versions() -> t.Versions:
    return t.Versions(
        protocol=1, anabranch="0.1.0", python="3.11.2", cloudpickle="3.1.0", numpy="2.4.0", sklearn="1.9.0"
    )


def logs() -> list[t.SlotLog]:
    return [t.SlotLog(task=5, text="fitting…\n", error_stream=True), t.SlotLog(text="before any task\n")]


def graph() -> g.Graph:
    full = g.Node(
        name="tree",
        kind=g.NODE_KIND_OR,
        role=g.NODE_ROLE_PREDICTOR,
        payload=inline(50),
        native_function="mean",
        native_parameters=b"{}",
        variant_count=4,
        variants=inline(51),
        output_method="predict_proba",
        fit=g.FIT_POLICY_SEQUENTIAL,
        oof_splitter=inline(52),
        in_sample=True,
        over=["partition", "data:carrier"],
        join=g.JOIN_POLICY_PRODUCT,
        missing=g.MISSING_POLICY_DROP,
        splits="month",
        needs_y=True,
        emits_predictions=True,
        limits=limits(),
        retries=2,
        executor="python",
        keep_output=True,
    )
    plain = g.Node(name="vote", kind=g.NODE_KIND_AND, role=g.NODE_ROLE_FUNCTION)
    return g.Graph(name="flights", nodes=[full, plain], edges=[g.Edge(source=0, target=1)])


def submission() -> m.SubmitRun:
    pca = c.KeyPart(dimension=c.Dimension(kind=c.DIMENSION_KIND_VARIANT, owner="pca"), integer=1)
    options = g.RunOptions(
        mode=g.MODE_CROSS_VALIDATE,
        on_error=g.ON_ERROR_STOP,
        splitter=inline(60),
        scorers=inline(61),
        return_train_score=True,
        keep_models=True,
        has_seed=True,
        seed=7,
        candidates=[g.Candidate(parts=[pca]), g.Candidate()],
        max_attempts=5,
        keep_outputs=True,
    )
    return m.SubmitRun(
        graph=graph(),
        options=options,
        inputs=[
            g.NodeInputs(
                node=0, entries=[g.InputEntry(key=key(), data=full_data()), g.InputEntry(data=plain_data(62))]
            ),
            g.NodeInputs(node=1),
        ],
        models=[g.NodeModels(node=1, entries=[g.ModelEntry(key=key(), model=in_segment(63))])],
        name="nightly",
        detached=True,
    )


def calls() -> m.SubmitCalls:
    empty = c.ObjectRef()
    return m.SubmitCalls(
        run=9,
        calls=[
            m.Call(
                call=1,
                work=t.CallWork(function=inline(70), arguments=inline(71), dependencies=[empty, in_segment(72), empty]),
                after=[5, 300],
                limits=limits(),
                retries=1,
            ),
            m.Call(call=2, native_function="noop", native_parameters=b"{}", after=[1]),
            m.Call(call=3, work=t.CallWork(dependencies=[in_segment(73), empty]), native_function="mean", after=[2]),
        ],
    )


def progress() -> list[m.NodeProgress]:
    return [
        m.NodeProgress(node=0, planned=10, open=True, running=1, succeeded=2, failed=3, skipped=4),
        m.NodeProgress(node=0xFFFFFFFF, planned=1),
    ]


def run_update() -> m.RunUpdate:
    entry = m.EntryUpdate(
        entry=11,
        node=1,
        phase=m.PHASE_TRAIN_SCORE,
        key=key(),
        state=m.ENTRY_STATE_FAILED,
        model=in_segment(80),
        output=plain_data(81),
        scores=[t.Score(name="r2", value=1.5)],
        failure=failure(),
        usage=usage(),
        inputs=[1, 2, 300],
        model_entry=4,
        attempts=2,
        worker=3,
        warnings=["careful"],
        internal=True,
        earlier=earlier(),
    )
    splitter = m.EntryUpdate(entry=12, node=0xFFFFFFFF, phase=m.PHASE_SPLIT, state=m.ENTRY_STATE_SUCCEEDED)
    return m.RunUpdate(
        run=9, entries=[entry, splitter], state=m.RUN_STATE_RUNNING, progress=progress(), message="half way"
    )


def worker_status() -> m.WorkerStatus:
    return m.WorkerStatus(
        worker=3,
        host="node-1",
        pid=4711,
        slots=4,
        running=2,
        state="draining",
        finished=100,
        labels=["zone=a", "gpu=0"],
    )


def status() -> m.Status:
    run = m.RunStatus(
        run=9,
        name="nightly",
        state=m.RUN_STATE_SUCCEEDED,
        progress=progress(),
        nodes=["tree", "vote"],
        started_unix_ms=1700000000000,
        seconds_ms=61234,
        session=True,
    )
    return m.Status(
        epoch=EPOCH,
        workers=[worker_status()],
        runs=[run],
        store_bytes=1 << 30,
        store_budget=1 << 31,
        objects=17,
        dropped_messages=1,
        version="0.1.0",
        queued=5,
        store_holders=[m.StoreHolder(name="scale", bytes=1 << 29)],
    )


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
    }
    return {name: m.FromCoordinator(protocol=1, request=78, **{name: body}) for name, body in bodies.items()}


def messages() -> dict[str, Message]:
    """Every example by the name of its file."""
    setup = t.RuntimeSetup(
        store_path="/dev/shm/anabranch-0-x",
        writer=WRITER,
        slot=1,
        threads=2,
        inline_threshold=4096,
        store_budget=1 << 31,
        sys_path=["", "/home/u/project"],
        working_directory="/home/u/project",
        memory_bytes=1 << 32,
        address="ipc:///run/control.sock",
    )
    attempt = t.Attempt(task=6, attempt=2)
    heartbeat = t.Heartbeat(running=[attempt], idle_slots=1, dropped_messages=3, last_batch=299)
    event = {"protocol": 1, "epoch": EPOCH, "unix_us": 1700000000000000}
    examples: dict[str, Message] = {
        "TaskBatch": t.TaskBatch(
            protocol=1,
            epoch=EPOCH,
            worker=3,
            tasks=tasks(),
            cancels=[attempt],
            releases=[object_id(1)],
            drain=True,
            number=300,
        ),
        "TaskBatch.empty": t.TaskBatch(protocol=1, epoch=EPOCH, worker=3),
        "ResultBatch": t.ResultBatch(
            protocol=1,
            epoch=EPOCH,
            worker=3,
            results=results(),
            heartbeat=heartbeat,
            released=[t.HeldReleased(holder=WRITER, objects=[object_id(5)])],
            writers_opened=[WRITER, 1],
            writers_closed=[2],
            logs=logs(),
            started=[attempt],
            waiting=t.WaitingAttempts(attempts=[attempt]),
        ),
        "ToRuntime": t.ToRuntime(setup=setup, tasks=tasks(), releases=[object_id(1)], cancels=[attempt]),
        "FromRuntime": t.FromRuntime(
            hello=t.RuntimeHello(versions=versions(), pid=4712),
            results=results(),
            released=[object_id(4)],
            started=attempt,
            loaded=["numpy", "sklearn.tree"],
            waiting=attempt,
            resumed=attempt,
        ),
        "Event.run_update": m.Event(run_update=run_update(), **event),
        "Event.worker": m.Event(worker=worker_status(), **event),
        "Event.log": m.Event(log=logs()[0], **event),
    }
    examples |= {f"ToCoordinator.{name}": message for name, message in to_coordinator().items()}
    examples |= {f"FromCoordinator.{name}": message for name, message in from_coordinator().items()}
    return examples


def main() -> None:
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, message in messages().items():
        (directory / f"{name}.bin").write_bytes(message.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
