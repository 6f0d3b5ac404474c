"""Runs as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anabranch.keys import Dimension, names_of
from anabranch.relation import Relation

if TYPE_CHECKING:
    from anabranch.entry import Entry
    from anabranch.run import Run


def rows_of(run: Run) -> tuple[list[str], list[dict[str, Any]]]:
    """Return names of columns, and a row per key of every node.

    Columns are ``node``, one per dimension, ``params`` of variants by name, ``state``, one per score, ``train_…``
    per score on the rows of the fit, ``seconds``, ``bytes`` and ``error``.
    """
    entries = run.entries
    dimensions = sorted({dimension for entry in entries for dimension in entry.key.dimensions})
    names = names_of(dimensions)
    scores = list(dict.fromkeys(name for entry in entries for name in entry.scores))
    train = list(dict.fromkeys(name for entry in entries for name in entry.train_scores))
    rows = [_row(run, entry, names, scores, train) for entry in entries]
    parameters = list(dict.fromkeys(name for row in rows for name in row if name not in _FIXED))
    fixed_front = ["node", *names.values()]
    own = [*scores, *(f"train_{name}" for name in train)]
    parameters = [name for name in parameters if name not in fixed_front and name not in own]
    return [*fixed_front, *parameters, "state", *own, "seconds", "bytes", "error"], rows


_FIXED = frozenset(("node", "state", "seconds", "bytes", "error"))


def _row(run: Run, entry: Entry, names: dict[Dimension, str], scores: list[str], train: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = {"node": entry.node}
    labels = dict(entry.key.parts)
    row.update({name: labels.get(dimension) for dimension, name in names.items()})
    for dimension, label in entry.key.parts:
        if isinstance(label, int):
            for name, value in run.variant(dimension.owner, label).items():
                row[f"{dimension.owner}__{name}"] = value
    row["state"] = entry.state
    row.update({name: entry.scores.get(name) for name in scores})
    row.update({f"train_{name}": entry.train_scores.get(name) for name in train})
    row["seconds"] = entry.seconds
    row["bytes"] = entry.bytes
    row["error"] = entry.error.describe() if entry.error is not None else None
    return row


def to_frame(run: Run) -> Any:
    """Return a pandas data frame of `rows_of`."""
    import pandas as pd

    columns, rows = rows_of(run)
    frame = pd.DataFrame(rows, columns=columns)
    for column in frame.columns:
        present = frame[column].dropna()
        # Labels are whole numbers; a key without the dimension must not make them real ones.
        if len(present) < len(frame) and len(present) and all(isinstance(value, int) for value in _plain(rows, column)):
            frame[column] = frame[column].astype("Int64")
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
