"""Kills, stops and replaces what it finds, after a plan that follows from a seed."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import psutil
from cluster import PATIENCE, Cluster

from anabranch.v1 import control_pb2

#: A client that works until it is killed.
CLIENT = """
import sys, cloudpickle, workloads
import anabranch as ab
cloudpickle.register_pickle_by_value(workloads)
ab.init(sys.argv[1])
print("ready", flush=True)
while True:
    workloads.called(0.02)
"""


class Disturber:
    """Disturbs a cluster, on a thread of its own, for so long; then everybody who is left may work.

    Parameters
    ----------
    cluster : Cluster
    seconds : float
    rng : random.Random
        Says what happens next and how soon; who it happens to depends on who is there.
    """

    MOST_WORKERS = 3

    def __init__(self, cluster: Cluster, seconds: float, rng: random.Random) -> None:
        self._cluster = cluster
        self._seconds = seconds
        self._rng = rng
        self._rest = threading.Event()
        self._stopped: dict[int, psutil.Process] = {}
        self._clients: list[subprocess.Popen] = []
        self._failure: BaseException | None = None
        self.done: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._run, name="disturber")

    def __enter__(self) -> Disturber:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._rest.set()
        self._thread.join()
        for client in self._clients:
            self._end_client(client)
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        weights = {
            self.kill_worker: 4,
            self.stop_worker: 3,
            self.wake_all: 3,
            self.drain_worker: 2,
            self.kill_runtime: 4,
            self.stop_runtime: 2,
            self.start_or_kill_client: 2,
            self.kill_all_workers: 1,
        }
        deadline = time.monotonic() + self._seconds
        try:
            while not self._rest.wait(self._rng.uniform(0.1, 2.0)) and time.monotonic() < deadline:
                (action,) = self._rng.choices(list(weights), list(weights.values()))
                # What chance each has must not depend on how the last one went.
                choice = self._rng.random()
                action(choice)
                self.done[action.__name__] += 1
                self._replace()
        except BaseException as error:
            self._failure = error
        finally:
            self._wake_all()

    # ---- what happens

    def kill_worker(self, choice: float) -> None:
        pid = self._pick(choice)
        self._stopped.pop(pid, None)
        self._cluster.signal(pid, signal.SIGKILL)

    def kill_all_workers(self, choice: float) -> None:
        for pid in list(self._cluster.workers):
            self._stopped.pop(pid, None)
            self._cluster.signal(pid, signal.SIGKILL)

    def stop_worker(self, choice: float) -> None:
        self._stop(self._pick(choice))

    def wake_all(self, choice: float) -> None:
        self._wake_all()

    def drain_worker(self, choice: float) -> None:
        pid = self._pick(choice)
        if pid in self._stopped:
            return
        workers = self._cluster.observe().status().workers
        number = next((worker.worker for worker in workers if worker.pid == pid), None)
        if number is None:
            return
        request = control_pb2.DrainWorker(worker=number)
        self._cluster.observe().ask(control_pb2.ToCoordinator(drain_worker=request))
        process = self._cluster.workers.pop(pid)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"worker {pid} was told to drain and never left") from None

    def kill_runtime(self, choice: float) -> None:
        for runtime in self._runtimes(choice):
            with contextlib.suppress(psutil.NoSuchProcess):
                runtime.kill()

    def stop_runtime(self, choice: float) -> None:
        for runtime in self._runtimes(choice):
            self._stop(runtime.pid)

    def start_or_kill_client(self, choice: float) -> None:
        if self._clients:
            self._end_client(self._clients.pop())
            return
        client = self._cluster.spawn(
            sys.executable, "-c", CLIENT, self._cluster.address, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._clients.append(client)

    # ---- to whom

    def _pick(self, choice: float) -> int:
        pids = sorted(self._cluster.workers)
        return pids[int(choice * len(pids))]

    def _runtimes(self, choice: float) -> list[psutil.Process]:
        return self._cluster.runtimes(self._pick(choice))[-1:]

    def _stop(self, pid: int) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            process.suspend()
            self._stopped[pid] = process

    def _wake_all(self) -> None:
        for process in self._stopped.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
        self._stopped.clear()

    def _replace(self) -> None:
        """Somebody is always able to work, sooner or later."""
        for pid in [pid for pid, worker in self._cluster.workers.items() if worker.poll() is not None]:
            raise AssertionError(f"worker {pid} ended by itself with status {self._cluster.workers[pid].returncode}")
        able = len(set(self._cluster.workers) - set(self._stopped))
        if able == 0 or (len(self._cluster.workers) < self.MOST_WORKERS and self._rng.random() < 0.3):
            self._cluster.join(slots=self._rng.choice((1, 2, 3)), wait=False)

    def _end_client(self, client: subprocess.Popen) -> None:
        client.kill()
        client.wait(PATIENCE)
        assert client.stdout is not None
        client.stdout.close()
