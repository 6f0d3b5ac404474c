"""Rows of whatever X and y are: NumPy arrays, pandas and polars frames, Arrow tables, SciPy sparse matrices, lists.

Rows are taken as scikit-learn takes them when it cuts folds, so that values and memory layout are the same.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any


def library_of(value: Any) -> str:
    """Return the top-level package that defines the value's type: ``numpy``, ``pandas``, ``scipy``."""
    return type(value).__module__.partition(".")[0]


def row_count(value: Any) -> int | None:
    """Return the number of rows, or None for what has none (a scalar)."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return shape[0] if shape and isinstance(shape[0], int) else None
    if isinstance(value, (list, tuple)):
        return len(value)
    return None


def take(value: Any, rows: Any) -> Any:
    """Return the rows of these indices, in their order, as a private copy.

    Parameters
    ----------
    value : array, frame, table, sparse matrix or sequence
    rows : ndarray of int64, shape (n_rows,)
    """
    library = library_of(value)
    if library == "pandas":
        return value.take(rows, axis=0)
    if library == "pyarrow":
        return value.take(rows)
    if library == "scipy":
        # COO and BSR have no rows to take; the latter has `__getitem__`, which raises.
        return (value.tocsr() if value.format in ("coo", "bsr", "dia") else value)[rows]
    if isinstance(value, (list, tuple)):
        return [value[index] for index in rows]
    if library == "polars":
        return value[rows]
    return value[rows, ...]


def concatenate(values: Sequence[Any]) -> Any:
    """Return all rows of all values, below each other; frames keep their index, sparse matrices become CSR."""
    # Blocks without rows may have other types than those with rows, which would spread.
    values = [value for value in values if row_count(value) != 0] or list(values[:1])
    if len(values) == 1:
        return values[0]
    if hasattr(values[0], "below"):
        return values[0].below(values[1:])
    libraries = {library_of(value) for value in values}
    if "scipy" in libraries:
        from scipy import sparse

        return sparse.vstack(list(values), format="csr")
    if libraries == {"pandas"}:
        import pandas

        return pandas.concat(list(values), axis=0)
    if libraries == {"polars"}:
        import polars

        return polars.concat(list(values))
    if libraries == {"pyarrow"}:
        import pyarrow

        return pyarrow.concat_tables(list(values))
    if all(isinstance(value, (list, tuple)) for value in values):
        return [row for value in values for row in value]
    import numpy as np

    return np.concatenate([np.asarray(value) for value in values])


def byte_count(value: Any) -> int:
    """Return the bytes of a value's buffers, as far as they can be told cheaply."""
    library = library_of(value)
    if library == "pandas":
        usage = value.memory_usage(index=False, deep=False)
        return int(usage if isinstance(usage, int) else usage.sum())
    if library == "scipy":
        parts = (getattr(value, name, None) for name in ("data", "indices", "indptr", "row", "col"))
        return sum(getattr(part, "nbytes", 0) for part in parts)
    return int(getattr(value, "nbytes", 0))


def writable_copy(value: Any) -> Any:
    """Return a private copy, with the same memory order, that may be written to."""
    library = library_of(value)
    if library == "numpy" and hasattr(value, "flags"):
        return value if value.flags.writeable else value.copy(order="K")
    if library == "pandas":
        return value.copy(deep=True)
    return copy.deepcopy(value)


def is_read_only(value: Any) -> bool:
    """Whether the value is an array that nobody can have written to."""
    flags = getattr(value, "flags", None)
    return library_of(value) == "numpy" and flags is not None and not flags.writeable
