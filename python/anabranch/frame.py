"""Runs as tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from anabranch.keys import Dimension, names_of
from anabranch.relation import Relation

if TYPE_CHECKING:
    from anabranch.entry import Entry

#: What is counted of every entry, by the column's name; keys and parameters stand before it, scores within.
COUNTED = (
    "attempts", "seconds", "fit_seconds", "score_seconds", "bytes", "bytes_copied", "peak_memory", "worker", "slot",
)  # fmt: skip
_FIXED = frozenset(("node", "state", *COUNTED, "error"))


def rows_of(entries: Iterable[Entry]) -> tuple[list[str], list[dict[str, Any]]]:
    """Return names of columns, and a row for each entry.

    Columns are ``node``, one per dimension, the parameters of variants as ``node__parameter``, ``state``, one per
    score, ``train_…`` per score on the rows of the fit, ``attempts``, ``seconds``, ``fit_seconds``, ``score_seconds``,
    ``bytes``, ``bytes_copied``, ``peak_memory``, ``worker`` and ``slot`` (of what was done last), and ``error``. A
    dimension whose name is one of these has its full name (``data:state``), a score ``test_`` in front.
    """
    entries = list(entries)
    names = _names(sorted({dimension for entry in entries for dimension in entry.key.dimensions}))
    scores = _score_columns(entries, "scores", "", {*_FIXED, *names.values()})
    train = _score_columns(entries, "train_scores", "train_", set())
    rows = [_row(entry, names, scores, train) for entry in entries]
    known = {*_FIXED, *names.values(), *scores.values(), *train.values()}
    parameters = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in known]
    columns = ["node", *names.values(), *parameters, "state", *scores.values(), *train.values(), *COUNTED, "error"]
    return columns, rows


def _names(dimensions: list[Dimension]) -> dict[Dimension, str]:
    return {
        dimension: dimension.full_name if name in _FIXED else name for dimension, name in names_of(dimensions).items()
    }


def _score_columns(entries: list[Entry], attribute: str, prefix: str, taken: set[str]) -> dict[str, str]:
    names = dict.fromkeys(name for entry in entries for name in getattr(entry, attribute))
    return {name: prefix + name if prefix + name not in taken else f"test_{name}" for name in names}


def _row(entry: Entry, names: dict[Dimension, str], scores: dict[str, str], train: dict[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {"node": entry.node}
    labels = dict(entry.key.parts)
    row.update({name: labels.get(dimension) for dimension, name in names.items()})
    row.update(entry.full_params)
    row["state"] = entry.state
    row.update({column: entry.scores.get(name) for name, column in scores.items()})
    row.update({column: entry.train_scores.get(name) for name, column in train.items()})
    row.update({name: getattr(entry, name) for name in COUNTED})
    row["error"] = entry.error.describe() if entry.error is not None else None
    return row


def to_frame(entries: Iterable[Entry]) -> Any:
    """Return a pandas data frame of `rows_of`."""
    import pandas as pd

    columns, rows = rows_of(entries)
    frame = pd.DataFrame(rows, columns=columns)
    for column in frame.columns:
        present = frame[column].dropna()
        # Labels are whole numbers; a key without the dimension must not make them real ones, nor flags numbers.
        if len(present) < len(frame):
            kinds = {type(value) for value in _plain(rows, column)}
            if kinds in ({int}, {bool}):
                frame[column] = frame[column].astype("boolean" if bool in kinds else "Int64")
    return frame


def _plain(rows: list[dict[str, Any]], column: str) -> list[Any]:
    return [row[column] for row in rows if row.get(column) is not None]


def cv_results(relation: Relation) -> dict[str, Any]:
    """Return a relation's times and scores as scikit-learn's `cross_validate` names them; failed keys have NaN."""
    import numpy as np

    entries = list(relation)
    results: dict[str, Any] = {
        "fit_time": np.array([entry.fit_seconds for entry in entries]),
        "score_time": np.array([entry.score_seconds for entry in entries]),
    }
    for prefix, attribute in (("test_", "scores"), ("train_", "train_scores")):
        for name in dict.fromkeys(name for entry in entries for name in getattr(entry, attribute)):
            results[prefix + name] = np.array([getattr(entry, attribute).get(name, np.nan) for entry in entries])
    return results
