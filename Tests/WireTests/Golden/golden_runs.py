"""Example runs and calls: as they are submitted, and as they are told of."""

from __future__ import annotations

from golden_data import EPOCH, earlier, failure, full_data, in_segment, inline, key, limits, plain_data, usage

from anabranch.v1 import common_pb2 as c
from anabranch.v1 import control_pb2 as m
from anabranch.v1 import graph_pb2 as g
from anabranch.v1 import task_pb2 as t


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
                in_place=True,
                worker=12,
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
        executors=["python", "native"],
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
