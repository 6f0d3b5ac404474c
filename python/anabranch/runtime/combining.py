"""Stateless functions over their inputs, and out-of-fold predictions put back in order."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from anabranch.data import Xy
from anabranch.runtime.context import TaskContext
from anabranch.runtime.errors import TaskRefused
from anabranch.runtime.estimators import first_annotation, positional, prepared, seed_globals
from anabranch.runtime.inputs import items_of, open_data, open_view, shaped
from anabranch.runtime.no_rows import has_no_rows, stand_in
from anabranch.runtime.outputs import as_xy, function_output
from anabranch.runtime.private_copies import retried_with_copies
from anabranch.runtime.rows import row_count
from anabranch.runtime.scoring import scores_of_nothing
from anabranch.v1 import common_pb2, task_pb2


def combine(context: TaskContext, task: task_pb2.Task) -> task_pb2.Success:
    """Call a function with its input, or collect the predictions of folds.

    Raises
    ------
    TaskRefused
        When y is missing or the function did not return what it must (see `function_output`).
    """
    work = task.combine
    items = items_of(context, work.input)
    if work.collect_folds:
        from anabranch.runtime.folds import collected

        return task_pb2.Success(output=collected(context, items))
    form = work.input.form
    template = context.payload(work.function, "function")
    variant = work.variant if work.HasField("variant") else None
    seed = work.seed if work.has_seed else None
    sources = [data for edges in items for data in edges]

    def attempt() -> tuple[Xy, list[Xy], bool]:
        if seed is not None:
            seed_globals(context, seed)
        function = prepared(context, template, variant, seed, fitted=False)
        opened = [[open_data(context, data) for data in edges] for edges in items]
        given = [xy for edges in opened for xy in edges]
        if has_no_rows(form, shaped(form, [[xy.X for xy in edges] for edges in opened])):
            standing = [[open_data(context, data, stand_in) for data in edges] for edges in items]
            answer = as_xy(context, _called(context, function, form, standing))
            if row_count(answer.X) == 1:
                return answer, given, True
        return as_xy(context, _called(context, function, form, opened)), given, False

    result, given, empty = retried_with_copies(context, template, attempt)
    success = task_pb2.Success()
    if work.output:
        success.output.CopyFrom(function_output(context, result, given, sources, empty))
    if work.score:
        scorers = work.scorers if work.HasField("scorers") else None
        if empty or row_count(result.X) == 0:
            success.scores.extend(scores_of_nothing(context, scorers))
        else:
            from anabranch.runtime.predictions import prediction_scores

            y, weights = (_column_for_score(context, result, sources, field) for field in ("y", "sample_weight"))
            success.scores.extend(prediction_scores(context, result.X, y, weights, scorers))
    return success


def _called(context: TaskContext, function: Any, form: int, opened: Sequence[Sequence[Xy]]) -> Any:
    if form == task_pb2.INPUT_FORM_SINGLE:
        return call_single(context, function, opened[0][0])
    return function(shaped(form, opened))


def call_single(context: TaskContext, function: Any, data: Xy) -> Any:
    """Call an OR node's function as it asks for its input.

    ``f(xy)`` when it has the attribute ``takes_xy`` or annotates its first parameter as `Xy`; ``f(X, y)`` when it needs
    two arguments or names its second one y; ``f(X)`` otherwise.

    Raises
    ------
    TaskRefused
        When it needs y and there is none.
    """
    if takes_xy(function):
        return function(data)
    if not looks_at_more_than_X(function):
        return function(data.X)
    if data.y is None and positional(function)[0] >= 2:
        raise TaskRefused(f"{context.name} needs y: give y with the input of the run")
    return function(data.X, data.y)


def looks_at_more_than_X(function: Any) -> bool:
    """Whether an OR node's function is given more than X; see `call_single`."""
    if takes_xy(function):
        return True
    needed, taken, names = positional(function)
    return needed >= 2 or (taken >= 2 and names[1] == "y")


def takes_xy(function: Any) -> bool:
    """Whether a function declares that it takes an `Xy`."""
    if getattr(function, "takes_xy", False):
        return True
    annotation = first_annotation(function)
    if annotation is inspect.Parameter.empty:
        return False
    return annotation is Xy or (isinstance(annotation, str) and annotation.rpartition(".")[2] == "Xy")


def _column_for_score(context: TaskContext, result: Xy, sources: Sequence[common_pb2.Data], field: str) -> Any:
    from anabranch.runtime.inputs import common_view

    returned = getattr(result, field)
    if returned is not None:
        return returned
    try:
        view = common_view(context, sources, field)
    except LookupError as reason:
        raise TaskRefused(f"{context.name} cannot be scored, it has no {field}: {reason}") from None
    return None if view is None else open_view(context, view)
