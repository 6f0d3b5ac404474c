"""Example tasks and results, and the messages in which they travel to workers, runtimes and back."""

from __future__ import annotations

from golden_data import (
    EPOCH,
    WRITER,
    failure,
    full_data,
    in_segment,
    inline,
    key,
    limits,
    logs,
    object_id,
    parts,
    plain_data,
    single,
    usage,
    versions,
)
from google.protobuf.message import Message

from anabranch.v1 import common_pb2 as c
from anabranch.v1 import task_pb2 as t


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
        t.Task(task=2, attempt=2, run=7, node="tree", keeps_output=True, keeps_model=True, apply=apply),
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


def task_messages() -> dict[str, Message]:
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
    return {
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
    }
