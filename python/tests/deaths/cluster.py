"""A standing pool of real processes that tests kill, stop and bring back, and that is looked over when it ends."""

from __future__ import annotations

import contextlib
import gc
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psutil
import zmq

import anabranch as ab
from anabranch.binary import find_binary
from anabranch.credentials import Credentials
from anabranch.v1 import control_pb2
from anabranch.versions import PROTOCOL, own_versions

#: In the environment of every process that a test starts, however far down.
TAG = "ANABRANCH_TEST_FAMILY"
#: Seconds for whatever a loaded machine takes; nothing is decided by them but that a test fails.
PATIENCE = 60.0


class Observer:
    """A client that only asks how things stand. It writes nothing, and holds nothing.

    Parameters
    ----------
    address : str
        The coordinator's control endpoint.
    writer : int
        The writer that it says it is; 0 for none.
    credentials : Credentials, optional
        Its keys, where the coordinator has some.
    """

    def __init__(self, address: str, writer: int = 0, credentials: Credentials | None = None) -> None:
        self._context = zmq.Context()
        self._control = self._context.socket(zmq.DEALER)
        self._events = self._context.socket(zmq.SUB)
        for one in (self._control, self._events):
            one.setsockopt(zmq.LINGER, 0)
            if credentials is not None:
                one.curve_serverkey = credentials.server
                one.curve_publickey, one.curve_secretkey = credentials.public, credentials.secret
        self._control.connect(address)
        self._requests = 0
        hello = control_pb2.ClientHello(versions=own_versions(), name="observer", writer=writer)
        self.welcome = self.ask(control_pb2.ToCoordinator(client_hello=hello)).client_welcome
        self._events.setsockopt(zmq.SUBSCRIBE, b"")
        self._events.connect(self.welcome.events)

    def ask(self, message: control_pb2.ToCoordinator) -> control_pb2.FromCoordinator:
        """Return the answer to a request; what is pushed meanwhile is passed over."""
        self._requests += 1
        message.protocol, message.request = PROTOCOL, self._requests
        self._control.send(message.SerializeToString())
        deadline = time.monotonic() + PATIENCE
        while self._control.poll(max(0, int(1000 * (deadline - time.monotonic())))):
            answer = control_pb2.FromCoordinator.FromString(self._control.recv())
            if answer.request == self._requests:
                assert answer.WhichOneof("body") != "error", answer.error.message
                return answer
        raise AssertionError("the coordinator does not answer")

    def pushed(self) -> control_pb2.FromCoordinator:
        """Wait for what answers no request."""
        assert self._control.poll(1000 * PATIENCE), "the coordinator pushes nothing"
        message = control_pb2.FromCoordinator.FromString(self._control.recv())
        assert message.request == 0
        return message

    def status(self) -> control_pb2.Status:
        """How things stand now."""
        return self.ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest())).status

    def until(self, condition: Callable[[control_pb2.Status], Any], what: str) -> control_pb2.Status:
        """Wait for a status that is as wanted; looked at when the coordinator publishes something, and now and then."""
        deadline = time.monotonic() + PATIENCE
        while True:
            status = self.status()
            if condition(status):
                return status
            assert time.monotonic() < deadline, f"{what}: still not so in {status}"
            if self._events.poll(100):
                with contextlib.suppress(zmq.Again):
                    while True:
                        self._events.recv_multipart(zmq.NOBLOCK)

    def close(self) -> None:
        self._control.close()
        self._events.close()
        self._context.term()


class Cluster:
    """A coordinator and workers, each a process of its own, in a store root of their own.

    Parameters
    ----------
    lease : float
        Seconds after which a silent worker's tasks go to others; at least 1.
    options, worker_options : sequence of str
        What else the coordinator and the workers are told.
    credentials : Credentials, optional
        With which the test looks at a coordinator that has keys.
    log : path, optional
        Gets what all of them write to their standard error.
    """

    def __init__(
        self,
        lease: float = 1.0,
        options: Sequence[str] = (),
        worker_options: Sequence[str] = (),
        credentials: Credentials | None = None,
        log: pathlib.Path | None = None,
    ) -> None:
        self.options, self.worker_options, self.credentials = options, worker_options, credentials
        self.log = log or pathlib.Path(os.devnull)
        self.tag = uuid.uuid4().hex
        self.lease = lease
        self.root = tempfile.mkdtemp(prefix=f"deaths-{os.getpid()}-", dir="/dev/shm")
        self.workers: dict[int, subprocess.Popen] = {}
        self.observer: Observer | None = None
        self.coordinator: subprocess.Popen | None = None
        self.start_coordinator()

    # ---- processes

    @property
    def environment(self) -> dict[str, str]:
        package = str(pathlib.Path(ab.__file__).parents[1])
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([package, str(pathlib.Path(__file__).parent)]),
            "ANABRANCH_PYTHON": sys.executable,
            TAG: self.tag,
        }

    def spawn(self, *command: str, **options: Any) -> subprocess.Popen:
        """Start a process of the family."""
        with open(self.log, "ab") as errors:
            return subprocess.Popen(
                command, env=self.environment, start_new_session=True, **{"stderr": errors, **options}
            )

    def start_coordinator(self) -> None:
        """Start a coordinator where there is none (any more); workers have to join anew."""
        self.coordinator = self.spawn(
            find_binary(), "coordinator", "--lease", str(self.lease), "--store-root", self.root, *self.options,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.coordinator.stdout is not None
        self.address = self.coordinator.stdout.readline().split()[1]
        self.store = pathlib.Path(self.coordinator.stdout.readline().split()[1])
        self.observer = Observer(self.address, credentials=self.credentials)

    def kill_coordinator(self) -> None:
        """End the coordinator at once, as a crash does."""
        assert self.coordinator is not None and self.coordinator.stdout is not None and self.observer is not None
        self.observer.close()
        self.observer = None
        self.coordinator.kill()
        self._forget_coordinator()

    def stop_coordinator(self) -> None:
        """End the coordinator as a user does."""
        assert self.coordinator is not None and self.observer is not None
        self.observer.close()
        self.observer = None
        self.coordinator.terminate()
        self._forget_coordinator()

    def _forget_coordinator(self) -> None:
        assert self.coordinator is not None and self.coordinator.stdout is not None
        self.coordinator.wait(PATIENCE)
        self.coordinator.stdout.close()
        self.coordinator = None

    def join(self, slots: int = 2, wait: bool = True, options: Sequence[str] = ()) -> int:
        """Start a worker and return its process id once it is active."""
        worker = self.spawn(
            find_binary(), "worker", "--slots", str(slots), "--address", self.address, "--python", sys.executable,
            *self.worker_options, *options, cwd="/",
        )  # fmt: skip
        self.workers[worker.pid] = worker
        if wait:
            self.observe().until(lambda s: self.state(s, worker.pid) == "active", f"worker {worker.pid} active")
        return worker.pid

    def observe(self) -> Observer:
        assert self.observer is not None
        return self.observer

    @staticmethod
    def state(status: control_pb2.Status, pid: int) -> str:
        """What the coordinator says of the worker with this process id; empty when it knows none."""
        return next((worker.state for worker in status.workers if worker.pid == pid), "")

    def signal(self, pid: int, number: int) -> None:
        """Send a worker a signal; a killed one has been waited for, and its runtimes too."""
        if number != signal.SIGKILL:
            os.kill(pid, number)
            return
        family = self.runtimes(pid)
        self.workers[pid].kill()
        self.workers.pop(pid).wait(PATIENCE)
        _, alive = psutil.wait_procs(family, timeout=PATIENCE)
        assert not alive, f"runtimes outlived worker {pid}: {alive}"

    @staticmethod
    def runtimes(pid: int) -> list[psutil.Process]:
        """The processes below a worker."""
        try:
            return psutil.Process(pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def family(self) -> list[psutil.Process]:
        """All living processes that descend from this test, also those whose parents are gone."""
        wanted = f"{TAG}={self.tag}".encode()
        found = []
        for process in psutil.process_iter():
            try:
                with open(f"/proc/{process.pid}/environ", "rb") as environ:
                    if wanted in environ.read().split(b"\0") and process.status() != psutil.STATUS_ZOMBIE:
                        found.append(process)
            except (OSError, psutil.NoSuchProcess):
                continue
        return found

    # ---- the end

    def files(self) -> list[str]:
        """What stands in the store root."""
        return sorted(str(path.relative_to(self.root)) for path in pathlib.Path(self.root).rglob("*"))

    def end(self) -> None:
        """Stop the pool as a user does, and fail when any process, socket file or segment is left."""
        if self.observer is not None:
            self.observer.close()
        for worker in self.workers.values():
            worker.terminate()
        if self.coordinator is not None:
            self.coordinator.terminate()
        for worker in self.workers.values():
            worker.wait(PATIENCE)
        if self.coordinator is not None:
            assert self.coordinator.stdout is not None
            self.coordinator.wait(PATIENCE)
            self.coordinator.stdout.close()
        psutil.wait_procs(self.family(), timeout=20)
        family, files = self.family(), self.files()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        shutil.rmtree(self.root)
        assert not family, f"processes left: {[(p.pid, p.name()) for p in family]}"
        assert not files, f"files left in the store root: {files}"


@contextlib.contextmanager
def standing(lease: float = 1.0, workers: int = 1, slots: int = 2) -> Iterator[Cluster]:
    """A cluster with this process as its client."""
    cluster = Cluster(lease)
    try:
        for _ in range(workers):
            cluster.join(slots)
        ab.shutdown()
        ab.init(cluster.address)
        yield cluster
    finally:
        ab.shutdown()
        cluster.end()
    open_still = [target for target in own_descriptors() if target.startswith(cluster.root)]
    assert not open_still, f"descriptors left: {open_still}"


def own_descriptors() -> list[str]:
    """What this process has open, but for what only garbage holds."""
    gc.collect()
    found = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/self/fd/{number}"))
    return found
