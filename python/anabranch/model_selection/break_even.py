"""Whether what is left of a search ends sooner in this process or on the pool.

A value without clock or input: told what calls took, it says where the rest is to run. Decision 15 has the reasons
and how the costs were measured.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Seconds that a call is taken to need before any has been measured: less than the quickest fit with its scores.
LEAST_SECONDS = 0.0003
#: Cells of X that the quickest estimators fit and score in a second.
CELLS_PER_SECOND = 5e7
#: Seconds of work above which a search is the pool's whatever the gain: there a fit that dies costs its cell alone.
MOST_SECONDS = 5.0


@dataclass(frozen=True)
class Costs:
    """What the pool costs besides the work, in seconds.

    Attributes
    ----------
    start : float
        Until an embedded pool has started and its runtimes have imported scikit-learn.
    search : float
        To store what a search reads, to hand out its first tasks and to end it.
    task : float
        What a task takes of its slot beyond its work.
    """

    start: float = 1.0
    search: float = 0.01
    task: float = 0.003


@dataclass
class Pace:
    """What the calls and the shared steps of a search have taken so far, wherever they ran."""

    calls: int = 0
    call_seconds: float = 0.0
    segments: int = 0
    segment_seconds: float = 0.0

    def add_call(self, seconds: float) -> None:
        """Note a call that was answered."""
        self.calls += 1
        self.call_seconds += seconds

    def add_segment(self, seconds: float) -> None:
        """Note shared steps that were fitted."""
        self.segments += 1
        self.segment_seconds += seconds

    def work(self, calls: int, segments: int, least: float) -> float:
        """Return the seconds of so many calls and segments; what was never measured takes ``least``."""
        call = self.call_seconds / self.calls if self.calls else least
        segment = self.segment_seconds / self.segments if self.segments else least
        return calls * call + segments * segment


@dataclass(frozen=True)
class Left:
    """What of a search is still to be done: calls, segments of shared steps, and the tasks that they would be."""

    calls: int
    segments: int
    tasks: float


@dataclass(frozen=True)
class BreakEven:
    """Compares the two places for one set of calls.

    Attributes
    ----------
    slots : int
        Tasks that would run at a time.
    overhead : float
        Seconds that the pool costs once, by `Costs`.
    task : float
        `Costs.task`.
    least : float
        Seconds that a call takes at least.
    """

    slots: int
    overhead: float
    task: float
    least: float

    @classmethod
    def of(cls, costs: Costs, slots: int, cells: int, *, warm: bool) -> BreakEven:
        """Return that of a search over so many cells of X, on a pool that has run a search before (``warm``) or not."""
        overhead = costs.search + (0.0 if warm else costs.start)
        return cls(slots, overhead, costs.task, LEAST_SECONDS + cells / CELLS_PER_SECOND)

    def is_faster_here(self, pace: Pace, left: Left) -> bool:
        """Whether the rest ends sooner in this process, by what is known."""
        work = pace.work(left.calls, left.segments, self.least)
        return work <= MOST_SECONDS and work <= self.overhead + (work + left.tasks * self.task) / self.slots

    def stays_here(self, pace: Pace, left: Left, answered: int, spent: float) -> bool:
        """Whether a search that runs here goes on so.

        Parameters
        ----------
        pace : Pace
        left : Left
        answered : int
            Calls that were answered here. The first one may have imported something: it decides alone only when it has
            taken as long as the pool's own costs.
        spent : float
            Seconds since it began here.
        """
        return self.is_faster_here(pace, left) or (answered < 2 and spent < self.overhead)
