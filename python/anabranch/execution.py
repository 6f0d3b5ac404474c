"""Submitting graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from anabranch.encoding import encode_candidates, encode_graph, encode_seed
from anabranch.errors import RequestError
from anabranch.folds import run_splitter
from anabranch.graph import Pipeline, is_by_node, nodes_by_reference
from anabranch.inputs import Inputs, list_inputs, table_inputs
from anabranch.mode import Mode
from anabranch.models import choices, encode_models
from anabranch.node import Node
from anabranch.run import Run
from anabranch.scoring import SCORE, resolve_scoring, weighted
from anabranch.slots import start_spark
from anabranch.v1 import control_pb2, graph_pb2

if TYPE_CHECKING:
    from anabranch.client import Client
    from anabranch.references import Ref

_ON_ERROR = {
    "continue": graph_pb2.ON_ERROR_CONTINUE,
    "stop": graph_pb2.ON_ERROR_STOP,
    "raise": graph_pb2.ON_ERROR_STOP,
}


def execute(
    graph: Pipeline, mode: Mode, inputs: Mapping[Any, Any] | Any, *, models: Run | None = None, **options: Any
) -> Run:
    """Run a graph: the functional spelling of `Pipeline.fit` and of `Run.predict`, `Run.score` and `Run.transform`.

    Parameters
    ----------
    graph : Pipeline
    mode : Mode
    inputs : dict of node (or name) to a list of `Xy`, `Ref` or arrays
        One list for each node without incoming edges.
    models : Run, optional
        Whose models to apply, in the modes that fit none.
    **options
        As for `Pipeline.fit` and `Pipeline.cross_validate`.
    """
    if mode is Mode.CROSS_VALIDATE:
        return cross_validate_graph(graph, inputs, None, **options)
    return run_graph(graph, Mode(mode), inputs, None, models=models, **options)


#: The founding name of `execute`.
execute_pipeline = execute


def cross_validate_graph(
    graph: Pipeline,
    X: Any,
    y: Any = None,
    *,
    cv: Any = None,
    scoring: Any = None,
    return_train_score: bool = False,
    return_estimator: bool = False,
    **options: Any,
) -> Run:
    """Cross-validate a graph; see `Pipeline.cross_validate`."""
    return run_graph(
        graph,
        Mode.CROSS_VALIDATE,
        X,
        y,
        cv=cv,
        scoring=scoring,
        return_train_score=return_train_score,
        keep_models=return_estimator,
        **options,
    )


def run_graph(
    graph: Pipeline,
    mode: Mode,
    X: Any,
    y: Any = None,
    *,
    models: Run | None = None,
    partitions: int | None = None,
    by: Any = None,
    sample_weight: Any = None,
    groups: Any = None,
    row_ids: Any = None,
    seed: int | None = None,
    on_error: str = "continue",
    keep_outputs: bool = False,
    keep_models: bool = True,
    scoring: Any = None,
    cv: Any = None,
    return_train_score: bool = False,
    candidates: Sequence[Mapping[str, int]] | None = None,
    name: str | None = None,
    detached: bool = False,
    progress: bool | None = None,
    wait: bool = True,
) -> Run:
    """Submit a graph in any mode and, unless told otherwise, wait for its end.

    Raises
    ------
    GraphError
        When the graph cannot run; the message names the node.
    RequestError
        When inputs or options are wrong.
    RunError
        With ``on_error="raise"``, when a key failed.
    """
    from anabranch.afar.showing import progress_of_transfers
    from anabranch.process_client import current

    if on_error not in _ON_ERROR:
        raise RequestError(f"on_error={on_error!r}; use continue, stop or raise")
    scores = mode in (Mode.SCORE, Mode.CROSS_VALIDATE)
    for option, is_idle in {
        "scoring": scoring is not None and not scores,
        "cv": cv is not None and mode is not Mode.CROSS_VALIDATE,
        "return_train_score": return_train_score and mode is not Mode.CROSS_VALIDATE,
    }.items():
        if is_idle:
            raise RequestError(
                f"{option}= has no effect on {mode.name.lower()}: "
                f"use cross_validate{', or score' * (option == 'scoring')}"
            )
    if models is not None and models.graph is not graph:
        raise RequestError("models= is a run of another graph; give one of this graph")
    if mode not in (Mode.FIT, Mode.CROSS_VALIDATE) and models is None:
        raise RequestError(f"{mode.name.lower()} needs fitted models: give models=run, a run that fitted the graph")
    # Before anything is stored: a dict of inputs may be what tells a one-node graph its node.
    by_node = nodes_by_reference(graph, X) if is_by_node(X) else None
    graph.validate()
    if any(node.executor == "spark" for node in graph.nodes):
        start_spark()
    scorers = resolve_scoring(scoring) if scores else None
    if scorers is None and mode is Mode.CROSS_VALIDATE:
        # As in scikit-learn: there weights are for fits, and each estimator's own score gets none.
        scorers = {SCORE: None}
    if mode is Mode.SCORE:
        scorers = weighted(scorers)
    client = current()
    table = {"partitions": partitions, "by": by, "sample_weight": sample_weight, "groups": groups, "row_ids": row_ids}
    with progress_of_transfers(progress):
        inputs = _inputs(client, graph, by_node, X, y, models, table)
        encoded = encode_graph(client, graph)
    refs: list[Ref] = [*encoded.refs, *(ref for one in inputs.values() for ref in one.refs)]
    options = graph_pb2.RunOptions(
        mode=int(mode),  # type: ignore[arg-type]
        on_error=_ON_ERROR[on_error],
        return_train_score=return_train_score,
        keep_models=keep_models,
        keep_outputs=keep_outputs,
    )
    encode_seed(options, seed)
    if mode is Mode.CROSS_VALIDATE:
        options.splitter.CopyFrom(_kept(client, run_splitter(graph, cv, _target(by_node, X, y)), "cv", refs).message)
    if scorers is not None:
        options.scorers.CopyFrom(_kept(client, scorers, "scoring", refs).message)
    if candidates is not None:
        options.candidates.extend(encode_candidates(graph, list(candidates)))
    submission = control_pb2.SubmitRun(
        graph=encoded.message,
        options=options,
        inputs=[graph_pb2.NodeInputs(node=graph.index(node), entries=one.entries) for node, one in inputs.items()],
        models=encode_models(models) if models is not None else [],
        name=name or graph.name,
        detached=detached,
    )
    client.check_requirements()
    run = client.begin_run(
        control_pb2.ToCoordinator(submit_run=submission),
        lambda number: Run(client, number, graph, mode, refs=refs, models=models, detached=detached),
        timeout=None,
    )
    if wait or on_error == "raise":
        run.wait(progress=progress)
        run.raise_if_cancelled()
    if on_error == "raise":
        run.raise_if_failed()
    return run


def _inputs(
    client: Client,
    graph: Pipeline,
    by_node: Mapping[Node, Any] | None,
    X: Any,
    y: Any,
    models: Run | None,
    table: Mapping[str, Any],
) -> dict[Node, Inputs]:
    if by_node is not None:
        given = [name for name, value in {"y": y, **table}.items() if value is not None]
        if given:
            raise RequestError(f"{given[0]}= goes with a table; with a dict of inputs it belongs into each Xy")
        cache: dict = {}
        return {node: list_inputs(client, items, node.name, cache) for node, items in by_node.items()}
    # With several models to choose from by position, one table has no position of its own to confuse them with.
    positional = models is None or not choices(models)
    stored = table_inputs(client, X, y, positional=positional, **table)
    # The same entries for every source: they are stored once, and known to be the same rows.
    return dict.fromkeys(graph.sources, stored)


def _target(by_node: Mapping[Node, Any] | None, X: Any, y: Any) -> Any:
    """Return the y by which folds may be stratified."""
    from anabranch.data import Xy
    from anabranch.references import DataRef, Ref

    def opened(item: Any) -> Any:
        if isinstance(item, DataRef):
            # What is not looked at need not be fetched.
            return Xy(None, item.parts["y"].get() if "y" in item.parts else None)
        return item.get() if isinstance(item, Ref) else item

    if by_node is not None:
        first = next(iter(by_node.values()))
        items = list(first) if isinstance(first, (list, tuple)) else [first]
        items = [opened(item) for item in items]
        targets = [item.y for item in items if isinstance(item, Xy) and item.y is not None]
        if len(targets) < len(items):
            return None
        from anabranch.nodes.concatenate import vstack

        return targets[0] if len(targets) == 1 else vstack(targets)
    item = opened(X) if y is None else X
    if y is None and isinstance(item, Xy):
        y = item.y
    return y.get() if isinstance(y, Ref) else y


def _kept(client: Client, value: Any, what: str, refs: list[Ref]) -> Ref:
    try:
        refs.append(client.put(value, never_inline=True))
    except (TypeError, AttributeError, ImportError) as error:
        raise RequestError(f"{what}: it cannot be pickled: {error}") from error
    except Exception as error:
        if "pickle" in type(error).__name__.lower():
            raise RequestError(f"{what}: it cannot be pickled: {error}") from error
        raise
    return refs[-1]
