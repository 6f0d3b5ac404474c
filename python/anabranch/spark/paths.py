"""Fitted paths of Spark stages: as models of Spark, and in files."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from anabranch.errors import RequestError
from anabranch.path import INPUT
from anabranch.roles import Role
from anabranch.spark.persistence import WHOLE, SavedModel, save_stage
from anabranch.spark.stages import StageDescription

if TYPE_CHECKING:
    from anabranch.path import Path


def is_step(action: Any) -> bool:
    """Whether a path's action is a stage of Spark; asked of any action, without importing pyspark."""
    from anabranch.spark.steps import SparkStep

    return isinstance(action, SparkStep)


def fitted_of(step: Any) -> StageDescription:
    """Return what a step applies: what its fit made, or the stage itself where nothing is fitted."""
    return step.fitted if step.fitted is not None else step.description


def to_spark(path: Path) -> Any:
    """Return a path of Spark stages as a `PipelineModel`; see `Path.to_spark`."""
    stages = fitted_stages(path)
    from pyspark.ml import PipelineModel

    from anabranch.spark.lowering import flattened
    from anabranch.spark.sessions import local_session

    local_session()
    return PipelineModel([one for stage in stages for one in flattened(stage.rebuild())])


def fitted_stages(path: Path) -> list[StageDescription]:
    """Return the fitted stages of a path, from its input on, one for each node.

    Raises
    ------
    RequestError
        When a node is no stage of Spark, or the path is no line; the message names the node.
    """
    for step in path.steps:
        if step.role is not Role.SPLITTER and not is_step(step.action):
            kind = getattr(step.action, "__name__", None) or type(step.action).__name__
            raise RequestError(f"node {step.name!r} ({kind}) is no stage of Spark ML: the path has no PipelineModel")
    found: list[StageDescription] = []
    for index, step in enumerate(path.steps):
        if step.role is Role.SPLITTER:
            continue
        if len(step.inputs) != 1 or len(step.inputs[0]) != 1 or not _follows(path, index, step.inputs[0][0]):
            raise RequestError(f"node {step.name!r} does not read the node before it alone: a PipelineModel is a line")
        if step.action.features is not None and index < len(path.steps) - 1:
            raise RequestError(
                f"node {step.name!r} has features=, so that the next reads a matrix; stages of a PipelineModel read "
                "all columns"
            )
        found.append(fitted_of(step.action))
    return found


def _follows(path: Path, index: int, source: int) -> bool:
    while index > 0 and path.steps[index - 1].role is Role.SPLITTER and source == index - 1:
        index, source = index - 1, path.steps[index - 1].inputs[0][0]
    return source == index - 1 or (index == 0 and source == INPUT)


# ---- files


def packed(step: Any, prefix: str, members: MutableMapping[str, bytes]) -> Any:
    """Return a step for a file, what it learned being put among the file's members in Spark's own format.

    Parameters
    ----------
    step : SparkStep
    prefix : str
        Of the members' names: a directory that Spark can load.
    members : dict
        Gets the members.

    Warns
    -----
    UserWarning
        When this process has no session to write it: the file then reads with this version of Spark alone.
    """
    from anabranch.spark.sessions import local_session

    stage = fitted_of(step)
    try:
        local_session()
        files = save_stage(stage.rebuild())
    except TypeError:
        # A stage of a user's own that Spark cannot save: it is pickled, as any estimator is.
        return step
    except Exception as error:
        warnings.warn(
            f"{stage.short_name} is saved in the form that its version of Spark has for itself, because no session "
            f"could write it: {error}",
            stacklevel=2,
        )
        return step
    members.update({prefix + name: content for name, content in files.items()})
    return _with_fitted(step, _hollow(stage))


def unpacked(step: Any, prefix: str, members: Mapping[str, bytes]) -> Any:
    """Return the step that `packed` was given."""
    files = {name[len(prefix) :]: content for name, content in members.items() if name.startswith(prefix)}
    if not files:
        return step
    return _with_fitted(step, dataclasses.replace(fitted_of(step), saved=SavedModel(WHOLE, files)))


def _with_fitted(step: Any, stage: StageDescription) -> Any:
    import copy

    result = copy.copy(step)
    result.fitted = stage
    return result


def _hollow(stage: StageDescription) -> StageDescription:
    """Return the description without what its file has beside it."""

    def emptied(value: Any) -> Any:
        if isinstance(value, StageDescription):
            return _hollow(value)
        return type(value)(map(emptied, value)) if isinstance(value, (list, tuple)) else value

    parts = {name: emptied(value) for name, value in stage.parts.items()}
    return dataclasses.replace(stage, parts=parts, payload=b"", saved=None)
