"""What the figures are held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

#: (measurement, system) -> its figure in one round
Figures = Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class Floor:
    """One demand on a measurement.

    Attributes
    ----------
    measurement : str
    text : str
        What is asked for, as a reader sees it.
    reached : callable
        From a round's figures to what is compared with `limit`.
    limit : float
    at_least : bool
        Whether `reached` is to be at least `limit`, not at most.
    """

    measurement: str
    text: str
    reached: Callable[[Figures], float]
    limit: float
    at_least: bool

    def is_met(self, reached: float) -> bool:
        """Tell whether a figure is good enough."""
        return reached >= self.limit if self.at_least else reached <= self.limit


def _times(measurement: str, system: str, limit: float, theirs: str | None = None) -> Floor:
    """Ours is to be so many times a peer's rate."""
    other = (theirs or measurement, system)
    what = f"{limit:g}× {system}" + (f"'s {theirs}" if theirs else "")
    return Floor(measurement, what, lambda f: f[measurement, "anabranch"] / f[other], limit, True)


def _as_fast(measurement: str, system: str, limit: float) -> Floor:
    """A peer is to take so many times as long as ours."""
    other = (measurement, system)
    text = f"1/{limit:g} of {system}" if limit > 1 else f"less than {system}"
    return Floor(measurement, text, lambda f: f[other] / f[measurement, "anabranch"], limit, True)


def _share(measurement: str, system: str, limit: float) -> Floor:
    """Ours is to take at most this share of a peer's time."""
    other = (measurement, system)
    text = f"at most {limit:g} of {system}'s time"
    return Floor(measurement, text, lambda f: f[measurement, "anabranch"] / f[other], limit, False)


def _within(measurement: str, text: str, limit: float, at_least: bool = False) -> Floor:
    return Floor(measurement, text, lambda f: f[measurement, "anabranch"], limit, at_least)


FLOORS = (
    _times("throughput", "ray", 15),
    _times("throughput", "process_pool", 3),
    _as_fast("round_trip", "ray", 3),
    _within("idle", "20 ms/s", 20),
    _within("native_throughput", "100,000/s", 100_000, at_least=True),
    _times("put", "ray", 3),
    _within("open", "100 us", 100),
    _times("chain", "ray", 4),
    _times("native_chain", "ray", 8, "chain"),
    _as_fast("founding", "serial", 1),
    _within("founding_bound", "1.1", 1.1),
    _share("digits", "n_jobs", 0.6),
    *(_share("digits", system, 1.1) for system in ("ray", "serial", "n_jobs")),
    # Two slots: 1.3 × (fit and score work) / 2.
    _share("tiny_fits", "serial", 0.65),
    _within("start", "0.6 s", 0.6),
    _within("start_sklearn", "0.5 s", 0.5),
    _within("queued_bytes", "1,024 B", 1_024),
    _within("queued_cost", "1.3", 1.3),
    _within("greedy", "1.05", 1.05),
    _within("memory_growth", "1 MB", 1),
)
