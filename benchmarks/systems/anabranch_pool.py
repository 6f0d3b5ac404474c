"""Ours, embedded, through the public API."""

from __future__ import annotations

import functools
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import psutil

import anabranch as ab
from anabranch.process_client import current
from anabranch.v1 import control_pb2
from workloads import (
    HUNDRED_MB,
    SLOTS,
    begun,
    best_makespan,
    die,
    first_of,
    fit_tree,
    founding_parts,
    greedy_makespan,
    import_numpy,
    increment,
    no_op,
    seconds,
    sleep,
    wait_for_file,
)


class AnabranchPool:
    """An embedded pool of two slots."""

    def __init__(self) -> None:
        started = time.perf_counter()
        ab.init(slots=SLOTS)
        self.executor = ab.Executor()
        self.executor.submit(no_op).result()
        self.start_seconds = time.perf_counter() - started

    def start(self) -> float:
        return self.start_seconds

    def start_sklearn(self) -> float:
        imported = "import time; t = time.perf_counter(); import sklearn.tree; print(time.perf_counter() - t)"
        importing = float(subprocess.run([sys.executable, "-c", imported], capture_output=True, check=True).stdout)
        self._restart(SLOTS)
        taken = seconds(lambda: (self._restart(SLOTS), self.executor.submit(fit_tree).result()))
        return taken - importing

    def throughput(self, tasks: int = 100_000) -> float:
        list(self.executor.map(no_op, range(5_000)))
        return tasks / seconds(lambda: list(self.executor.map(no_op, range(tasks))))

    def chunked(self, tasks: int = 200_000) -> float:
        list(self.executor.map(no_op, range(6_400), chunksize=64))
        return tasks / seconds(lambda: list(self.executor.map(no_op, range(tasks), chunksize=64)))

    def native_throughput(self, tasks: int = 200_000) -> float:
        function = ab.native("noop")
        list(self.executor.map(function, range(5_000)))
        return tasks / seconds(lambda: list(self.executor.map(function, range(tasks))))

    def round_trip(self, tasks: int = 500) -> float:
        self.executor.submit(no_op).result()
        return statistics.median(seconds(lambda: self.executor.submit(no_op).result()) for _ in range(tasks)) * 1e6

    def idle(self, duration: float = 2.0) -> float:
        """CPU milliseconds per second of all processes while nothing is to be done."""

        def cpu() -> float:
            processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
            return sum(sum(process.cpu_times()[:2]) for process in processes)

        before = cpu()
        time.sleep(duration)
        return (cpu() - before) / duration * 1e3

    def chain(self, length: int = 1_000) -> float:
        def run() -> None:
            future = self.executor.submit(increment, 0)
            for _ in range(length - 1):
                future = self.executor.submit(increment, future)
            assert future.result() == length

        run()
        return length / statistics.median(seconds(run) for _ in range(3))

    def native_chain(self, length: int = 1_000) -> float:
        function = ab.native("noop")

        def run() -> None:
            future = self.executor.submit(function)
            for _ in range(length - 1):
                future = self.executor.submit(function, future)
            future.result()

        run()
        return length / statistics.median(seconds(run) for _ in range(3))

    def put_first(self) -> float:
        array = np.ones(HUNDRED_MB)
        return array.nbytes / seconds(lambda: ab.put(array)) / 1e9

    def put(self) -> float:
        array = np.ones(HUNDRED_MB)
        rates = []
        for _ in range(8):
            started = time.perf_counter()
            reference = ab.put(array)
            rates.append(array.nbytes / (time.perf_counter() - started) / 1e9)
            del reference
            # The region comes back when the coordinator has heard of the release: a round trip orders the two.
            self.executor.submit(no_op).result()
        return statistics.median(rates[3:])

    def open_first(self) -> float:
        self._restart(SLOTS)
        # It takes long enough for both slots to get one.
        list(self.executor.map(import_numpy, range(SLOTS)))
        return self._open(ab.put(np.ones(HUNDRED_MB)))

    def open(self) -> float:
        reference = ab.put(np.ones(HUNDRED_MB))
        return statistics.median(self._open(reference) for _ in range(20))

    def replacement(self, deaths: int = 20) -> float:
        """Milliseconds from a runtime's death to the next task of its slot, which has scikit-learn from its fork."""
        self._restart(1)
        self.executor.submit(fit_tree).result()
        # What that has imported is imported before the first fork that follows an idle moment.
        taken = []
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "died"
            for _ in range(deaths + 5):
                doomed, after = self.executor.submit(die, str(path)), self.executor.submit(begun)
                assert isinstance(doomed.exception(), ab.TaskKilled)
                start, had_sklearn = after.result()
                taken.append((start - float(path.read_text()), had_sklearn))
        self._restart(SLOTS)
        assert all(had_sklearn for _, had_sklearn in taken[5:]), "a runtime was made that had to import it"
        return statistics.median(seconds for seconds, _ in taken[5:]) * 1e3

    def founding(self) -> float:
        return self._found(1)[0]

    def founding_bound(self) -> float:
        """How much longer than the best schedule of its own task times it takes."""
        return statistics.median(taken / bound for taken, bound in (self._found(0) for _ in range(3)))

    def digits(self) -> float:
        import searches

        return searches.digits(ab.model_selection.GridSearchCV)

    def tiny_fits(self) -> float:
        import searches

        return searches.tiny_fits(ab.model_selection.GridSearchCV)

    def flights(self) -> float:
        import searches

        return searches.flights(ab.model_selection.GridSearchCV)

    def large(self) -> float:
        import searches

        def store_bytes() -> int:
            return current().ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest())).status.store_bytes

        return searches.large(ab.model_selection.GridSearchCV, store_bytes)

    def queued_bytes(self) -> float:
        _, (held, _) = self._queued
        return held

    def queued_cost(self) -> float:
        """Seconds per task when very many are queued, by those when some are."""
        (_, few), (_, many) = self._queued
        return many / few

    def greedy(self) -> float:
        """One long task amid many short ones: how much longer than list scheduling of the tasks' own times."""
        durations = [0.01] * 500 + [10.0] + [0.01] * 500
        list(self.executor.map(sleep, [0.01] * 20))
        futures = []

        def run() -> None:
            futures.extend(self.executor.submit(sleep, duration) for duration in durations)
            for future in futures:
                future.result()

        taken = seconds(run)
        return taken / greedy_makespan(future.usage.compute_us / 1e6 for future in futures)

    def memory_growth(self) -> float:
        """Coordinator's memory after 2 GB of X went through 50 slots, less that after 50 MB, in MB."""
        self._restart(50)
        function = ab.native("identity")
        sizes = []
        for nbytes in (50_000_000, 50_000_000, 2_000_000_000):
            X = ab.put(np.ones(nbytes // 8))
            list(self.executor.map(function, [X] * 2_000))
            del X
            sizes.append(self._resident())
        return (sizes[2] - sizes[1]) / 1e6

    # ---- parts

    def _restart(self, slots: int) -> None:
        self.executor.shutdown()
        ab.shutdown()
        ab.init(slots=slots)
        self.executor = ab.Executor()

    def _open(self, reference: ab.Ref) -> float:
        future = self.executor.submit(first_of, reference)
        future.result()
        # What is copied is the answer.
        assert future.usage.bytes_copied < 1_000, f"{future.usage.bytes_copied} bytes were copied"
        return future.usage.open_us

    def _found(self, warmups: int) -> tuple[float, float]:
        preprocessor, heavy, X, y = founding_parts()
        for _ in range(warmups + 1):
            graph = ab.Pipeline()
            node = ab.OrNode("preprocess", preprocessor)
            for name, classifier in heavy.items():
                graph.add_edge(node, ab.OrNode(name, classifier))
            started = time.perf_counter()
            result = graph.fit(X, y)
            taken = time.perf_counter() - started
            assert not result.failed
        names = [one.name for one in graph.nodes]
        times = {names[record.node]: record.seconds for record in result.fits()}
        return taken, times.pop("preprocess") + best_makespan(list(times.values()))

    @functools.cached_property
    def _queued(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """What `_queue` says of 10,000 and of 1,000,000 tasks: measured once, whichever figure is asked for."""
        return self._queue(10_000), self._queue(1_000_000)

    def _queue(self, tasks: int) -> tuple[float, float]:
        """Return the coordinator's bytes, and the pool's seconds, for each of many tasks that were queued at once."""
        with tempfile.TemporaryDirectory() as directory:
            gate = str(pathlib.Path(directory) / "open")
            blocked = [self.executor.submit(wait_for_file, gate) for _ in range(SLOTS)]
            before = self._resident()
            begun = time.perf_counter()
            futures = self.executor.map(no_op, range(tasks))
            while self._status().queued < tasks:
                time.sleep(0.05)
            taken = time.perf_counter() - begun
            held = self._resident() - before
            begun = time.perf_counter()
            pathlib.Path(gate).touch()
            for _ in futures:
                pass
            for future in blocked:
                future.result()
            return held / tasks, (taken + time.perf_counter() - begun) / tasks

    @staticmethod
    def _status() -> control_pb2.Status:
        return current().ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest())).status

    @staticmethod
    def _resident() -> int:
        (pool,) = psutil.Process().children()
        return pool.memory_info().rss
