"""``anabranch results`` and ``anabranch export``: runs that another client submitted."""

from __future__ import annotations

import json
import sys
from typing import Any

from anabranch.cli.report import document, print_run
from anabranch.cli.request import CommandError, Request
from anabranch.cli.written_keys import read_key, write_key
from anabranch.decoding import Unreadable, decode_graph
from anabranch.entry import Entry
from anabranch.errors import RequestError
from anabranch.graph import Pipeline
from anabranch.mode import Mode
from anabranch.process_client import current, init
from anabranch.run import Run
from anabranch.v1 import control_pb2

#: Keys that a message lists, at most.
MOST_KEYS = 20


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
    path = run.select(chosen(run, node, request.text("key")))
    for step in path.steps:
        if isinstance(step.action, Unreadable):
            raise step.action.explain() from step.action.error
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


def chosen(run: Run, node: str, key: str | None) -> Entry:
    """Return the one entry of a node that a key names, or the node's only one.

    Raises
    ------
    CommandError
        When there is none; the message shows the keys that there are.
    RequestError
        When there are several, or the node has no such dimension.
    """
    relation = run[node]
    found = relation.where(read_key(key)) if key else relation
    if len(found) == 0:
        shown = "; ".join(write_key(entry.key) for entry in relation[:MOST_KEYS]) or "none"
        more = f"; … ({len(relation)} in all)" if len(relation) > MOST_KEYS else ""
        raise CommandError(f"run {run.id}: {node} has no {key or 'entry'}; its keys: {shown}{more}")
    return found.only()


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


def attach(number: int, graph: Pipeline, mode: Mode = Mode.FIT) -> Run:
    """Return a run of the coordinator's, whose graph is known, and ask for all that it has told.

    Raises
    ------
    RequestError
        When the coordinator knows no such run.
    """
    client = current()
    run = Run(client, number, graph, mode, detached=True)
    client.ask(control_pb2.ToCoordinator(watch_run=control_pb2.WatchRun(run=number)))
    return run


def describe(number: int) -> tuple[Pipeline, Mode]:
    """Return the graph and the mode that a run was submitted with, by whomever.

    Raises
    ------
    RequestError
        When the coordinator knows no such run.
    """
    client = current()
    answer = client.ask(control_pb2.ToCoordinator(describe_run=control_pb2.DescribeRun(run=number)))
    described = answer.run_description
    return decode_graph(client, described.graph), Mode(described.mode)


def watch(number: int) -> Run:
    """Return a run of which nothing but the number is known."""
    answer = current().ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest(run=number)))
    status = next((run for run in answer.status.runs if run.run == number), None)
    if status is None or status.session:
        raise RequestError(f"the coordinator has no run {number}; `anabranch status` lists those that it has")
    run = attach(number, *describe(number))
    feed = run.feed
    done = status.state != control_pb2.RUN_STATE_RUNNING
    with feed.changed:
        feed.changed.wait_for(lambda: feed.finished or feed.lost is not None or (not done and bool(feed.records)), 30.0)
    return run
