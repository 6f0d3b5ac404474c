"""What the figures are held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workloads import SLOTS

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


def _same_scores(measurement: str, system: str) -> Floor:
    """Ours is to find the scores that a peer finds, to the bit."""
    name = f"{measurement}_scores"
    return Floor(
        measurement, f"scores of {system} to the bit", lambda f: f[name, "anabranch"] == f[name, system], 1, True
    )


def _within(measurement: str, text: str, limit: float, at_least: bool = False, of: str = "anabranch") -> Floor:
    return Floor(measurement, text, lambda f: f[measurement, of], limit, at_least)


def _handed_over(measurement: str, limit: float) -> Floor:
    """Spark's own ways out are to take so many times as long as ours, the faster of them too."""
    return Floor(
        measurement,
        f"1/{limit:g} of the faster of toPandas and Parquet",
        lambda f: min(f[measurement, "spark"], f[measurement, "spark_parquet"]) / f[measurement, "anabranch_spark"],
        limit,
        True,
    )


def _spark_search(limit: float) -> tuple[Floor, ...]:
    """Ours is to take at most this share of the time of Spark's own search, and to find the same metrics."""
    name, scores = "spark_search", "spark_search_scores"
    return (
        Floor(
            name,
            f"at most {limit:g} of Spark's own time",
            lambda f: f[name, "anabranch_spark"] / f[name, "spark"],
            limit,
            False,
        ),
        Floor(
            name,
            "avgMetrics of Spark's own, to 1e-9",
            lambda f: abs(f[scores, "anabranch_spark"] - f[scores, "spark"]),
            1e-9,
            False,
        ),
    )


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
    *(_share("digits", system, 1.1) for system in ("ray", "serial", "n_jobs", "dask_ml")),
    _same_scores("digits", "serial"),
    # Two slots: 1.15 × (distinct work) / 2.
    _share("flights", "serial", 0.575),
    _within("large", "slots + 1", SLOTS + 1),
    # Two slots: 1.3 × (fit and score work) / 2.
    _share("tiny_fits", "serial", 0.65),
    _same_scores("tiny_fits", "serial"),
    _within("start", "0.6 s", 0.6),
    _within("start_sklearn", "0.5 s", 0.5),
    _within("queued_bytes", "1,024 B", 1_024),
    _within("queued_cost", "1.3", 1.3),
    _within("greedy", "1.05", 1.05),
    _within("memory_growth", "1 MB", 1),
    _within("scaling_16", "0.95", 0.95, at_least=True, of="ipc"),
    *(_within("process_death", f"1 s over {link}", 1_000, of=link) for link in ("ipc", "curve")),
    *(_within("host_death", f"5 s over {link}", 5, of=link) for link in ("ipc", "curve")),
    *(_handed_over(name, 2) for name in ("spark_handover", "spark_handover_uncached")),
    *_spark_search(0.7),
)
