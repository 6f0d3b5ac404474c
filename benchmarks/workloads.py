"""What every system is given: the same functions and the same data."""

from __future__ import annotations

import heapq
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable

SLOTS = 2
HUNDRED_MB = 12_500_000  # float64


def no_op(_: object = None) -> None:
    """Do nothing."""


def increment(value: int) -> int:
    """Add one."""
    return value + 1


def first_of(array: object) -> float:
    """Touch the array; opening it is what is measured."""
    return float(array[0])


def import_numpy(_: object = None) -> None:
    """Import what opening an array needs, which is no part of opening it."""
    import numpy  # noqa: F401


def die(path: str) -> None:
    """Say when, on the clock that all processes share, and end this process at once."""
    with open(path, "w") as file:
        file.write(repr(time.monotonic()))
    os.kill(os.getpid(), signal.SIGKILL)


def begun() -> tuple[float, bool]:
    """Return when this began, on the clock that all processes share, and whether scikit-learn was there already."""
    return time.monotonic(), "sklearn" in sys.modules


def sleep(duration: float) -> None:
    """Take so many seconds."""
    time.sleep(duration)


def wait_for_file(path: str) -> None:
    """Keep a slot busy until there is a file."""
    while not os.path.exists(path):
        time.sleep(0.01)


def echo(value: object) -> object:
    """Answer what was asked."""
    return value


def say_when(directory: str) -> None:
    """Leave word of the worker and of the time (the host's monotonic clock), and wait until one may end."""
    start = os.path.join(directory, f"{os.getppid()}.start")
    with open(start + ".made", "w") as file:
        file.write(repr(time.monotonic()))
    os.rename(start + ".made", start)
    wait_for_file(os.path.join(directory, "open"))


def fit_tree(_: object = None) -> float:
    """A small scikit-learn task; in a fresh process most of it is the import."""
    from sklearn.tree import DecisionTreeClassifier

    return float(DecisionTreeClassifier().fit([[0.0], [1.0]], [0, 1]).predict([[1.0]])[0])


def founding_parts():
    """Return (preprocessor, name -> heavy classifier, X, y)."""
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier

    import flights
    from scale_test_estimator import ScaleTestEstimator

    X, y, _, _ = flights.split_by_month(flights.load().iloc[:12_000])
    heavy = {
        "c_a": ScaleTestEstimator(5, DecisionTreeClassifier(random_state=0)),
        "c_b": ScaleTestEstimator(5, RandomForestClassifier(n_estimators=20, random_state=0)),
        "c_c": ScaleTestEstimator(5, GradientBoostingClassifier(n_estimators=10, random_state=0)),
    }
    return flights.preprocessor(), heavy, X, y


def seconds(run: Callable[[], object]) -> float:
    """Return how long ``run`` takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def greedy_makespan(durations: Iterable[float], slots: int = SLOTS) -> float:
    """Return when the last of these tasks ends if each begins, in this order, as soon as a slot is free."""
    free = [0.0] * slots
    for duration in durations:
        heapq.heapreplace(free, free[0] + duration)
    return max(free)


def best_makespan(durations: list[float]) -> float:
    """Return the shortest time in which two slots do a few tasks."""
    splits = range(1 << len(durations))
    total = sum(durations)
    one = (sum(d for place, d in enumerate(durations) if split >> place & 1) for split in splits)
    return min(max(part, total - part) for part in one)
