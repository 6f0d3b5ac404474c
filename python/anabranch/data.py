"""`Xy`: a data set as nodes receive and return it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class Xy:
    """X and what belongs to its rows.

    AND functions receive a list of these, in edge order, and return one. It unpacks as a pair: ``X, y = xy``.

    Parameters
    ----------
    X : array, data frame, sparse matrix, list or table, shape (n_samples, ...)
        The data. Arrays that come from the store are read-only.
    y : array, series or list, shape (n_samples,) or (n_samples, n_outputs), optional
        The target.
    sample_weight : array, shape (n_samples,), optional
        Passed to every fit that takes it.
    groups : array, shape (n_samples,), optional
        For splitters that keep groups together.
    row_ids : array, shape (n_samples,), optional
        Names of the rows; nothing computes with them, they stand beside exported predictions.

    Notes
    -----
    In what a function returns, None means "not said": y, weights, groups and row ids that are the same on all inputs of
    the node then pass through.
    """

    __slots__ = ("X", "groups", "row_ids", "sample_weight", "y")

    def __init__(
        self, X: Any, y: Any = None, sample_weight: Any = None, groups: Any = None, row_ids: Any = None
    ) -> None:
        self.X = X
        self.y = y
        self.sample_weight = sample_weight
        self.groups = groups
        self.row_ids = row_ids

    def __iter__(self) -> Iterator[Any]:
        yield self.X
        yield self.y

    def replace(self, **changes: Any) -> Xy:
        """Return a copy with some fields changed.

        Raises
        ------
        TypeError
            When a name is not a field.
        """
        fields = {name: getattr(self, name) for name in ("X", "y", "sample_weight", "groups", "row_ids")}
        unknown = sorted(changes.keys() - fields.keys())
        if unknown:
            raise TypeError(f"Xy has no field {unknown[0]!r}; it has {', '.join(fields)}")
        return type(self)(**{**fields, **changes})

    def __repr__(self) -> str:
        parts = [f"X={_described(self.X)}"]
        for name in ("y", "sample_weight", "groups", "row_ids"):
            value = getattr(self, name)
            if value is not None:
                parts.append(f"{name}={_described(value)}")
        return f"Xy({', '.join(parts)})"


def _described(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"<{type(value).__name__} {'x'.join(map(str, shape))}>"
    return f"<{type(value).__name__} of {len(value)}>" if hasattr(value, "__len__") else f"<{type(value).__name__}>"
