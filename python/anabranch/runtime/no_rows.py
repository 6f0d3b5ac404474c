"""Inputs without rows: a partition that lies wholly on one side of a fold has nothing on the other.

Estimators and most functions refuse them, although what they would answer is known but for its columns. So they are
asked about one row that stands in, of the same data where there is one, and their answer is passed on as a view of none
of its rows.
"""

from __future__ import annotations

from typing import Any

from anabranch.runtime.context import TaskContext
from anabranch.runtime.rows import library_of, row_count, take
from anabranch.v1 import common_pb2, task_pb2


def has_no_rows(form: int, X: Any) -> bool:
    """Whether the X of an input that is no list has no rows, on any of its edges."""
    if form == task_pb2.INPUT_FORM_SINGLE:
        return row_count(X) == 0
    return form == task_pb2.INPUT_FORM_EDGES and all(row_count(part) == 0 for part in X)


def stand_in(context: TaskContext, view: common_pb2.View) -> Any:
    """Return one row like those that the view would show, or the view's own nothing when none can be made."""
    import numpy as np

    value = context.get(view.object)
    if row_count(value):
        return take(value, np.zeros(1, dtype=np.int64))
    if library_of(value) == "numpy":
        return np.zeros((1, *value.shape[1:]), dtype=value.dtype)
    return value


def view_of_none(context: TaskContext, value: Any) -> common_pb2.View:
    """Store ``value`` and return a view of none of its rows."""
    import numpy as np

    rows = context.put(np.empty(0, dtype=np.int64), "row indices")
    return common_pb2.View(object=context.put(value, "output"), rows=rows)


def without_rows(value: Any) -> Any:
    """Return none of the rows of a column, None for None."""
    import numpy as np

    return None if value is None else take(value, np.empty(0, dtype=np.int64))
