"""Ours, standing: a coordinator and workers of one slot, each a process of its own."""

from __future__ import annotations

import contextlib
import functools
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence

import psutil

import anabranch as ab
from anabranch.binary import find_binary
from anabranch.process_client import current
from anabranch.v1 import control_pb2
from workloads import SLOTS, echo, no_op, say_when, seconds, sleep

#: Numbers of workers that the scaling is measured at, each twice the one before.
CROWDS = (1, 2, 4, 8, 16)
NAP_SECONDS = 0.05
NAPS_PER_WORKER = 60
#: What travels within messages, below the limit at which it would go by the store.
INLINE_BYTES = 8_000
PATIENCE = 60.0


class StandingCluster:
    """A coordinator on ipc, and this process as its client.

    Parameters
    ----------
    bind, keyed : str, bool
        Where it listens, and whether with keys.
    """

    def __init__(self, bind: str | None = None, keyed: bool = False) -> None:
        self._bind, self._keyed = bind, keyed

    def standing_round_trip(self, tasks: int = 500) -> float:
        with self._running(SLOTS), ab.Executor() as executor:
            executor.submit(no_op).result()
            return statistics.median(seconds(lambda: executor.submit(no_op).result()) for _ in range(tasks)) * 1e6

    def standing_throughput(self, tasks: int = 50_000) -> float:
        with self._running(SLOTS), ab.Executor() as executor:
            list(executor.map(no_op, range(5_000)))
            return tasks / seconds(lambda: list(executor.map(no_op, range(tasks))))

    def standing_carried(self, tasks: int = 5_000) -> float:
        """MB per second of arguments and answers that travel within messages."""
        block = b"x" * INLINE_BYTES
        with self._running(SLOTS), ab.Executor() as executor:
            list(executor.map(echo, [block] * 500))
            taken = seconds(lambda: list(executor.map(echo, [block] * tasks)))
        return 2 * tasks * INLINE_BYTES / taken / 1e6

    def scaling_2(self) -> float:
        return self._efficiencies[2]

    def scaling_4(self) -> float:
        return self._efficiencies[4]

    def scaling_8(self) -> float:
        return self._efficiencies[8]

    def scaling_16(self) -> float:
        return self._efficiencies[16]

    def scaling_1(self) -> float:
        return self._efficiencies[1]

    def process_death(self) -> float:
        """Milliseconds from a worker's kill to its task's second start."""
        return statistics.median(self._second_start(silent=False) for _ in range(5)) * 1e3

    def host_death(self) -> float:
        """Seconds from a host's standing still to the second start of its worker's task."""
        return statistics.median(self._second_start(silent=True) for _ in range(3))

    # ---- parts

    @functools.cached_property
    def _efficiencies(self) -> dict[int, float]:
        """By the number of workers, the share of their slots' time in which naps were under way.

        A nap's own time is what it took, not what it was asked for: a machine with other work to do wakes it late.
        """
        found = {}
        with self._running(0) as cluster, ab.Executor() as executor:
            for count in CROWDS:
                cluster.join(count - len(cluster.workers))
                # Each has its runtime and the function by then.
                list(executor.map(sleep, [NAP_SECONDS] * 3 * count))
                futures: list = []

                def run(futures=futures, tasks=NAPS_PER_WORKER * count) -> None:
                    futures += [executor.submit(sleep, NAP_SECONDS) for _ in range(tasks)]
                    for future in futures:
                        future.result()

                taken = seconds(run)
                found[count] = sum(future.usage.compute_us for future in futures) / 1e6 / (count * taken)
        return found

    def _second_start(self, silent: bool) -> float:
        with self._running(2) as cluster, ab.Executor() as executor, tempfile.TemporaryDirectory() as directory:
            # The other one has a runtime too.
            list(executor.map(sleep, [NAP_SECONDS] * 6))
            starts = pathlib.Path(directory)
            future = executor.submit(say_when, directory)
            (first,) = _await_starts(starts, 1)
            (victim,) = (worker for worker in cluster.workers if worker.pid == first)
            stopped = psutil.Process(victim.pid).children(recursive=True) if silent else []
            begun = time.monotonic()
            victim.send_signal(signal.SIGSTOP if silent else signal.SIGKILL)
            for process in stopped:
                process.suspend()
            started = _await_starts(starts, 2)
            (again,) = (when for worker, when in started.items() if worker != first)
            for process in stopped:
                process.kill()
            (starts / "open").touch()
            future.result()
            if silent:
                victim.kill()
            return again - begun

    @contextlib.contextmanager
    def _running(self, workers: int) -> Iterator[_Cluster]:
        with _Cluster(self._bind, self._keyed) as cluster:
            ab.shutdown()
            ab.init(cluster.address, key=cluster.key("client"))
            try:
                cluster.join(workers)
                yield cluster
            finally:
                ab.shutdown()


class TcpCluster(StandingCluster):
    """The same on tcp, the workers' lanes too."""

    def __init__(self) -> None:
        super().__init__("tcp://127.0.0.1:*")


class CurveCluster(StandingCluster):
    """The same on tcp with keys."""

    def __init__(self) -> None:
        super().__init__("tcp://127.0.0.1:*", keyed=True)


class _Cluster:
    """The processes."""

    def __init__(self, bind: str | None, keyed: bool) -> None:
        self.workers: list[subprocess.Popen] = []
        self._bind = bind
        self._directory = tempfile.TemporaryDirectory()
        self._keys = pathlib.Path(self._directory.name) / "keys" if keyed else None
        if self._keys:
            subprocess.run([find_binary(), "keygen", str(self._keys)], check=True, stdout=subprocess.DEVNULL)
        bound = ["--bind", bind] if bind else []
        self._coordinator = self._spawn("coordinator", "coordinator", bound)
        self.address = self._coordinator.stdout.readline().split()[1]

    def __enter__(self) -> _Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self.workers, self._coordinator):
            process.terminate()
        for process in (*self.workers, self._coordinator):
            process.wait(PATIENCE)
            process.stdout.close()
        self._directory.cleanup()

    def key(self, whose: str) -> str | None:
        return str(self._keys / f"{whose}.key") if self._keys else None

    def join(self, count: int) -> None:
        """Start so many more workers; returns when all can work."""
        lane = ["--lane", "tcp://127.0.0.1:*"] if self._bind else []
        options = ["--slots", "1", "--address", self.address, "--python", sys.executable, *lane]
        self.workers += [self._spawn("worker", "worker", options) for _ in range(count)]
        question = control_pb2.ToCoordinator(status=control_pb2.StatusRequest())
        deadline = time.monotonic() + PATIENCE
        while sum(w.state == "active" for w in current().ask(question).status.workers) < len(self.workers):
            if time.monotonic() > deadline:
                raise SystemExit(f"{len(self.workers)} workers have not all joined within {PATIENCE:g} s")
            time.sleep(0.02)

    def _spawn(self, command: str, whose: str, options: Sequence[str]) -> subprocess.Popen:
        key = self.key(whose)
        keyed = ["--key", key] if key else []
        return subprocess.Popen(
            [find_binary(), command, *options, *keyed], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )


def _await_starts(directory: pathlib.Path, count: int) -> dict[int, float]:
    """Wait for so many workers to have begun `say_when`; return when each did."""
    deadline = time.monotonic() + PATIENCE
    while len(found := list(directory.glob("*.start"))) < count:
        if time.monotonic() > deadline:
            raise SystemExit(f"the task has started {len(found)} times within {PATIENCE:g} s, not {count}")
        time.sleep(0.001)
    return {int(path.stem): float(path.read_text()) for path in found}
