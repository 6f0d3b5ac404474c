"""Measures one system: ``measure.py SYSTEM NAME...`` prints one JSON object, name -> figure.

Every system gets the same functions and the same number of tasks; what differs is its own way to submit them.
"""

from __future__ import annotations

import json
import pathlib
import statistics
import sys
import time
from collections.abc import Callable

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "examples"))

SLOTS = 2
HUNDRED_MB = 12_500_000  # float64


def no_op(_: object = None) -> None:
    """Do nothing."""


def increment(value: int) -> int:
    """Add one."""
    return value + 1


def open_time(array) -> float:
    """Touch the array; opening it is what is measured."""
    return float(array[0])


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


class Anabranch:
    """Ours, embedded, through the public API."""

    def __init__(self) -> None:
        import anabranch as ab

        self.ab = ab
        started = time.perf_counter()
        ab.init(slots=SLOTS)
        self.executor = ab.Executor()
        self.executor.submit(no_op).result()
        self.start_seconds = time.perf_counter() - started

    def start(self) -> float:
        return self.start_seconds

    def throughput(self, tasks: int = 50_000) -> float:
        list(self.executor.map(no_op, range(2_000)))
        return tasks / seconds(lambda: list(self.executor.map(no_op, range(tasks))))

    def native_throughput(self, tasks: int = 50_000) -> float:
        function = self.ab.native("noop")

        def run(count: int) -> None:
            for future in [self.executor.submit(function) for _ in range(count)]:
                future.result()

        run(2_000)
        return tasks / seconds(lambda: run(tasks))

    def round_trip(self, tasks: int = 500) -> float:
        self.executor.submit(no_op).result()
        return statistics.median(seconds(lambda: self.executor.submit(no_op).result()) for _ in range(tasks)) * 1e6

    def chain(self, length: int = 1_000) -> float:
        def run() -> None:
            future = self.executor.submit(increment, 0)
            for _ in range(length - 1):
                future = self.executor.submit(increment, future)
            assert future.result() == length

        run()
        return length / seconds(run)

    def put_first(self) -> float:
        import numpy as np

        array = np.ones(HUNDRED_MB)
        return array.nbytes / seconds(lambda: self.ab.put(array)) / 1e9

    def put(self) -> float:
        import numpy as np

        array = np.ones(HUNDRED_MB)
        rates = []
        for _ in range(8):
            reference = None
            rate = 0.0

            def store() -> None:
                nonlocal reference
                reference = self.ab.put(array)

            rate = array.nbytes / seconds(store) / 1e9
            rates.append(rate)
            del reference
            # The region comes back when the coordinator has heard of the release: a round trip orders the two.
            self.executor.submit(no_op).result()
        return statistics.median(rates[3:])

    def open(self) -> float:
        import numpy as np

        reference = self.ab.put(np.ones(HUNDRED_MB))
        usages = []
        for _ in range(20):
            future = self.executor.submit(open_time, reference)
            future.result()
            usages.append(future.usage.open_us)
        return statistics.median(usages)

    def founding(self) -> float:
        preprocessor, heavy, X, y = founding_parts()

        def run() -> None:
            graph = self.ab.Pipeline()
            node = self.ab.OrNode("preprocess", preprocessor)
            for name, classifier in heavy.items():
                graph.add_edge(node, self.ab.OrNode(name, classifier))
            result = graph.fit(X, y)
            assert not result.failed

        run()
        return seconds(run)

    def digits(self) -> float:
        import searches

        return searches.digits(self.ab.model_selection.GridSearchCV)

    def tiny_fits(self) -> float:
        import searches

        return searches.tiny_fits(self.ab.model_selection.GridSearchCV)


class Ray:
    """Ray, started as its documentation says, two CPUs."""

    def __init__(self) -> None:
        import ray

        self.ray = ray
        started = time.perf_counter()
        ray.init(num_cpus=SLOTS, include_dashboard=False, log_to_driver=False, logging_level="error")
        self.no_op = ray.remote(no_op)
        self.increment = ray.remote(increment)
        ray.get(self.no_op.remote())
        self.start_seconds = time.perf_counter() - started

    def start(self) -> float:
        return self.start_seconds

    def throughput(self, tasks: int = 5_000) -> float:
        self.ray.get([self.no_op.remote() for _ in range(500)])
        return tasks / seconds(lambda: self.ray.get([self.no_op.remote() for _ in range(tasks)]))

    def round_trip(self, tasks: int = 300) -> float:
        return statistics.median(seconds(lambda: self.ray.get(self.no_op.remote())) for _ in range(tasks)) * 1e6

    def chain(self, length: int = 1_000) -> float:
        def run() -> None:
            reference = self.increment.remote(0)
            for _ in range(length - 1):
                reference = self.increment.remote(reference)
            assert self.ray.get(reference) == length

        run()
        return length / seconds(run)

    def put_first(self) -> float:
        import numpy as np

        array = np.ones(HUNDRED_MB)
        return array.nbytes / seconds(lambda: self.ray.put(array)) / 1e9

    def put(self) -> float:
        import numpy as np

        array = np.ones(HUNDRED_MB)
        rates = []
        for _ in range(8):
            reference = None

            def store() -> None:
                nonlocal reference
                reference = self.ray.put(array)

            rates.append(array.nbytes / seconds(store) / 1e9)
            del reference
        return statistics.median(rates[3:])

    def open(self) -> float:
        import numpy as np

        @self.ray.remote
        def opened(references: list) -> float:
            import ray as inner

            started = time.perf_counter()
            inner.get(references[0])
            return (time.perf_counter() - started) * 1e6

        reference = self.ray.put(np.ones(HUNDRED_MB))
        return statistics.median(self.ray.get(opened.remote([reference])) for _ in range(20))

    def digits(self) -> float:
        from functools import partial

        import joblib
        from ray.util.joblib import register_ray
        from sklearn.model_selection import GridSearchCV

        import searches

        register_ray()
        with joblib.parallel_config("ray"):
            return searches.digits(partial(GridSearchCV, n_jobs=SLOTS))


class ProcessPool:
    """concurrent.futures.ProcessPoolExecutor."""

    def __init__(self) -> None:
        from concurrent.futures import ProcessPoolExecutor

        started = time.perf_counter()
        self.executor = ProcessPoolExecutor(SLOTS)
        self.executor.submit(no_op).result()
        self.start_seconds = time.perf_counter() - started

    def start(self) -> float:
        return self.start_seconds

    def throughput(self, tasks: int = 20_000) -> float:
        list(self.executor.map(no_op, range(500)))
        return tasks / seconds(lambda: list(self.executor.map(no_op, range(tasks))))

    def round_trip(self, tasks: int = 500) -> float:
        return statistics.median(seconds(lambda: self.executor.submit(no_op).result()) for _ in range(tasks)) * 1e6


class Serial:
    """Plain scikit-learn, one pipeline after the other."""

    def founding(self) -> float:
        from sklearn.base import clone
        from sklearn.pipeline import Pipeline

        preprocessor, heavy, X, y = founding_parts()

        def run() -> None:
            for name, classifier in heavy.items():
                Pipeline([("preprocess", clone(preprocessor)), (name, clone(classifier))]).fit(X, y)

        run()
        return seconds(run)

    def digits(self) -> float:
        from sklearn.model_selection import GridSearchCV
        from threadpoolctl import threadpool_limits

        import searches

        with threadpool_limits(1):
            return searches.digits(GridSearchCV)


class ScikitLearnJobs:
    """Plain scikit-learn with joblib's own processes."""

    def __init__(self) -> None:
        from functools import partial

        from sklearn.model_selection import GridSearchCV

        self.search = partial(GridSearchCV, n_jobs=SLOTS)

    def digits(self) -> float:
        import searches

        return searches.digits(self.search)

    def tiny_fits(self) -> float:
        import searches

        return searches.tiny_fits(self.search)


class ScikitLearnMemory(ScikitLearnJobs):
    """The same, with what steps make of the rows kept on a disk."""

    def digits(self) -> float:
        import tempfile

        import searches

        with tempfile.TemporaryDirectory() as directory:
            return searches.digits(self.search, memory=directory)


def main() -> None:
    """Measure what the arguments name."""
    system, *names = sys.argv[1:]
    kinds = {
        "anabranch": Anabranch,
        "ray": Ray,
        "process_pool": ProcessPool,
        "serial": Serial,
        "n_jobs": ScikitLearnJobs,
        "n_jobs_memory": ScikitLearnMemory,
    }
    subject = kinds[system]()
    print(json.dumps({name: getattr(subject, name)() for name in names}))


if __name__ == "__main__":
    main()
