"""What is asked of X, whatever kind of table it is: rows, columns, groups, cuts."""

from __future__ import annotations

from typing import Any

from anabranch.errors import RequestError
from anabranch.keys import Label


def row_count(X: Any) -> int:
    """Return the number of rows of an array, data frame, table, sparse matrix or list."""
    shape = getattr(X, "shape", None)
    if shape is not None and len(shape) > 0:
        return int(shape[0])
    if hasattr(X, "num_rows"):
        return int(X.num_rows)
    try:
        return len(X)
    except TypeError:
        raise RequestError(f"X of type {type(X).__name__} has no rows: give an array, a data frame or a list") from None


def column_names(X: Any) -> list[Any] | None:
    """Return the names of the columns; None when they have none."""
    if hasattr(X, "column_names"):
        return list(X.column_names)
    columns = getattr(X, "columns", None)
    return None if columns is None else list(columns)


def column_of(X: Any, column: str | int) -> Any:
    """Return one column as a NumPy array of shape (n_samples,).

    Raises
    ------
    RequestError
        When X has no such column; the message lists those that it has.
    """
    import numpy as np

    names = column_names(X)
    if names is not None:
        if column not in names:
            listed = ", ".join(map(str, names[:30])) + (", …" if len(names) > 30 else "")
            raise RequestError(f"no column {column!r}; the data has: {listed}")
        values = X[column] if not hasattr(X, "column_names") else X.column(column)
        return values.to_numpy() if not hasattr(values, "to_pandas") else values.to_pandas().to_numpy()
    array = np.asarray(X)
    if not isinstance(column, int) or array.ndim != 2 or not -array.shape[1] <= column < array.shape[1]:
        raise RequestError(f"no column {column!r}; X is an array of shape {array.shape} without names of columns")
    return array[:, column]


def label_of(value: Any) -> Label:
    """Return a value as a label: whole numbers as int, everything else as text."""
    import numpy as np

    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)) and float(value).is_integer() and abs(value) < 2**53:
        return int(value)
    return str(value)


def rows_by_label(values: Any, name: str) -> list[tuple[Label, Any]]:
    """Return (label, row indices) per distinct value, in the order of the values; indices are int64 and ascending.

    Raises
    ------
    RequestError
        When a value is missing: a row without a group would be lost in silence.
    """
    import numpy as np

    array = np.asarray(values)
    missing = int(np.count_nonzero(array != array)) if array.dtype.kind in "fcmM" else _count_missing(array)
    if missing:
        raise RequestError(f"column {name!r} has {missing} missing values; fill or drop them before cutting by it")
    if array.dtype == object:
        labels = [label_of(value) for value in array.tolist()]
        integers = all(isinstance(label, int) for label in labels)
        array = np.asarray(labels if integers else [str(label) for label in labels])
    distinct, codes = np.unique(array, return_inverse=True)
    order = np.argsort(codes, kind="stable").astype(np.int64, copy=False)
    ends = np.cumsum(np.bincount(codes, minlength=len(distinct)))
    return [(label_of(value), rows) for value, rows in zip(distinct, np.split(order, ends[:-1]))]


def _count_missing(array: Any) -> int:
    if array.dtype != object:
        return 0
    return sum(1 for value in array.tolist() if value is None or value != value or str(value) in ("<NA>", "NaT"))


def contiguous_cuts(rows: int, partitions: int) -> list[Any]:
    """Return the row indices (int64) of each of `partitions` contiguous parts, whose sizes differ by one at most.

    Raises
    ------
    RequestError
        When there are more partitions than rows, or fewer than one.
    """
    import numpy as np

    if partitions < 1:
        raise RequestError(f"partitions={partitions}: at least 1 is needed")
    if partitions > rows:
        raise RequestError(f"partitions={partitions}, but the data has {rows} rows; give at most {rows}")
    return np.array_split(np.arange(rows, dtype=np.int64), partitions)
