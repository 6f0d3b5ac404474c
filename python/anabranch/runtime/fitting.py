"""Fits: one estimator over one reference, over the rows of several, or part by part."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from anabranch.runtime.context import TaskContext
from anabranch.runtime.errors import TaskRefused
from anabranch.runtime.estimators import accepts, fit_argument, positional, prepared, seed_globals, takes_column
from anabranch.runtime.inputs import Opener, common_view, items_of, open_column, open_view, open_x, shaped
from anabranch.runtime.outputs import estimator_output
from anabranch.runtime.private_copies import retried_with_copies
from anabranch.runtime.rows import concatenate, row_count
from anabranch.runtime.searches import calls_on_pool
from anabranch.v1 import common_pb2, task_pb2

_Items = list[list[common_pb2.Data]]


def fit(context: TaskContext, task: task_pb2.Task) -> task_pb2.Success:
    """Fit a clone of the node's estimator and store the model; with ``output``, also what it says of the training rows.

    Raises
    ------
    TaskRefused
        When y is missing, its inputs disagree about it, or the estimator has no ``partial_fit``.
    CannotCross
        When the estimator cannot be loaded, or the model cannot be pickled.
    """
    work = task.fit
    template = context.payload(work.estimator, "estimator")
    items = items_of(context, work.train)
    variant = work.variant if work.HasField("variant") else None
    seed = work.seed if work.has_seed else None

    def attempt() -> tuple[Any, Any]:
        if seed is not None:
            seed_globals(context, seed)
        estimator = prepared(context, template, variant, seed, fitted=True)
        with calls_on_pool(task, estimator):
            if work.method == task_pb2.FIT_METHOD_SEQUENTIAL:
                return _fit_in_parts(context, estimator, work, items)
            if work.method == task_pb2.FIT_METHOD_ALL:
                return _fit_rows_of_all(context, estimator, work, items)
            return _fit_once(context, estimator, work, items)

    model, output = retried_with_copies(context, template, attempt)
    success = task_pb2.Success(model=context.put(model, "model"))
    if work.output:
        sources = [data for edges in items for data in edges]
        success.output.CopyFrom(estimator_output(context, output, sources))
    return success


def open_features(context: TaskContext, estimator: Any, data: common_pb2.Data, opener: Opener = open_x) -> Any:
    """Return X as an estimator of one input takes it; see `takes_column`."""
    X = opener(context, data.x)
    return X.reshape(-1, 1) if takes_column(estimator, X) else X


def features_of(context: TaskContext, estimator: Any, form: int, items: _Items, opener: Opener = open_x) -> Any:
    """Return X as the form says; an estimator whose methods take lists gets what is in them as it is."""
    if form == task_pb2.INPUT_FORM_SINGLE:
        return open_features(context, estimator, items[0][0], opener)
    return shaped(form, [[opener(context, data.x) for data in edges] for edges in items])


def target_of(context: TaskContext, form: int, items: Sequence[Sequence[common_pb2.Data]], field: str = "y") -> Any:
    """Return what an estimator gets as y (or weights): of a gathered input a list in key order, else the common one.

    Raises
    ------
    TaskRefused
        When the edges of one item differ in it.
    """
    columns = []
    for edges in items:
        try:
            view = common_view(context, edges, field)
        except LookupError as reason:
            raise TaskRefused(f"{context.name} cannot tell its {field}: {reason}") from None
        columns.append(None if view is None else open_view(context, view))
    if form in (task_pb2.INPUT_FORM_SINGLE, task_pb2.INPUT_FORM_EDGES):
        return columns[0]
    return None if all(column is None for column in columns) else columns


def _fit_once(context: TaskContext, estimator: Any, work: task_pb2.FitWork, items: _Items) -> tuple[Any, Any]:
    form = work.train.form
    X = features_of(context, estimator, form, items)
    y = target_of(context, form, items)
    weights = target_of(context, form, items, "sample_weight")
    groups = target_of(context, form, items, "groups") if _takes_groups(estimator, items) else None
    return _fit_whole(context, estimator, work, X, y, weights, groups)


def _fit_rows_of_all(context: TaskContext, estimator: Any, work: task_pb2.FitWork, items: _Items) -> tuple[Any, Any]:
    several = work.train.form in (task_pb2.INPUT_FORM_EDGES, task_pb2.INPUT_FORM_LIST_OF_EDGES)

    def opened(data: common_pb2.Data) -> Any:
        return open_x(context, data.x) if several else open_features(context, estimator, data)

    def column(field: str) -> Any:
        return _rows_of_all(context, target_of(context, task_pb2.INPUT_FORM_LIST, items, field), field)

    edges = [concatenate([opened(item[index]) for item in items]) for index in range(len(items[0]))]
    y, weights = column("y"), column("sample_weight")
    groups = column("groups") if _takes_groups(estimator, items) else None
    return _fit_whole(context, estimator, work, edges if several else edges[0], y, weights, groups)


def _rows_of_all(context: TaskContext, columns: list[Any] | None, field: str) -> Any:
    if columns is None:
        return None
    missing = sum(column is None for column in columns)
    if missing:
        raise TaskRefused(f"{context.name}: {missing} of its {len(columns)} inputs have no {field}")
    return concatenate(columns)


def _fit_whole(
    context: TaskContext, estimator: Any, work: task_pb2.FitWork, X: Any, y: Any, weights: Any, groups: Any
) -> tuple[Any, Any]:
    if row_count(X) == 0:
        raise TaskRefused(
            f"{context.name} has no rows to fit on: this fold tests all of them, or its input is empty; use a splitter "
            'that shuffles, fewer partitions, or fit="all"'
        )
    extra = _weight_arguments(context, estimator, work, weights) | _group_arguments(estimator, groups)
    target = _target_arguments(context, estimator.fit, y)
    if not work.output:
        estimator.fit(X, *target, **extra)
        return estimator, None
    if work.output_method:
        estimator.fit(X, *target, **extra)
        return estimator, getattr(estimator, work.output_method)(X)
    if hasattr(estimator, "fit_transform"):
        return estimator, estimator.fit_transform(X, *target, **extra)
    estimator.fit(X, *target, **extra)
    return estimator, estimator.transform(X)


def _fit_in_parts(context: TaskContext, estimator: Any, work: task_pb2.FitWork, items: _Items) -> tuple[Any, Any]:
    if not hasattr(estimator, "partial_fit"):
        raise TaskRefused(f'{context.name} has fit="sequential", and {type(estimator).__name__} has no partial_fit')
    if any(len(edges) > 1 for edges in items):
        raise TaskRefused(f'{context.name} has fit="sequential" and several incoming edges; it takes one')
    extra: dict[str, Any] = {}
    if accepts(estimator.partial_fit, "classes"):
        extra["classes"] = _classes(context, items)
    weighted = accepts(estimator.partial_fit, "sample_weight")
    for (data,) in items:
        X = open_features(context, estimator, data)
        if row_count(X) == 0:
            continue
        target = _target_arguments(context, estimator.partial_fit, open_column(context, data, "y"))
        weights = open_column(context, data, "sample_weight") if weighted else None
        if weights is not None:
            extra["sample_weight"] = weights
        estimator.partial_fit(X, *target, **extra)
    if not work.output:
        return estimator, None
    method = getattr(estimator, work.output_method or "transform")
    return estimator, concatenate([method(open_features(context, estimator, data)) for (data,) in items])


def _classes(context: TaskContext, items: _Items) -> Any:
    """All classes of all parts: the first part need not have them all."""
    import numpy as np

    columns = [open_column(context, data, "y") for (data,) in items]
    if any(column is None for column in columns):
        raise TaskRefused(f"{context.name} needs y in every one of its inputs")
    return np.unique(np.concatenate([np.unique(column) for column in columns]))


def _target_arguments(context: TaskContext, method: Any, y: Any) -> tuple[Any, ...]:
    """Return () or (y,), as the method's signature has it."""
    needed, taken, _ = positional(method)
    if y is None:
        if needed >= 2:
            raise TaskRefused(f"{context.name} needs y: give y with the input of the run")
        return ()
    return (y,) if taken >= 2 else ()


def _weight_arguments(context: TaskContext, estimator: Any, work: task_pb2.FitWork, weights: Any) -> dict[str, Any]:
    """Return sample weights under the name by which ``fit`` takes them: of a pipeline, its last step's.

    A predictor that takes none says so in a warning; transformers rarely do, and are silent.
    """
    if weights is None:
        return {}
    name = fit_argument(estimator, "sample_weight")
    if name is not None:
        return {name: weights}
    if work.output_method or hasattr(estimator, "predict"):
        warnings.warn(
            f"{context.name}: {type(estimator).__name__} takes no sample weights; it is fitted without", stacklevel=2
        )
    return {}


def _takes_groups(estimator: Any, items: _Items) -> bool:
    # Most data has none, and what an estimator's fit takes is slow to tell.
    given = any(data.HasField("groups") for edges in items for data in edges)
    return given and fit_argument(estimator, "groups") is not None


def _group_arguments(estimator: Any, groups: Any) -> dict[str, Any]:
    name = None if groups is None else fit_argument(estimator, "groups")
    return {} if name is None else {name: groups}
