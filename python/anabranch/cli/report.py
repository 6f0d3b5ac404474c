"""What a run says on the terminal, and as JSON."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

from anabranch.entry import Entry
from anabranch.keys import FOLD, Dimension, Key, names_of
from anabranch.run import Run

#: Rows of the table; more are for files.
LONGEST = 60


def document(run: Run, extra: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a run as JSON values."""
    return {
        "run": run.id,
        "graph": run.graph.name,
        "mode": run.mode.name.lower(),
        "state": run.state,
        "seconds": round(run.seconds, 6),
        "entries": [_entry(entry) for entry in run],
        **(extra or {}),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "node": entry.node,
        "key": dict(entry.key),
        "params": {name: _json(value) for name, value in entry.params.items()},
        "state": entry.state,
        "scores": {name: _json(value) for name, value in entry.scores.items()},
        "train_scores": {name: _json(value) for name, value in entry.train_scores.items()},
        "seconds": round(entry.seconds, 6),
        "bytes": entry.bytes,
        "bytes_copied": entry.bytes_copied,
        "error": entry.error.to_dict() if entry.error is not None else None,
    }


def _json(value: Any) -> Any:
    if isinstance(value, float) or (hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0):
        value = float(value) if not isinstance(value, float) else value
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else repr(value)


class Row:
    """Entries of one node that differ by fold alone."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.node = entries[0].node
        self.key = Key(part for part in entries[0].key.parts if part[0].kind != FOLD)

    def scores(self) -> dict[str, tuple[float, float | None]]:
        """Return mean, and with several folds the standard deviation, by scorer."""
        found: dict[str, list[float]] = {}
        for entry in self.entries:
            for name, value in entry.scores.items():
                found.setdefault(name, []).append(value)
        return {name: _moments(values) for name, values in found.items()}

    @property
    def failed(self) -> int:
        """How many of the entries did not succeed."""
        return sum(entry.state != "succeeded" for entry in self.entries)


def _moments(values: list[float]) -> tuple[float, float | None]:
    mean = sum(values) / len(values)
    if len(values) == 1:
        return mean, None
    return mean, math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))


def rows_of(run: Run) -> list[Row]:
    """Return a row per node and key, folds taken together."""
    groups: dict[tuple[str, Key], list[Entry]] = {}
    for entry in run:
        key = Key(part for part in entry.key.parts if part[0].kind != FOLD)
        groups.setdefault((entry.node, key), []).append(entry)
    return [Row(entries) for entries in groups.values()]


def table(run: Run) -> tuple[list[str], list[list[str]]]:
    """Return the table's head and its cells. Dimensions along which nothing differs are left out."""
    rows = rows_of(run)
    labels: dict[Dimension, set] = {}
    for row in rows:
        for dimension, label in row.key.parts:
            labels.setdefault(dimension, set()).add(label)
    names = names_of(sorted(dimension for dimension, found in labels.items() if len(found) > 1))
    scorers = list(dict.fromkeys(name for row in rows for name in row.scores()))
    folds = any(len(row.entries) > 1 for row in rows)
    head = ["node", *names.values(), *scorers, *(["folds"] if folds else []), "seconds", "state"]
    cells = []
    for row in rows:
        scores = row.scores()
        cells.append(
            [
                row.node,
                *(_label(run, row.key, dimension) for dimension in names),
                *(_score(scores.get(name)) for name in scorers),
                *([str(len(row.entries))] if folds else []),
                f"{sum(entry.seconds for entry in row.entries):.2f}",
                "ok" if not row.failed else f"{row.failed} failed" if len(row.entries) > 1 else row.entries[0].state,
            ]
        )
    return head, cells


def _label(run: Run, key: Key, dimension: Dimension) -> str:
    label = key.label(dimension)
    if label is None:
        return ""
    settings = run.variant(dimension.owner, label) if isinstance(label, int) else {}
    return ", ".join(f"{name}={value}" for name, value in settings.items()) or str(label)


def _score(moments: tuple[float, float | None] | None) -> str:
    if moments is None:
        return ""
    mean, deviation = moments
    return f"{mean:.4f}" + (f" ± {deviation:.4f}" if deviation is not None else "")


def print_run(run: Run) -> None:
    """Print the table, and the first errors."""
    head, cells = table(run)
    print_table(head, cells[:LONGEST])
    if len(cells) > LONGEST:
        print(f"… and {len(cells) - LONGEST} more rows; --out DIR writes them all")
    failed = run.failed
    for entry in failed[:5]:
        print(f"failed: {entry.error.describe() if entry.error else entry}", file=sys.stderr)
    if len(failed) > 5:
        print(f"… and {len(failed) - 5} more failed keys", file=sys.stderr)


def print_table(head: list[str], cells: list[list[str]]) -> None:
    """Print a table: drawn on a terminal, plain columns in a pipe."""
    if sys.stdout.isatty():
        try:
            _rich(head, cells)
            return
        except ImportError:
            pass
    widths = [max(len(row[i]) for row in [head, *cells]) for i in range(len(head))]
    for row in [head, *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def _rich(head: list[str], cells: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    drawn = Table(*head)
    for row in cells:
        drawn.add_row(*row)
    Console().print(drawn)
