"""Folds: cut as index views over the items of an input, and out-of-fold predictions collected from them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from anabranch.runtime.context import TaskContext
from anabranch.runtime.errors import TaskRefused
from anabranch.runtime.inputs import COLUMNS, open_column, open_view, shows_all, view_rows
from anabranch.runtime.rows import concatenate, row_count, take
from anabranch.v1 import common_pb2

_DEFAULT_FOLDS = 5
_INLINE_ROWS = 32


class RowViews:
    """Makes the views of chosen rows of one data; equal index arrays are stored once.

    Parameters
    ----------
    context : TaskContext
    data : Data
        May itself be a view: indices are composed, views never nest.
    """

    def __init__(self, context: TaskContext, data: common_pb2.Data) -> None:
        self._context = context
        self._data = data

    def select(self, rows: Any) -> common_pb2.Data:
        """Return the data seen through ``rows``, int64 indices into it, with its positions set."""
        stored: dict[tuple[int, int], common_pb2.ObjectRef] = {}
        positions = store_rows(self._context, rows)
        part = common_pb2.Data(positions=positions)
        for field in ("x", *COLUMNS):
            if not self._data.HasField(field):
                continue
            outer = getattr(self._data, field)
            view = getattr(part, field)
            view.object.CopyFrom(outer.object)
            if not outer.HasField("rows"):
                view.rows.CopyFrom(positions)
                continue
            key = (outer.rows.writer, outer.rows.sequence)
            if key not in stored:
                stored[key] = store_rows(self._context, self._context.get(outer.rows)[rows])
            view.rows.CopyFrom(stored[key])
        return part


def store_rows(context: TaskContext, rows: Any) -> common_pb2.ObjectRef:
    """Store row indices. Only a few travel inline: one index array is named by several views of every message."""
    rows = np.ascontiguousarray(rows, dtype=np.int64)
    return context.put(rows, "row indices", never_inline=len(rows) > _INLINE_ROWS)


def cut(
    context: TaskContext, splitter: Any, items: Sequence[common_pb2.Data], seed: int
) -> Iterator[list[tuple[Any, Any]]]:
    """Yield, for each fold, (train, test) indices within each item; the splitter sees the items as one.

    Parameters
    ----------
    context : TaskContext
    splitter : int, splitter, iterable of (train, test), or None
        As scikit-learn's ``cv``; None is five folds. Numbers make stratified folds when y is of classes and no float.
    items : sequence of Data
    seed : int
        For a shuffling splitter without ``random_state``.
    """
    from sklearn.model_selection import check_cv

    counts = [view_rows(context, data.x) for data in items]
    if None in counts:
        raise TaskRefused(f"{context.name}: X has no rows to cut into folds")
    ends = np.cumsum(counts)
    y, groups = (_column_of_all(context, items, field) for field in ("y", "groups"))
    stratify = y is not None and getattr(np.asarray(y), "dtype", None).kind != "f"
    cv = check_cv(_DEFAULT_FOLDS if splitter is None else splitter, y, classifier=stratify)
    if getattr(cv, "random_state", 0) is None and getattr(cv, "shuffle", True):
        cv = copy.copy(cv)
        cv.random_state = context.derived_seed(seed, "splitter")
    for train, test in cv.split(_features(context, cv, items, int(ends[-1])), y, groups):
        sides = [_indices(context, side, int(ends[-1])) for side in (train, test)]
        yield [
            tuple(side[(side >= end - count) & (side < end)] - (end - count) for side in sides)
            for count, end in zip(counts, ends)
        ]


def collected(context: TaskContext, items: Sequence[Sequence[common_pb2.Data]]) -> common_pb2.Data:
    """Return out-of-fold predictions in the order of the splitter's input, with the columns of that input.

    The predictions keep the shape that the output method gives them: (n,) for ``predict``, (n, n_classes) for
    ``predict_proba``, binary ones included, where scikit-learn's stacking drops the first column.

    Parameters
    ----------
    context : TaskContext
    items : sequence of [test data, its predictions], one per fold

    Raises
    ------
    TaskRefused
        When a row is in no test set or in several, or folds predict different classes.
    """
    if any(len(edges) != 2 or not edges[0].HasField("positions") for edges in items):
        raise TaskRefused(f"{context.name}: folds are collected from pairs of test rows and their predictions")
    tests = [edges[0] for edges in items]
    positions = np.concatenate([context.get(data.positions) for data in tests])
    order = np.argsort(positions, kind="stable")
    if not np.array_equal(positions[order], np.arange(len(positions))):
        raise TaskRefused(
            f"{context.name}: out-of-fold predictions need a cross validation that tests every row exactly once; give "
            "cv= a KFold, StratifiedKFold or GroupKFold"
        )
    blocks = [open_view(context, edges[1].x) for edges in items]
    widths = {np.shape(block)[1:] for block in blocks if row_count(block)}
    if len(widths) > 1:
        raise TaskRefused(
            f"{context.name}: its folds predict arrays of different widths ({', '.join(map(str, sorted(widths)))}): a "
            "class is missing in some fold; use stratified folds, or fewer"
        )
    output = common_pb2.Data(x=common_pb2.View(object=context.put(take(concatenate(blocks), order), "output")))
    known: dict[tuple, common_pb2.View] = {}
    for field in COLUMNS:
        if all(data.HasField(field) for data in tests):
            views = [getattr(data, field) for data in tests]
            getattr(output, field).CopyFrom(_rejoined(context, views, order, known))
    return output


def _rejoined(
    context: TaskContext, views: Sequence[common_pb2.View], order: Any, known: dict[tuple, Any]
) -> common_pb2.View:
    """One view of what the folds' views show, in ``order``: of the same object when that is one, else a new one."""
    objects = {(view.object.writer, view.object.sequence) for view in views}
    if len(objects) > 1 or not all(view.HasField("rows") for view in views):
        rejoined = take(concatenate([open_view(context, view) for view in views]), order)
        return common_pb2.View(object=context.put(rejoined, "output"))
    view = common_pb2.View(object=views[0].object)
    key = tuple((part.rows.writer, part.rows.sequence) for part in views)
    if key not in known:
        rows = np.concatenate([context.get(part.rows) for part in views])[order]
        known[key] = rows, store_rows(context, rows)
    rows, stored = known[key]
    if not shows_all(rows, row_count(context.get(view.object))):
        view.rows.CopyFrom(stored)
    return view


def _column_of_all(context: TaskContext, items: Sequence[common_pb2.Data], field: str) -> Any:
    columns = [open_column(context, data, field) for data in items]
    missing = sum(column is None for column in columns)
    if missing == len(columns):
        return None
    if missing:
        raise TaskRefused(f"{context.name}: {missing} of {len(columns)} inputs have no {field}")
    return concatenate(columns)


def _features(context: TaskContext, cv: Any, items: Sequence[common_pb2.Data], rows: int) -> Any:
    # scikit-learn's own splitters read the number of rows and nothing else.
    if type(cv).__module__.startswith("sklearn."):
        return np.empty((rows, 1), dtype=np.int8)
    return concatenate([open_view(context, data.x) for data in items])


def _indices(context: TaskContext, side: Any, rows: int) -> Any:
    side = np.asarray(side)
    if side.dtype == bool:
        side = np.flatnonzero(side)
    if side.size and (side.dtype.kind not in "iu" or side.min() < -rows or side.max() >= rows):
        raise TaskRefused(f"{context.name}: the splitter gives indices that are not those of {rows} rows")
    side = side.astype(np.int64)
    return np.where(side < 0, side + rows, side)
