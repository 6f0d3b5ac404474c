"""How far a run or a search is, as a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anabranch.run import Run


@dataclass(frozen=True)
class Row:
    """How far one node, or one kind of work, is.

    Attributes
    ----------
    name : str
    done, planned, running, failed, skipped : int
        Keys. Failed and skipped ones are done, too.
    is_open : bool
        More may be planned.
    """

    name: str
    done: int = 0
    planned: int = 0
    running: int = 0
    failed: int = 0
    skipped: int = 0
    is_open: bool = False


@dataclass(frozen=True)
class Summary:
    """Counts at one moment.

    Attributes
    ----------
    rows : sequence of Row
    seconds : float
        Since the beginning.
    unit : str
        What is counted, in the plural.
    ended : bool
        Nothing more will come.
    waiting : str
        What it waits for that may never come; empty otherwise.
    """

    rows: Sequence[Row]
    seconds: float
    unit: str = "keys"
    ended: bool = False
    waiting: str = ""

    @classmethod
    def of_run(cls, run: Run) -> Summary:
        """Return how far a run is, a row for each of its nodes that has been heard of."""
        with run.feed.changed:
            progress = dict(run.feed.progress)
            waiting = run.feed.waiting
        names = [node.name for node in run.graph.nodes]
        rows = [
            Row(names[index], p.succeeded + p.failed + p.skipped, p.planned, p.running, p.failed, p.skipped, p.open)
            for index, p in sorted(progress.items())
            if index < len(names)
        ]
        return cls(rows, run.seconds, ended=run.finished, waiting="" if run.finished else waiting)

    def row(self, name: str) -> Row:
        """Return the row of a node; an empty one when nothing has been heard of it."""
        return next((row for row in self.rows if row.name == name), Row(name))

    @property
    def done(self) -> int:
        """How many are done."""
        return sum(row.done for row in self.rows)

    @property
    def planned(self) -> int:
        """How many are known."""
        return sum(row.planned for row in self.rows)

    @property
    def failed(self) -> int:
        """How many have failed."""
        return sum(row.failed for row in self.rows)

    @property
    def is_open(self) -> bool:
        """Whether more may be planned."""
        return any(row.is_open for row in self.rows)

    @property
    def rate(self) -> float:
        """Done per second since the beginning."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the rest takes at this rate; None while that cannot be said."""
        if self.ended or self.is_open or not self.done or self.done >= self.planned:
            return None
        return (self.planned - self.done) / self.rate

    def line(self) -> str:
        """Return one line: time, counts, rate, time left."""
        left = self.seconds_left
        return (
            f"{self.seconds:6.1f} s  {self.done} of {self.planned}{'+' if self.is_open else ''} {self.unit}"
            + (f", {self.rate:.3g}/s" if self.done else "")
            + (f", {self.failed} failed" if self.failed else "")
            + (f", {duration(left)} left" if left is not None else "")
            + (f"; {self.waiting}" if self.waiting else "")
        )


def duration(seconds: float) -> str:
    """Return ``12 s``, ``3:05`` or ``2:03:05``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
