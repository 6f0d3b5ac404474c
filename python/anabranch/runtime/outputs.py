"""What a task answers: new X, and the columns that belong to its rows, passed through by reference if they can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anabranch.data import Xy
from anabranch.runtime.context import TaskContext
from anabranch.runtime.errors import TaskRefused
from anabranch.runtime.inputs import COLUMNS, common_view, open_view, view_rows
from anabranch.runtime.no_rows import view_of_none, without_rows
from anabranch.runtime.rows import is_read_only, library_of, row_count
from anabranch.v1 import common_pb2

_NAMES = {"y": "y", "sample_weight": "sample weights", "groups": "groups", "row_ids": "row ids"}


def as_xy(context: TaskContext, returned: Any) -> Xy:
    """Return what a function returned as an `Xy`: X, a pair (X, y), or an `Xy`.

    Raises
    ------
    TaskRefused
        When it returned None.
    """
    if returned is None:
        raise TaskRefused(f"{context.name} returned None; a function returns X, (X, y) or an Xy")
    if isinstance(returned, Xy):
        return returned
    if type(returned) is tuple and len(returned) == 2:
        return Xy(*returned)
    return Xy(returned)


def estimator_output(
    context: TaskContext, X: Any, sources: Sequence[common_pb2.Data], empty: bool = False
) -> common_pb2.Data:
    """Return an estimator's output with the columns of its input.

    Several sources whose columns differ (partitions) are put below each other when X has all of their rows. With
    ``empty`` X is the answer to a row that stood in for none (see `no_rows`).

    Raises
    ------
    TaskRefused
        When the columns neither are the same nor fit X.
    """
    if empty:
        return _with_columns(context, Xy(X), common_pb2.Data(x=view_of_none(context, X)), 0, [], sources)
    return _assembled(context, Xy(X), [], sources)


def function_output(
    context: TaskContext,
    result: Xy,
    given: Sequence[Xy],
    sources: Sequence[common_pb2.Data],
    empty: bool = False,
) -> common_pb2.Data:
    """Return a function's result.

    What the function hands back as it got it is not stored again. y, weights, groups and row ids that it did not return
    pass through when all inputs have the same.

    Parameters
    ----------
    context : TaskContext
    result : Xy
        None stands for what the function did not return.
    given, sources : sequence of Xy, sequence of Data
        The inputs, opened and as they came.
    empty : bool, default False
        The result is the answer to rows that stood in for none (see `no_rows`).

    Raises
    ------
    TaskRefused
        When a column was not returned and does not pass through, or has another number of rows than X.
    """
    if empty:
        none = {field: without_rows(getattr(result, field)) for field in COLUMNS}
        output = common_pb2.Data(x=view_of_none(context, result.X))
        return _with_columns(context, Xy(result.X, **none), output, 0, given, sources)
    return _assembled(context, result, given, sources)


def _assembled(
    context: TaskContext, result: Xy, given: Sequence[Xy], sources: Sequence[common_pb2.Data]
) -> common_pb2.Data:
    output = common_pb2.Data(x=_stored(context, result.X, "x", given, sources))
    kept = context.rows_kept(result.X)
    if kept is not None:
        return _of_other_rows(context, result, output, kept, sources)
    # A list of arrays is what several inputs carried: their number says nothing of rows.
    rows = (
        None
        if isinstance(result.X, list) and any(getattr(part, "shape", ()) for part in result.X[:1])
        else row_count(result.X)
    )
    return _with_columns(context, result, output, rows, given, sources)


def _of_other_rows(
    context: TaskContext, result: Xy, output: common_pb2.Data, kept: Any, sources: Sequence[common_pb2.Data]
) -> common_pb2.Data:
    """Give an output whose rows are some of its input's, or others, what belongs to them."""
    rows = row_count(result.X)
    for field in COLUMNS:
        value = getattr(result, field)
        having = [data for data in sources if data.HasField(field)]
        if value is not None:
            _check_rows(context, field, row_count(value), rows, "returned")
            getattr(output, field).CopyFrom(common_pb2.View(object=context.put(value, f"output ({_NAMES[field]})")))
        elif isinstance(kept, str):
            # Which rows they are is not known. Row ids are names: nothing computes with them.
            if having and field != "row_ids":
                raise TaskRefused(
                    f"{context.name} makes rows of its own, "
                    f"to which the {_NAMES[field]} of its input do not belong: name "
                    "the column that has them (label=, weight=)"
                )
        elif having:
            view = having[0] if len(sources) == 1 else None
            whole = (
                getattr(view, field)
                if view is not None
                else _stacked(context, field, sources, sum(view_rows(context, data.x) or 0 for data in sources), "")
            )
            getattr(output, field).CopyFrom(_rows_of_view(context, whole, kept))
    return output


def _rows_of_view(context: TaskContext, view: common_pb2.View, rows: Any) -> common_pb2.View:
    from anabranch.runtime.folds import store_rows

    if view.HasField("rows"):
        rows = context.get(view.rows)[rows]
    return common_pb2.View(object=view.object, rows=store_rows(context, rows))


def _with_columns(
    context: TaskContext,
    result: Xy,
    output: common_pb2.Data,
    rows: int | None,
    given: Sequence[Xy],
    sources: Sequence[common_pb2.Data],
) -> common_pb2.Data:
    for field in COLUMNS:
        value = getattr(result, field)
        if value is not None:
            _check_rows(context, field, row_count(value), rows, "returned")
            getattr(output, field).CopyFrom(_stored(context, value, field, given, sources))
            continue
        try:
            view = common_view(context, sources, field)
        except LookupError as reason:
            # Row ids are names: nothing computes with them, so a function need not carry them along.
            if given and field == "row_ids":
                continue
            if given:
                raise TaskRefused(
                    f"{context.name} must return {_NAMES[field]} together with X, as an Xy: {reason}"
                ) from None
            view = _stacked(context, field, sources, rows, str(reason))
        if view is not None:
            _check_rows(context, field, view_rows(context, view), rows, "passed through")
            getattr(output, field).CopyFrom(view)
    _pass_positions(context, output, sources, rows)
    return output


def _stored(
    context: TaskContext, value: Any, field: str, given: Sequence[Xy], sources: Sequence[common_pb2.Data]
) -> common_pb2.View:
    name = "X" if field == "x" else field
    for opened, data in zip(given, sources):
        view = getattr(data, field)
        if value is getattr(opened, name) and _unchanged(context, value, view):
            return view
    return common_pb2.View(object=context.put(value, f"output ({_NAMES.get(field, 'X')})"))


def _unchanged(context: TaskContext, value: Any, view: common_pb2.View) -> bool:
    """Whether a value that the function handed back still is what the view shows."""
    if is_read_only(value):
        return True
    library = library_of(value)
    if library in ("pandas", "polars"):
        return bool(value.equals(open_view(context, view)))
    if library == "numpy":
        # A private copy, of a function that writes to some of its input.
        import numpy as np

        return bool(np.array_equal(value, open_view(context, view), equal_nan=value.dtype.kind in "fc"))
    return False


def _stacked(
    context: TaskContext, field: str, sources: Sequence[common_pb2.Data], rows: int | None, reason: str
) -> common_pb2.View:
    from anabranch.runtime.rows import concatenate

    if not all(data.HasField(field) for data in sources):
        raise TaskRefused(f"{context.name} has no {_NAMES[field]} for its output: {reason}")
    counts = [view_rows(context, getattr(data, field)) for data in sources]
    if rows is None or None in counts or sum(counts) != rows:
        raise TaskRefused(
            f"{context.name} has no {_NAMES[field]} for its output of {rows} rows: {reason}; use a function that "
            "returns them"
        )
    stacked = concatenate([open_view(context, getattr(data, field)) for data in sources])
    return common_pb2.View(object=context.put(stacked, _NAMES[field]))


def _check_rows(context: TaskContext, field: str, count: int | None, rows: int | None, how: str) -> None:
    if count is not None and rows is not None and count != rows:
        raise TaskRefused(
            f"{context.name}: X has {rows} rows, the {_NAMES[field]} {how} have {count}; a function that changes the "
            "rows returns what belongs to them, as an Xy"
        )


def _pass_positions(
    context: TaskContext, output: common_pb2.Data, sources: Sequence[common_pb2.Data], rows: int | None
) -> None:
    if not all(data.HasField("positions") for data in sources):
        return
    first = sources[0].positions
    same = all((data.positions.writer, data.positions.sequence) == (first.writer, first.sequence) for data in sources)
    if same and row_count(context.get(first)) == rows:
        output.positions.CopyFrom(first)
