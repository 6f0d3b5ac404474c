"""Fitted models over new rows: their output, their scores, or both."""

from __future__ import annotations

from typing import Any

from anabranch.runtime.context import TaskContext
from anabranch.runtime.errors import TaskRefused
from anabranch.runtime.fitting import features_of, target_of
from anabranch.runtime.inputs import items_of
from anabranch.runtime.no_rows import has_no_rows, stand_in
from anabranch.runtime.outputs import estimator_output
from anabranch.runtime.private_copies import retried_with_copies
from anabranch.runtime.scoring import scores_of, scores_of_nothing
from anabranch.v1 import task_pb2


def apply(context: TaskContext, task: task_pb2.Task) -> task_pb2.Success:
    """Transform or predict with a model, score it, or both. Of no rows: no rows, and scores that are NaN.

    Raises
    ------
    TaskRefused
        When the model lacks the method, or scoring lacks y.
    CannotCross
        When the model cannot be loaded, or the output cannot be pickled.
    """
    work = task.apply
    shared = context.model(work.model)
    items = items_of(context, work.input)
    form = work.input.form

    def attempt() -> tuple[Any, list[task_pb2.Score], bool]:
        model = shared
        if context.writable:
            # The model's own arrays are views of the store as well.
            import copy

            model = copy.deepcopy(shared)
        X = features_of(context, model, form, items)
        empty = has_no_rows(form, X)
        if empty and work.output:
            X = features_of(context, model, form, items, stand_in)
        output = _method(context, model, work.output_method or "transform")(X) if work.output else None
        scores: list[task_pb2.Score] = []
        scorers = work.scorers if work.HasField("scorers") else None
        if work.score and empty:
            scores = scores_of_nothing(context, scorers)
        elif work.score:
            y = target_of(context, form, items)
            weights = target_of(context, form, items, "sample_weight")
            scores = scores_of(context, model, X, y, weights, scorers)
        return output, scores, empty

    output, scores, empty = retried_with_copies(context, shared, attempt)
    success = task_pb2.Success(scores=scores)
    if work.output:
        sources = [data for edges in items for data in edges]
        success.output.CopyFrom(estimator_output(context, output, sources, empty))
    return success


def _method(context: TaskContext, model: Any, name: str) -> Any:
    try:
        return getattr(model, name)
    except AttributeError as error:
        raise TaskRefused(f"{context.name}: {type(model).__name__} has no method {name!r}: {error}") from error
