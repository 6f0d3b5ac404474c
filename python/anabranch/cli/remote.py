"""``anabranch results`` and ``anabranch export``: runs that another client submitted."""

from __future__ import annotations

import json
import sys
from typing import Any

from anabranch.cli.report import document, print_run
from anabranch.cli.request import CommandError, Request
from anabranch.client import current, init
from anabranch.errors import RequestError
from anabranch.graph import Pipeline
from anabranch.keys import parse_key
from anabranch.mode import Mode
from anabranch.node import AndNode, Node, OrNode
from anabranch.records import NO_NODE, SCORE, SPLIT, Feed
from anabranch.roles import Role, detect_role
from anabranch.run import Run
from anabranch.v1 import control_pb2


def results(request: Request) -> int:
    """Print a run's table; the exit status says whether keys failed."""
    init(request.needed("address"))
    run = watch(_number(request))
    if request.flag("json"):
        print(json.dumps(document(run), allow_nan=False, default=str))
    else:
        print_run(run)
        if not run.finished:
            print(f"run {run.id} is still {run.state}", file=sys.stderr)
    return 1 if run.failed else 0


def export(request: Request) -> int:
    """Save the fitted path that ends in a node's key."""
    init(request.needed("address"))
    run = watch(_number(request))
    node = request.needed("node")
    if node not in run.graph:
        raise CommandError(
            f"run {run.id} has no node {node!r}; its nodes: {', '.join(n.name for n in run.graph.nodes)}"
        )
    relation = run[node]
    key = request.text("key")
    entry = (relation.where(parse_key(key)) if key else relation).only()
    path = run.select(entry)
    unknown = [step.name for step in path.steps if step.action is _unknown]
    if unknown:
        raise CommandError(
            f"node {unknown[0]!r} is a function, which the coordinator does not hand out: "
            "save the path in the program that has it (`anabranch run --out`, Path.save)"
        )
    form = request.text("format") or "joblib"
    out = request.text("out") or f"{node}.{form}"
    if form == "anabranch":
        path.save(out)
    elif form == "joblib":
        _dump(path.to_sklearn(), out)
    else:
        raise CommandError(f"--format {form}: use joblib or anabranch")
    print(out)
    return 0


def _dump(estimator: Any, out: str) -> None:
    """Write an estimator for ``joblib.load``, whole or not at all."""
    import os
    import pickle

    import cloudpickle
    import joblib

    unfinished = f"{out}.part"
    try:
        try:
            joblib.dump(estimator, unfinished)
        except (pickle.PicklingError, AttributeError, TypeError):
            # A class of the user's own file: it travels by value.
            with open(unfinished, "wb") as file:
                cloudpickle.dump(estimator, file)
        os.replace(unfinished, out)
    except OSError as error:
        raise CommandError(f"--out {out}: {error.strerror}") from None
    finally:
        if os.path.exists(unfinished):
            os.unlink(unfinished)


def _number(request: Request) -> int:
    number = request.number("run")
    if number is None:
        raise CommandError(f"{request.command}: the run's id is missing")
    return number


def attach(number: int, graph: Pipeline, feed: Feed | None = None) -> Run:
    """Return a run of the coordinator's, whose graph is known, and ask for all that it has told.

    Raises
    ------
    RequestError
        When the coordinator knows no such run.
    """
    client = current()
    run = Run(client, number, graph, Mode.FIT, feed=feed, detached=True)
    client.ask(control_pb2.ToCoordinator(watch_run=control_pb2.WatchRun(run=number)))
    return run


def watch(number: int) -> Run:
    """Return a run of which nothing but the number is known; the graph is rebuilt from names and lineage."""
    client = current()
    answer = client.ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest(run=number)))
    status = next((run for run in answer.status.runs if run.run == number), None)
    if status is None or status.session:
        raise RequestError(f"the coordinator has no run {number}; `anabranch status` lists those that it has")
    feed = Feed(client)
    probe = attach(number, _named_graph(list(status.nodes)), feed)
    done = status.state != control_pb2.RUN_STATE_RUNNING
    with feed.changed:
        feed.changed.wait_for(lambda: feed.finished or feed.lost is not None or (not done and bool(feed.records)), 30.0)
    run = Run(None, number, _rebuilt(probe, status.name), _mode_of(probe), feed=feed)
    # The subscription lives as long as the run that is looked at.
    run.keeper = probe
    return run


def _named_graph(names: list[str]) -> Pipeline:
    graph = Pipeline()
    for name in names:
        graph.add_node(OrNode(name, _unknown))
    return graph


def _unknown(X: Any) -> Any:
    raise RequestError("a function of a run that another program submitted is not known here; load its file instead")


def _mode_of(run: Run) -> Mode:
    records = run.feed.snapshot()
    if any(record.phase == SPLIT and record.node == NO_NODE for record in records):
        return Mode.CROSS_VALIDATE
    if any(record.phase == SCORE for record in records):
        return Mode.SCORE
    return Mode.FIT if run.fits() else Mode.PREDICT


def _rebuilt(run: Run, name: str) -> Pipeline:
    """Return the graph that the recorded lineage shows."""
    records = {record.id: record for record in run.feed.snapshot()}
    edges: dict[tuple[int, int], None] = {}
    several: set[int] = set()
    for record in records.values():
        if record.node == NO_NODE or record.internal:
            continue
        parents = [
            records[i].node for i in record.inputs if i in records and records[i].node not in (NO_NODE, record.node)
        ]
        edges.update(dict.fromkeys((parent, record.node) for parent in parents))
        if len(set(parents)) > 1:
            several.add(record.node)
    steps: dict[int, Any] = {}
    for record in run.fits():
        if record.node not in steps and record.model is not None:
            steps[record.node] = record.model.get()
    graph = Pipeline(name)
    made: list[Node] = []
    for index, node in enumerate(run.graph.nodes):
        step = steps.get(index, _unknown)
        role = "transformer" if detect_role(step) is Role.TRANSFORMER else None
        made.append(AndNode(node.name, step) if index in several else OrNode(node.name, step, role=role))
        graph.add_node(made[-1])
    for source, target in edges:
        graph.add_edge(made[source], made[target])
    return graph
