"""Spark's pipelines and searches as graphs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from anabranch.errors import GraphError
from anabranch.graph import Pipeline
from anabranch.node import OrNode
from anabranch.spark.reading import columns_read
from anabranch.spark.stage_kinds import titles
from anabranch.spark.stage_values import is_params
from anabranch.spark.stages import StageDescription, describe

if TYPE_CHECKING:
    from anabranch.spark.search import SparkSearch

_SEARCHES = ("CrossValidator", "TrainValidationSplit")
_EXPAND = ("auto", "all")


def from_spark(stage: Any, name: str | None = None, *, expand: str = "auto", **options: Any) -> Pipeline | SparkSearch:
    """Return a pipeline of Spark ML as a graph, or a search of Spark ML as a search over a graph.

    A `Pipeline` becomes a chain of nodes, one for each of its stages, those of pipelines within it among them. A
    `CrossValidator` or a `TrainValidationSplit` becomes a `SparkSearch`: the grid's parameters are variants of the
    nodes whose stages they belong to, so that a stage is fitted once per fold for all candidates that agree up to it.
    Any other stage is one node. Stages may be made within `declare`, without a JVM.

    Parameters
    ----------
    stage : Pipeline, PipelineModel, CrossValidator, TrainValidationSplit, or any other stage of pyspark.ml
    name : str, optional
        Of the graph; the stage's class when not given.
    expand : {"auto", "all"}
        Whether a search's stages are nodes of their own even where that shares nothing more. ``"auto"`` has the stages
        behind one with variants, up to the next with variants, in its node: their data does not leave Spark in between.
    features, label, weight, vectors
        Of the last node, as for `stage`; ``label`` and ``weight`` of all nodes.
    partitions : int or sequence of int
        Of searches, as for `SparkSearch`.

    Raises
    ------
    GraphError
        When it is no stage, a pipeline without stages, or a grid that changes which stages there are.
    """
    if expand not in _EXPAND:
        raise GraphError(f"expand={expand!r}; use {' or '.join(_EXPAND)}")
    if isinstance(stage, StageDescription) or not is_params(stage):
        raise GraphError(f"{stage!r} is no stage of pyspark.ml")
    name = name or type(stage).__name__
    partitions = options.pop("partitions", None)
    if type(stage).__name__ in _SEARCHES:
        from anabranch.spark.search import SparkSearch

        return SparkSearch(stage, name, expand=expand, partitions=partitions, **options)
    if partitions is not None:
        raise GraphError("partitions= is for searches, whose folds depend on it; give it to fit() for anything else")
    return chain([[one] for one in _described(stage)], name, **options)


def flattened(stage: Any) -> Iterator[Any]:
    """Yield the stages of a pipeline, fitted or not, those of pipelines within it among them; or the stage itself."""
    kind = type(stage).__name__
    if not type(stage).__module__.startswith("pyspark.ml") or kind not in ("Pipeline", "PipelineModel"):
        yield stage
        return
    for inner in stage.getStages() if kind == "Pipeline" else stage.stages:
        yield from flattened(inner)


def _described(stage: Any) -> list[StageDescription]:
    stages = [describe(one) for one in flattened(stage)]
    if not stages:
        raise GraphError("the pipeline has no stages")
    return stages


def chain(
    groups: Sequence[Sequence[StageDescription]],
    name: str,
    settings: Sequence[Sequence[Mapping[str, Any]]] = (),
    scored: bool = False,
    evaluator: StageDescription | None = None,
    **options: Any,
) -> Pipeline:
    """Return a graph of one node behind the other.

    Parameters
    ----------
    groups : sequence of sequence of StageDescription
        What each node does: one stage, or several as a pipeline.
    name : str
    settings : sequence of sequence of dict
        The variants of each node; none for nodes without.
    scored : bool
        The last node has scores, whether what it makes is a prediction or not.
    evaluator : StageDescription, optional
        What scores it: where the last node predicts, columns that neither it nor later stages read stay in Spark.
    **options
        As for `from_spark`.
    """
    from anabranch.spark.steps import SparkPredictor, SparkTransformer, stage

    graph = Pipeline(name)
    named = titles([_title(group) for group in groups])
    ends = {option: options.pop(option) for option in ("features", "vectors") if option in options}
    before = None
    for index, (title, group) in enumerate(zip(named, groups)):
        whole = group[0] if len(group) == 1 else pipeline_of(group)
        if index < len(groups) - 1:
            # A model in the middle of a pipeline adds columns, whatever it predicts.
            step: Any = SparkTransformer(whole, **options)
        elif scored and whole.kind is None:
            step = SparkPredictor(whole, **options)
        else:
            step = stage(whole, **options, **ends)
        variants = list(settings[index]) if settings else []
        params = [{key: [value] for key, value in one.items()} for one in variants] if variants else None
        if evaluator is not None and before is not None and isinstance(step, SparkPredictor):
            _leave_unread(graph, groups, [evaluator], options)
        node = OrNode(title, step, params=params)
        graph.add_node(node)
        if before is not None:
            graph.add_edge(before, node)
        before = node
    return graph


def _leave_unread(
    graph: Pipeline, groups: Sequence[Sequence[StageDescription]], evaluators: Sequence[StageDescription], options: Any
) -> None:
    """Tell all nodes but the last what stages behind them read."""
    named = {option.lower() for option in (options.get("label"), options.get("weight")) if option}
    for index, node in enumerate(graph.nodes):
        read = columns_read([*(stage for group in groups[index + 1 :] for stage in group), *evaluators])
        step: Any = node.step
        step.read_behind = None if read is None else read | named


def _title(group: Sequence[StageDescription]) -> str:
    names = [one.short_name for one in group]
    return "+".join(names) if len(names) <= 2 else f"{names[0]}+…+{names[-1]}"


def pipeline_of(stages: Sequence[StageDescription]) -> StageDescription:
    """Return stages as one pipeline."""
    from anabranch.spark.declaration import declare

    with declare():
        from pyspark.ml import Pipeline as SparkPipeline

        description = describe(SparkPipeline(stages=[]))
    return description.with_params({"stages": list(stages)})


# ---- grids


def grid_settings(
    maps: Sequence[Mapping[Any, Any]], stages: Sequence[StageDescription], owner: Any
) -> list[list[dict[str, Any]]]:
    """Return what each map of a grid sets of each stage, by the stage's names of its parameters.

    Parameters
    ----------
    maps : sequence of ParamMap
    stages : sequence of StageDescription
    owner : Estimator
        What the grid is for.

    Raises
    ------
    GraphError
        When a map sets the stages of a pipeline: then candidates are different graphs.
    """
    unknown: set[str] = set()
    found = []
    for one in maps:
        settings: list[dict[str, Any]] = [{} for _ in stages]
        for param, value in one.items():
            place = next(
                ((i, path) for i, s in enumerate(stages) if (path := _path(s, param.parent)) is not None), None
            )
            if place is not None:
                settings[place[0]][f"{place[1]}{param.name}"] = value
            elif param.name == "stages" and param.parent in _pipelines(owner):
                raise GraphError(
                    "the grid sets the stages of a pipeline, so that its candidates are different graphs: put the "
                    'search itself into a node, ab.OrNode("search", search), or make a graph with alternatives'
                )
            else:
                unknown.add(f"{param.parent}.{param.name}")
        found.append(settings)
    if unknown:
        # Spark ignores them without a word.
        warnings.warn(f"the grid sets parameters of no stage here: {', '.join(sorted(unknown))}", stacklevel=3)
    return found


def _path(stage: StageDescription, uid: str) -> str | None:
    """Return what stands before the names of a nested stage's parameters: "" for the stage itself, None if absent."""
    if stage.uid == uid:
        return ""
    for title, nested in stage.nested():
        inner = _path(nested, uid)
        if inner is not None:
            return f"{title}__{inner}"
    return None


def _pipelines(stage: Any) -> set[str]:
    if type(stage).__name__ != "Pipeline":
        return set()
    return {stage.uid}.union(*(_pipelines(inner) for inner in stage.getStages()))


def grouped(settings: Sequence[Sequence[Mapping[str, Any]]], count: int, expand: str) -> list[list[int]]:
    """Return the stages of each node: all that follow one that candidates differ in belong to it, up to the next."""
    groups: list[list[int]] = []
    for index in range(count):
        differs = any(one[index] for one in settings)
        if expand == "all" or differs or not groups:
            groups.append([index])
        else:
            groups[-1].append(index)
    return groups
