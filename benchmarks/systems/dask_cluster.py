"""Dask distributed: a local cluster of two processes of one thread."""

from __future__ import annotations

import statistics
import time

from dask.distributed import Client, LocalCluster

from workloads import SLOTS, increment, no_op, seconds


class DaskCluster:
    """A client and its cluster."""

    def __init__(self) -> None:
        started = time.perf_counter()
        cluster = LocalCluster(n_workers=SLOTS, threads_per_worker=1, processes=True, dashboard_address=None)
        self.client = Client(cluster)
        self.client.submit(no_op, pure=False).result()
        self.start_seconds = time.perf_counter() - started

    def start(self) -> float:
        return self.start_seconds

    def _all(self, tasks: int) -> None:
        self.client.gather(self.client.map(no_op, range(tasks), pure=False))

    def throughput(self, tasks: int = 1_000) -> float:
        self._all(200)
        return tasks / seconds(lambda: self._all(tasks))

    def round_trip(self, tasks: int = 50) -> float:
        return (
            statistics.median(seconds(lambda: self.client.submit(no_op, pure=False).result()) for _ in range(tasks))
            * 1e6
        )

    def chain(self, length: int = 1_000) -> float:
        def run() -> None:
            future = self.client.submit(increment, 0, pure=False)
            for _ in range(length - 1):
                future = self.client.submit(increment, future, pure=False)
            assert future.result() == length

        run()
        return length / statistics.median(seconds(run) for _ in range(3))
