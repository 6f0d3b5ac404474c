"""What a task reads: views opened, and the columns that belong to the rows found to be the same or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from anabranch.data import Xy
from anabranch.runtime.context import TaskContext
from anabranch.runtime.errors import TaskRefused
from anabranch.runtime.rows import byte_count, row_count, take, writable_copy
from anabranch.v1 import common_pb2, task_pb2

# Fields of a Data message, and of an Xy, that belong to the rows of x.
COLUMNS = ("y", "sample_weight", "groups", "row_ids")

# Makes a value of a view: `open_view`, or what stands in for it.
Opener = Callable[[TaskContext, common_pb2.View], Any]


def open_view(context: TaskContext, view: common_pb2.View) -> Any:
    """Return what the view shows: the object in place when it shows all rows, a private copy of its rows otherwise.

    Arrays are read-only, unless the context asks for copies that may be written to.
    """
    value = context.get(view.object)
    if view.HasField("rows"):
        value = take(value, context.get(view.rows))
        context.count_copied(byte_count(value))
        if context.writable:
            return value
        if type(value).__module__ == "numpy":
            # What is handed back unchanged can then be recognised, and need not be stored again.
            value.flags.writeable = False
        context.note_view(view, value)
        return value
    if context.writable:
        value = writable_copy(value)
        context.count_copied(byte_count(value))
    return value


def open_x(context: TaskContext, view: common_pb2.View) -> Any:
    """Return X as `open_view` does, or as it stands in the store for a step that opens it itself."""
    handed = context.handed(view)
    return open_view(context, view) if handed is None else handed


def open_column(context: TaskContext, data: common_pb2.Data, field: str) -> Any:
    """Return y, sample_weight, groups or row_ids of the data, None when it has none."""
    return open_view(context, getattr(data, field)) if data.HasField(field) else None


def open_data(context: TaskContext, data: common_pb2.Data, opener: Opener = open_view) -> Xy:
    """Return the data with all that belongs to its rows."""
    columns = {field: opener(context, getattr(data, field)) for field in COLUMNS if data.HasField(field)}
    return Xy((open_x if opener is open_view else opener)(context, data.x), **columns)


def items_of(context: TaskContext, source: task_pb2.Input) -> list[list[common_pb2.Data]]:
    """Return the items of an input, each a list of data in edge order.

    Raises
    ------
    TaskRefused
        When their numbers do not fit the input's form.
    """
    items = [list(item.edges) for item in source.items]
    single_item = source.form in (task_pb2.INPUT_FORM_SINGLE, task_pb2.INPUT_FORM_EDGES)
    single_edge = source.form in (task_pb2.INPUT_FORM_SINGLE, task_pb2.INPUT_FORM_LIST)
    if not items or not all(items) or (single_item and len(items) > 1):
        raise TaskRefused(f"{context.name} has an input of {len(items)} items, which its form does not allow")
    if single_edge and any(len(edges) > 1 for edges in items):
        raise TaskRefused(f"{context.name} has several edges in an input whose form allows one")
    return items


def shaped(form: int, items: Sequence[Sequence[Any]]) -> Any:
    """Return one value per data arranged as the form says: one, a list, or a list of lists."""
    if form == task_pb2.INPUT_FORM_SINGLE:
        return items[0][0]
    if form == task_pb2.INPUT_FORM_EDGES:
        return list(items[0])
    if form == task_pb2.INPUT_FORM_LIST:
        return [edges[0] for edges in items]
    return [list(edges) for edges in items]


def view_rows(context: TaskContext, view: common_pb2.View) -> int | None:
    """Return how many rows a view shows."""
    return row_count(context.get(view.rows if view.HasField("rows") else view.object))


def same_view(context: TaskContext, left: common_pb2.View, right: common_pb2.View) -> bool:
    """Whether two views show the same rows of the same object."""
    if _identifier(left.object) != _identifier(right.object):
        return False
    if left.HasField("rows") and right.HasField("rows"):
        if _identifier(left.rows) == _identifier(right.rows):
            return True
        import numpy as np

        return bool(np.array_equal(context.get(left.rows), context.get(right.rows)))
    if left.HasField("rows") == right.HasField("rows"):
        return True
    partial = left if left.HasField("rows") else right
    return shows_all(context.get(partial.rows), row_count(context.get(partial.object)))


def shows_all(rows: Any, count: int | None) -> bool:
    """Whether the indices are all of ``count`` rows, in order."""
    import numpy as np

    return count is not None and len(rows) == count and bool(np.array_equal(rows, np.arange(count)))


def common_view(context: TaskContext, data: Sequence[common_pb2.Data], field: str) -> common_pb2.View | None:
    """Return the one view that all inputs have in this field, None when none of them has the field.

    Raises
    ------
    LookupError
        When they differ.
    """
    having = [item for item in data if item.HasField(field)]
    if not having:
        return None
    first = getattr(having[0], field)
    if len(having) < len(data):
        raise LookupError(f"{len(data) - len(having)} of its {len(data)} inputs have none")
    if not all(same_view(context, first, getattr(item, field)) for item in having[1:]):
        # Equal values prove nothing: other rows may have the same y.
        raise LookupError("its inputs differ in them (what was stored twice differs: give both the same array)")
    return first


def _identifier(ref: common_pb2.ObjectRef) -> tuple[int, int]:
    return ref.writer, ref.sequence
