"""Which columns stages read, so that what no later stage reads need not leave Spark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from anabranch.spark.stages import StageDescription

#: They name columns within a text.
_UNKNOWN = ("SQLTransformer", "RFormula", "RFormulaModel")


def columns_read(stages: Iterable[StageDescription]) -> frozenset[str] | None:
    """Return, in lower case, the columns that stages or evaluators may read; None where their parameters do not tell.

    Those that they write are among them.
    """
    found: set[str] = set()
    for one in _all(stages):
        # What a class of a user's reads only it knows.
        if not one.class_name.startswith("pyspark.ml.") or one.short_name in _UNKNOWN:
            return None
        for name, value in {**one.defaults, **one.params}.items():
            if name.endswith(("Col", "Cols")) and value:
                found.update(_name(each) for each in ([value] if isinstance(value, str) else value))
    return frozenset(found)


def handed_on(names: Iterable[str], read: frozenset[str]) -> list[str]:
    """Return those of a DataFrame's columns that are read."""
    return [name for name in names if name.lower() in read]


def _all(stages: Iterable[StageDescription]) -> Iterator[StageDescription]:
    for one in stages:
        yield one
        yield from _all(nested for _, nested in one.nested())


def _name(column: str) -> str:
    """Return the column that a name, or a path within a struct, begins with."""
    return column.strip("`").partition(".")[0].lower()
