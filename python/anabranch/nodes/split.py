"""Splitters: one reference in, several labelled references out, along a dimension of the splitter's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from anabranch.node import Native


class Splitter:
    """A function that cuts one `Xy` into labelled parts.

    Parameters
    ----------
    function : callable, or what `ab.native` names
        Takes an `Xy` and returns a dict, or an iterable of pairs, of label (int or str) to a part: row indices, a
        boolean mask, or an `Xy`. Parts given as rows are views: the data is not copied.
    splits : str
        Name of the dimension that the labels are on.
    """

    def __init__(self, function: Callable[[Any], Mapping | Iterable[tuple[Any, Any]]], splits: str) -> None:
        if not callable(function) and not isinstance(function, Native):
            raise TypeError(f"Splitter: {function!r} is not a function")
        self.function = function
        self.splits = splits

    def __call__(self, data: Any) -> list[tuple[Any, Any]]:
        """Return the parts of `data` as (label, rows or `Xy`)."""
        parts = self.function(data)
        return list(parts.items() if isinstance(parts, Mapping) else parts)

    def __repr__(self) -> str:
        name = getattr(self.function, "__name__", None) or repr(self.function)
        return f"Splitter({name}, {self.splits!r})"


class GroupBy(Splitter):
    """One part per distinct value of a column of X, in the order of the values.

    Parameters
    ----------
    column : str or int
        Name of a data frame's column, or index of an array's.
    splits : str, optional
        Name of the dimension; the column's when not given.
    """

    def __init__(self, column: str | int, splits: str | None = None) -> None:
        self.column = column
        self.splits = splits or str(column)

    def __call__(self, data: Any) -> list[tuple[Any, Any]]:
        """Return the rows of each value as (label, row indices)."""
        from anabranch.tables import column_of, rows_by_label

        return rows_by_label(column_of(data.X, self.column), self.splits)

    def __repr__(self) -> str:
        return f"GroupBy({self.column!r})"
