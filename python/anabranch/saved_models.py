"""Saved paths as the models of a run, so that a pool applies them."""

from __future__ import annotations

from anabranch.errors import RequestError
from anabranch.graph import Pipeline
from anabranch.mode import Mode
from anabranch.node import OrNode
from anabranch.path import Path
from anabranch.process_client import current
from anabranch.records import FIT, SUCCEEDED, Record
from anabranch.roles import Role
from anabranch.run import Run
from anabranch.v1 import control_pb2


def run_of_path(path: Path, mode: Mode) -> Run:
    """Return a run of one node, named as the path's last one, whose only model is the path, for every key.

    Parameters
    ----------
    path : Path
    mode : Mode
        In which the model will be applied.

    Raises
    ------
    RequestError
        When the path cannot do that.
    """
    from anabranch.sklearn_path import FittedPath

    last = path.steps[-1]
    if mode is Mode.TRANSFORM and last.role is Role.PREDICTOR:
        raise RequestError(f"the path ends in {last.name!r}, which predicts; use --mode predict or score")
    if mode is not Mode.TRANSFORM and last.role is Role.TRANSFORMER:
        raise RequestError(f"the path ends in {last.name!r}, which transforms; use --mode transform")
    role = "transformer" if mode is Mode.TRANSFORM else "predictor"
    graph = Pipeline(path.name, OrNode(path.node, FittedPath(path), role=role))
    run = Run(None, 0, graph, Mode.FIT)
    fit = Record(control_pb2.EntryUpdate(entry=1, node=0, phase=FIT, state=SUCCEEDED), None)
    fit.model = current().put(graph.nodes[0].step, never_inline=True)
    run.feed.records[fit.id] = fit
    run.feed.state = control_pb2.RUN_STATE_SUCCEEDED
    return run
