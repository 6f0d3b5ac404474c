"""Splitters: several labelled parts out of one input."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from anabranch.data import Xy
from anabranch.runtime.combining import call_single
from anabranch.runtime.context import TaskContext
from anabranch.runtime.errors import TaskRefused
from anabranch.runtime.estimators import seed_globals
from anabranch.runtime.folds import RowViews, cut
from anabranch.runtime.inputs import items_of, open_data, shaped
from anabranch.runtime.outputs import as_xy, function_output
from anabranch.runtime.private_copies import retried_with_copies
from anabranch.runtime.rows import row_count
from anabranch.v1 import common_pb2, task_pb2

# Parts that are data of their own do not travel in the answer when there are more of them.
_INLINE_PARTS = 64
_LARGEST_ANSWER = 48 << 20


def split(context: TaskContext, task: task_pb2.Task) -> task_pb2.Success:
    """Cut folds, or call a user's splitter, and answer the parts with their labels.

    Raises
    ------
    TaskRefused
        When the dimensions of the task do not fit its input, or the splitter returns no parts, labels twice, or
        rows that do not exist.
    """
    work = task.split
    success = _folds(context, task) if work.folds else _labelled(context, work)
    if success.ByteSize() > _LARGEST_ANSWER:
        raise TaskRefused(
            f"{context.name}: its splitter makes {len(success.parts)} parts, more than one answer can name: "
            f"the limit is {_LARGEST_ANSWER} bytes (fixed)"
        )
    return success


def _folds(context: TaskContext, task: task_pb2.Task) -> task_pb2.Success:
    work = task.split
    items = items_of(context, work.input)
    if any(len(edges) != 1 for edges in items):
        raise TaskRefused(f"{context.name}: folds are cut over one incoming edge, this input has several")
    data = [edges[0] for edges in items]
    splitter = context.payload(work.splitter, "splitter") if work.HasField("splitter") else None
    keys = [_labels_of(key) for key in work.item_keys] or [{} for _ in data]
    if len(keys) != len(data):
        raise TaskRefused(f"{context.name}: {len(keys)} keys for an input of {len(data)} items")
    own = _own_dimension(context, work.emits, keys)
    views = [RowViews(context, item) for item in data]
    success = task_pb2.Success()
    # Edges that an estimator joins are cut one by one, and their folds must agree; so within a run even an unseeded
    # splitter shuffles alike.
    seed = work.seed if work.has_seed else task.run
    for fold, pairs in enumerate(cut(context, splitter, data, seed)):
        for view, (train, test), labels in zip(views, pairs, keys):
            if not len(train) and not len(test):
                continue
            part = success.parts.add(train=view.select(train), test=view.select(test))
            for dimension in work.emits:
                given = labels.get(_name(dimension))
                part.parts.append(given or common_pb2.KeyPart(dimension=own, integer=fold))
    return success


def _labelled(context: TaskContext, work: task_pb2.SplitWork) -> task_pb2.Success:
    function = context.payload(work.splitter, "splitter")
    items = items_of(context, work.input)
    sources = [data for edges in items for data in edges]
    if len(work.emits) != 1:
        raise TaskRefused(f"{context.name}: a splitter makes one dimension, the task names {len(work.emits)}")

    def attempt() -> tuple[list[tuple[Any, Any]], list[Xy]]:
        if work.has_seed:
            seed_globals(context, work.seed)
        opened = [[open_data(context, data) for data in edges] for edges in items]
        given = [xy for edges in opened for xy in edges]
        if work.input.form != task_pb2.INPUT_FORM_SINGLE:
            returned = function(shaped(work.input.form, opened))
        elif hasattr(function, "splits"):
            returned = function(given[0])
        else:
            returned = call_single(context, function, given[0])
        return _pairs(context, returned), given

    pairs, given = retried_with_copies(context, function, attempt)
    context.inline = len(pairs) <= _INLINE_PARTS
    success = task_pb2.Success()
    seen: set[int | str] = set()
    for raw, value in pairs:
        label = _label(raw)
        if label in seen:
            raise TaskRefused(f"{context.name}: its splitter returned the label {label!r} twice")
        seen.add(label)
        rows = _rows(context, value, given)
        if rows is None:
            data = function_output(context, as_xy(context, value), given, sources)
        else:
            data = RowViews(context, sources[0]).select(rows)
        part = success.parts.add(train=data)
        key_part = part.parts.add(dimension=work.emits[0])
        if isinstance(label, str):
            key_part.text = label
        else:
            key_part.integer = label
    return success


def _pairs(context: TaskContext, returned: Any) -> list[tuple[Any, Any]]:
    if isinstance(returned, Mapping):
        pairs = list(returned.items())
    elif isinstance(returned, Iterable) and not hasattr(returned, "shape"):
        pairs = list(returned)
    else:
        pairs = [None]
    if not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs):
        raise TaskRefused(
            f"{context.name}: a splitter returns a dict of label to part, or (label, part) pairs; it returned a "
            f"{type(returned).__name__}"
        )
    if not pairs:
        raise TaskRefused(f"{context.name}: its splitter returned no part")
    return pairs


def _label(raw: Any) -> int | str:
    if isinstance(raw, numbers.Integral) and not isinstance(raw, bool) and -(1 << 63) <= raw < 1 << 63:
        return int(raw)
    return str(raw)


def _rows(context: TaskContext, value: Any, given: Sequence[Xy]) -> Any:
    """The row indices that a part is given as (one-dimensional integers or booleans, a slice), None for data."""
    if len(given) != 1:
        return None
    count = row_count(given[0].X)
    if isinstance(value, slice) and count is not None:
        return np.arange(count)[value]
    if isinstance(value, range) or (
        isinstance(value, list) and all(isinstance(row, numbers.Integral) for row in value)
    ):
        value = np.asarray(value, dtype=None if len(value) else np.int64)
    if type(value) is not np.ndarray or value.ndim != 1 or value.dtype.kind not in "iub" or count is None:
        return None
    if value.dtype.kind == "b":
        if len(value) != count:
            raise TaskRefused(f"{context.name}: a mask of {len(value)} rows for X of {count} rows")
        return np.flatnonzero(value)
    if value.size and (value.min() < -count or value.max() >= count):
        raise TaskRefused(f"{context.name}: its splitter returned rows that X, of {count} rows, does not have")
    return np.where(value < 0, value + count, value).astype(np.int64)


def _own_dimension(
    context: TaskContext, emits: Sequence[common_pb2.Dimension], keys: Sequence[Mapping[tuple, Any]]
) -> common_pb2.Dimension:
    own = [dimension for dimension in emits if not all(_name(dimension) in labels for labels in keys)]
    if len(own) != 1:
        named = ", ".join(dimension.owner for dimension in emits) or "(none)"
        raise TaskRefused(
            f"{context.name}: of the dimensions {named} exactly one must be the folds' own, and "
            "the keys of the input must have the others"
        )
    return own[0]


def _labels_of(key: common_pb2.Key) -> dict[tuple, common_pb2.KeyPart]:
    return {_name(part.dimension): part for part in key.parts}


def _name(dimension: common_pb2.Dimension) -> tuple:
    return dimension.kind, dimension.owner, dimension.positional
