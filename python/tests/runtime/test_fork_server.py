"""The fork server as a worker sees it: forks, imports, and children that are the worker's own."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from harness import TIME_LIMIT
from processes import living

from anabranch.runtime.libraries import LoadedLibraries
from anabranch.runtime.survivors import MARK
from anabranch.store import Store
from anabranch.v1 import task_pb2

PR_SET_CHILD_SUBREAPER = 36
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1")


class Server:
    """Starts a fork server and stands in for its worker, a subreaper."""

    def __init__(self, store: Store, mark: str = "") -> None:
        self._adopts_orphans(True)
        self.store = store
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(TIME_LIMIT)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "anabranch.runtime", "--fork-server", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, **ONE_THREAD, "JE_ARROW_MALLOC_CONF": "background_thread:false", MARK: mark},
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        self.retired: list[int] = []

    def ask(self, **request: object) -> dict:
        self.control.send(json.dumps(request).encode())
        return self.answer()

    def answer(self) -> dict:
        while True:
            answer = json.loads(self.control.recv(1 << 16))
            if "retired" not in answer:
                return answer
            self.retired.append(answer["retired"])

    def fork(self, name: str = "1") -> Child:
        ours, theirs = socket.socketpair()
        ours.settimeout(TIME_LIMIT)
        page = os.memfd_create("progress")
        os.ftruncate(page, 8)
        reader, writer = os.pipe()
        socket.send_fds(self.control, [json.dumps({"fork": name}).encode()], [theirs.fileno(), page, writer, writer])
        theirs.close()
        os.close(page)
        os.close(writer)
        answer = self.answer()
        assert answer["forked"] == name, answer
        return Child(self.store, answer["pid"], ours, reader)

    def end(self) -> int:
        self.control.close()
        _, said = self.process.communicate(timeout=TIME_LIMIT)
        for process in self.retired:
            os.waitpid(process, 0)
        # A child in reserve ends with the server, whose group it is in, and is ours to reap.
        for child in psutil.Process().children():
            if os.getpgid(child.pid) == self.process.pid:
                child.wait(TIME_LIMIT)
        # Orphans of other tests are not ours.
        self._adopts_orphans(False)
        assert said == b"", said
        return self.process.returncode

    def _adopts_orphans(self, adopts: bool) -> None:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(adopts), 0, 0, 0)


class Child:
    """A forked runtime."""

    def __init__(self, store: Store, pid: int, connection: socket.socket, output: int) -> None:
        self.store = store
        self.pid = pid
        self.socket = connection
        self.output = output
        self.tasks = 0

    def send(self, message: task_pb2.ToRuntime) -> None:
        body = message.SerializeToString()
        self.socket.sendall(struct.pack("<I", len(body)) + body)

    def receive(self) -> task_pb2.FromRuntime:
        (length,) = struct.unpack("<I", self.socket.recv(4, socket.MSG_WAITALL))
        return task_pb2.FromRuntime.FromString(self.socket.recv(length, socket.MSG_WAITALL))

    def set_up(self, **fields: object) -> task_pb2.FromRuntime:
        setup = task_pb2.RuntimeSetup(
            store_path=self.store.path,
            slot=1,
            sys_path=[str(path) for path in Path(__file__).parents[:2]],
            **{"threads": 1, **fields},
        )
        self.send(task_pb2.ToRuntime(setup=setup))
        return self.receive()

    def call(self, function: object, *arguments: object) -> tuple[object, list[str]]:
        """Return the function's value and the modules that the runtime told of."""
        self.tasks += 1
        work = task_pb2.CallWork(function=self.store.put(function), arguments=self.store.put((arguments, {})))
        self.send(task_pb2.ToRuntime(tasks=[task_pb2.Task(task=self.tasks, attempt=1, call=work)]))
        loaded: list[str] = []
        while True:
            message = self.receive()
            loaded += message.loaded
            if message.results:
                assert message.results[0].HasField("success"), message.results[0].failure
                return self.store.get(message.results[0].success.value), loaded

    def end(self) -> int:
        """Close the socket; return the wait status."""
        self.socket.close()
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.output)
        return status


@pytest.fixture
def server(client_store: Store) -> Iterator[Server]:
    server = Server(client_store)
    yield server
    assert server.end() == 0


def surroundings() -> tuple:
    names = os.listdir("/proc/self/fd")
    return os.getppid(), os.getpgrp(), os.getsid(0), len(names), [name for name in ("numpy",) if name in sys.modules]


def test_a_forked_runtime_is_the_workers_child_and_nobody_elses(server: Server) -> None:
    child = server.fork()
    assert child.set_up().hello.pid == child.pid
    parent, group, session, descriptors, loaded = child.call(surroundings)[0]
    assert (parent, group, session, loaded) == (os.getpid(), child.pid, child.pid, [])
    # Standard streams and copies of them, socket, the writer's lock, and the directory that is being listed.
    assert descriptors <= 10
    os.kill(child.pid, signal.SIGABRT)
    assert os.WTERMSIG(child.end()) == signal.SIGABRT
    second = server.fork("2")
    second.set_up()
    assert second.call(abs, -1)[0] == 1
    assert second.end() == 0


def leave_processes() -> list[int]:
    program = subprocess.Popen(["sleep", "600"], start_new_session=True)
    daemon = os.fork()
    if daemon == 0:
        os.setsid()
        signal.pause()
    return [os.getpid(), program.pid, daemon]


def test_nothing_survives_a_worker_that_was_killed(client_store: Store) -> None:
    """The end of its socket is all that the fork server learns of it."""
    server = Server(client_store, mark=f"test-{os.getpid()}")
    child = server.fork()
    child.set_up()
    left, _ = child.call(leave_processes)
    assert server.end() == 0
    # Its children are ours now; the socket was still open.
    _, alive = psutil.wait_procs(living(left), timeout=TIME_LIMIT)
    assert not alive
    child.socket.close()
    os.close(child.output)


def draw() -> tuple:
    import random

    import numpy as np

    return random.random(), np.random.random()


def test_libraries_come_with_the_fork_and_random_numbers_do_not(server: Server) -> None:
    answer = server.ask(**{"import": "estimators"})
    assert answer == {"imported": "estimators", "problem": "", "threads": []}
    drawn = []
    for name in "123":
        child = server.fork(name)
        child.set_up()
        (_, _, _, _, loaded), told = child.call(surroundings)
        assert loaded == ["numpy"] and told == []
        drawn.append(child.call(draw)[0])
        assert child.end() == 0
    assert len({first for first, _ in drawn}) == len({second for _, second in drawn}) == 3


def pools() -> list[int]:
    import numpy as np
    from sklearn.ensemble import RandomForestClassifier
    from threadpoolctl import threadpool_info

    X = np.random.default_rng(0).normal(size=(300, 300))
    # Would hang where a pool had not survived the fork.
    (X @ X).sum()
    RandomForestClassifier(4, n_jobs=2).fit(X, X[:, 0] > 0)
    return sorted({pool["num_threads"] for pool in threadpool_info()})


def test_a_fork_has_the_threads_of_its_slot(server: Server) -> None:
    server.ask(**{"import": "estimators"})
    child = server.fork()
    child.set_up(threads=3)
    found, told = child.call(pools)
    assert found == [3]
    assert "sklearn.ensemble" in told
    assert child.end() == 0


def test_an_import_that_starts_threads_is_told(server: Server, tmp_path: Path) -> None:
    (tmp_path / "starts_threads.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    server.control.send(json.dumps({"path": [str(tmp_path)]}).encode())
    assert len(server.ask(**{"import": "starts_threads"})["threads"]) == 1
    ours, theirs = socket.socketpair()
    with ours, theirs:
        socket.send_fds(server.control, [b'{"fork": "1"}'], [theirs.fileno()] * 4)
    answer = server.answer()
    assert answer["refused"] == "1" and "there are threads" in answer["problem"]


def test_an_import_that_fails_is_told_and_costs_nothing(server: Server) -> None:
    answer = server.ask(**{"import": "no_such_module"})
    assert "no_such_module: ModuleNotFoundError" in answer["problem"]
    child = server.fork()
    child.set_up()
    assert child.call(abs, -2)[0] == 2
    assert child.end() == 0


def test_a_runtime_tells_of_installed_public_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(of_estimators: bool) -> list[str]:
        libraries = LoadedLibraries()
        for name in (
            "sklearn.fake",
            "sklearn.fake.deep",
            "sklearn._fake",
            "cloudpickle.fake",
            "harness.fake",
            "json.x",
        ):
            monkeypatch.setitem(sys.modules, name, sys)
        libraries.look(of_estimators)
        news = libraries.take_news()
        assert libraries.take_news() == []
        for name in list(sys.modules):
            if sys.modules[name] is sys and name != "sys":
                monkeypatch.delitem(sys.modules, name)
        return news

    assert told(of_estimators=False) == ["sklearn.fake"]
    assert told(of_estimators=True) == ["sklearn.fake", "cloudpickle.fake"]
