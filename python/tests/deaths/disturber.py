"""Kills, stops and replaces what it finds, after a plan that follows from a seed."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from collections import Counter

import psutil
from cluster import PATIENCE, Cluster
from plan import Disturbance, Life
from working_client import WorkingClient

from anabranch.v1 import control_pb2


class Disturber:
    """Disturbs a cluster, on a thread of its own, as long as its life lasts; then everybody who is left may work.

    Where the plan says so the life ends with the coordinator, which is killed whatever is under way.

    Parameters
    ----------
    cluster : Cluster
    life : Life
    undisturbed : dict of str to str
        What each kind of work comes to, for the clients that it starts.
    spared : set of int, optional
        Workers that are stopped, and whose runtimes are killed, but which stay.
    """

    MOST_WORKERS = 3
    MOST_CLIENTS = 2

    def __init__(
        self, cluster: Cluster, life: Life, undisturbed: dict[str, str], spared: frozenset[int] = frozenset()
    ) -> None:
        self._cluster = cluster
        self._life = life
        self._undisturbed = undisturbed
        self._spared = spared
        self._rest = threading.Event()
        self._stopped: dict[int, psutil.Process] = {}
        self._clients: list[WorkingClient] = []
        self._failure: BaseException | None = None
        #: What was done, and how often.
        self.done: Counter[str] = Counter()
        #: What the coordinator had when it was killed.
        self.family: list[psutil.Process] = []
        #: Results of clients that are gone.
        self.repetitions = 0
        self._thread = threading.Thread(target=self._run, name="disturber")

    def __enter__(self) -> Disturber:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._rest.set()
        try:
            self.await_end()
            for client in self._clients:
                self.repetitions += client.end() if self._life.killed else client.kill()
        finally:
            for client in self._clients:
                client.close()

    def await_end(self) -> None:
        """Wait until all has been done."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        deadline = time.monotonic() + self._life.seconds
        try:
            for disturbance in self._life.disturbances:
                if self._rest.wait(max(0.0, min(disturbance.after, deadline - time.monotonic()))):
                    break
                if time.monotonic() >= deadline:
                    break
                getattr(self, disturbance.action)(disturbance.choice)
                self.done[disturbance.action] += 1
                self._replace(disturbance)
            self._rest.wait(max(0.0, deadline - time.monotonic()))
            if self._life.killed:
                self._leave_out_newcomers()
                self.family = self._cluster.family()
                self._cluster.kill_coordinator()
        except BaseException as error:
            self._failure = error
        finally:
            self._wake_all()

    # ---- what happens

    def kill_worker(self, choice: float) -> None:
        pids = self._not_spared()
        if pids:
            self._kill_worker(_one_of(pids, choice))

    def kill_all_workers(self, choice: float) -> None:
        for pid in self._not_spared():
            self._kill_worker(pid)

    def stop_worker(self, choice: float) -> None:
        self._stop(self._pick(choice))

    def wake_all(self, choice: float) -> None:
        self._wake_all()

    def drain_worker(self, choice: float) -> None:
        pids = [pid for pid in self._not_spared() if pid not in self._stopped]
        if not pids:
            return
        pid = _one_of(pids, choice)
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

    def start_client(self, choice: float) -> None:
        if len(self._clients) < self.MOST_CLIENTS:
            kind = _one_of(sorted(self._undisturbed), choice)
            self._clients.append(WorkingClient(self._cluster, kind, self._undisturbed[kind]))

    def kill_client(self, choice: float) -> None:
        if self._clients:
            client = _one_of(self._clients, choice)
            self._clients.remove(client)
            self.repetitions += client.kill()

    # ---- to whom

    def _pick(self, choice: float) -> int:
        return _one_of(sorted(self._cluster.workers), choice)

    def _not_spared(self) -> list[int]:
        return sorted(set(self._cluster.workers) - self._spared)

    def _runtimes(self, choice: float) -> list[psutil.Process]:
        return self._cluster.runtimes(self._pick(choice))[-1:]

    def _kill_worker(self, pid: int) -> None:
        self._stopped.pop(pid, None)
        self._cluster.signal(pid, signal.SIGKILL)

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

    def _leave_out_newcomers(self) -> None:
        """Who has not joined yet would look for its coordinator for as long as ``--patience`` says."""
        joined = {worker.pid for worker in self._cluster.observe().status().workers}
        for pid in set(self._cluster.workers) - joined:
            self._kill_worker(pid)

    def _replace(self, disturbance: Disturbance) -> None:
        """Somebody is always able to work, sooner or later."""
        for pid in [pid for pid, worker in self._cluster.workers.items() if worker.poll() is not None]:
            raise AssertionError(f"worker {pid} ended by itself with status {self._cluster.workers[pid].returncode}")
        able = len(set(self._cluster.workers) - set(self._stopped))
        if able == 0 or (len(self._cluster.workers) < self.MOST_WORKERS and disturbance.joins):
            self._cluster.join(slots=disturbance.slots, wait=False)


def _one_of(those: list, choice: float):
    return those[int(choice * len(those))]
