"""concurrent.futures.ProcessPoolExecutor."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ProcessPoolExecutor

from workloads import SLOTS, no_op, seconds


class ProcessPool:
    """Two processes."""

    def __init__(self) -> None:
        started = time.perf_counter()
        self.executor = ProcessPoolExecutor(SLOTS)
        self.executor.submit(no_op).result()
        self.start_seconds = time.perf_counter() - started

    def start(self) -> float:
        return self.start_seconds

    def throughput(self, tasks: int = 20_000) -> float:
        list(self.executor.map(no_op, range(500)))
        return tasks / seconds(lambda: list(self.executor.map(no_op, range(tasks))))

    def chunked(self, tasks: int = 200_000) -> float:
        list(self.executor.map(no_op, range(6_400), chunksize=64))
        return tasks / seconds(lambda: list(self.executor.map(no_op, range(tasks), chunksize=64)))

    def round_trip(self, tasks: int = 500) -> float:
        return statistics.median(seconds(lambda: self.executor.submit(no_op).result()) for _ in range(tasks)) * 1e6
