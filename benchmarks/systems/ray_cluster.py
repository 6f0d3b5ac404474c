"""Ray, started as its documentation says, two CPUs."""

from __future__ import annotations

import statistics
import time

import numpy as np
import ray

from workloads import HUNDRED_MB, SLOTS, increment, no_op, seconds


@ray.remote
def open_time(references: list) -> float:
    """Microseconds until an object is there to be read."""
    started = time.perf_counter()
    ray.get(references[0])
    return (time.perf_counter() - started) * 1e6


class RayCluster:
    """A local cluster with remote functions."""

    def __init__(self) -> None:
        started = time.perf_counter()
        ray.init(num_cpus=SLOTS, include_dashboard=False, log_to_driver=False, logging_level="error")
        self.no_op = ray.remote(no_op)
        self.increment = ray.remote(increment)
        ray.get(self.no_op.remote())
        self.start_seconds = time.perf_counter() - started

    def start(self) -> float:
        return self.start_seconds

    def throughput(self, tasks: int = 5_000) -> float:
        ray.get([self.no_op.remote() for _ in range(500)])
        return tasks / seconds(lambda: ray.get([self.no_op.remote() for _ in range(tasks)]))

    def round_trip(self, tasks: int = 300) -> float:
        return statistics.median(seconds(lambda: ray.get(self.no_op.remote())) for _ in range(tasks)) * 1e6

    def chain(self, length: int = 1_000) -> float:
        def run() -> None:
            reference = self.increment.remote(0)
            for _ in range(length - 1):
                reference = self.increment.remote(reference)
            assert ray.get(reference) == length

        run()
        return length / statistics.median(seconds(run) for _ in range(3))

    def put_first(self) -> float:
        array = np.ones(HUNDRED_MB)
        return array.nbytes / seconds(lambda: ray.put(array)) / 1e9

    def put(self) -> float:
        array = np.ones(HUNDRED_MB)
        rates = []
        for _ in range(8):
            started = time.perf_counter()
            reference = ray.put(array)
            rates.append(array.nbytes / (time.perf_counter() - started) / 1e9)
            del reference
        return statistics.median(rates[3:])

    def open_first(self) -> float:
        return ray.get(open_time.remote([ray.put(np.ones(HUNDRED_MB))]))

    def open(self) -> float:
        reference = ray.put(np.ones(HUNDRED_MB))
        return statistics.median(ray.get(open_time.remote([reference])) for _ in range(20))

    def digits(self) -> float:
        from functools import partial

        import joblib
        from ray.util.joblib import register_ray
        from sklearn.model_selection import GridSearchCV

        import searches

        register_ray()
        with joblib.parallel_config("ray"):
            return searches.digits(partial(GridSearchCV, n_jobs=SLOTS))
