"""joblib with its loky processes."""

from __future__ import annotations

import time

from joblib import Parallel, delayed

from workloads import SLOTS, no_op, seconds


class Loky:
    """One `Parallel` that keeps its processes."""

    def __init__(self) -> None:
        started = time.perf_counter()
        self.one_by_one = Parallel(n_jobs=SLOTS, batch_size=1)
        self.one_by_one(delayed(no_op)() for _ in range(1))
        self.start_seconds = time.perf_counter() - started
        self.batched = Parallel(n_jobs=SLOTS)

    def start(self) -> float:
        return self.start_seconds

    def throughput(self, tasks: int = 5_000) -> float:
        self.one_by_one(delayed(no_op)() for _ in range(500))
        return tasks / seconds(lambda: self.one_by_one(delayed(no_op)() for _ in range(tasks)))

    def chunked(self, tasks: int = 50_000) -> float:
        self.batched(delayed(no_op)() for _ in range(10_000))
        return tasks / seconds(lambda: self.batched(delayed(no_op)() for _ in range(tasks)))
