"""Tasks that abort, hang, flood, fork, close and allocate what they should not: each costs itself, and nothing else."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import pathlib
import signal
import stat
import sys
import threading
import time

import cloudpickle
import numpy as np
import psutil
import pytest
from processes import living
from sklearn.base import BaseEstimator

import anabranch as ab
from anabranch.client import current

LIMIT = 60


def abort():
    print("about to abort", flush=True)
    os.abort()


def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)


def segfault():
    ctypes.string_at(1)


def exit_at_once(status):
    os._exit(status)


def overflow_the_stack():
    """In C, where no counter of Python's stops it."""
    item: list = []
    for _ in range(1_000_000):
        item = [item]
    compare = item
    for _ in range(1):
        sys.setrecursionlimit(1 << 30)
        repr(compare)


def close_descriptors():
    os.closerange(3, 256)
    return "closed"


def write_garbage(stay):
    for descriptor in range(3, 64):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                os.write(descriptor, b"\xff" * 64)
    while stay:
        signal.pause()


DEADLY = {
    "abort": (abort, (), "signal 6 (SIGABRT)"),
    "kill -9": (kill_self, (), "signal 9 (SIGKILL"),
    "segfault": (segfault, (), "signal 11 (SIGSEGV)"),
    "stack overflow": (overflow_the_stack, (), "signal 11 (SIGSEGV)"),
    "exit 0": (exit_at_once, (0,), "ended with status 0"),
    "exit 3": (exit_at_once, (3,), "ended with status 3"),
    "its own descriptors": (close_descriptors, (), "the task has closed the runtime's socket"),
    "garbage on the socket": (write_garbage, (True,), "socket to the worker was closed or written to"),
    "garbage, and on": (write_garbage, (False,), "socket to the worker was closed or written to"),
}


@pytest.mark.parametrize("name", DEADLY)
def test_what_kills_its_process_costs_itself(pool, name):
    function, arguments, cause = DEADLY[name]
    with ab.Executor() as ex:
        before = [ex.submit(square, i) for i in range(20)]
        doomed = ex.submit(function, *arguments)
        after = [ex.submit(square, i) for i in range(20)]
        error = doomed.exception(LIMIT)
        assert isinstance(error, ab.TaskKilled) and cause in str(error), error
        assert [future.result(LIMIT) for future in before + after] == [i * i for i in range(20)] * 2
        if name == "abort":
            assert "about to abort" in str(error)
    nothing_is_left()


def square(x):
    return x * x


# ---- what only raises


def raise_exit():
    sys.exit(3)


def raise_interrupt():
    raise KeyboardInterrupt


class Unspeakable(BaseException):
    def __str__(self):
        raise RuntimeError("no words")

    __repr__ = __str__


def raise_unspeakable():
    raise Unspeakable


class Unpicklable(Exception):
    def __reduce__(self):
        raise TypeError("not this one")


def raise_unpicklable():
    raise Unpicklable("cannot travel")


def recurse():
    return recurse()


@pytest.mark.parametrize(
    ("function", "kind", "said"),
    [
        (raise_exit, SystemExit, "3"),
        (raise_interrupt, KeyboardInterrupt, ""),
        (raise_unspeakable, BaseException, None),
        (raise_unpicklable, ab.TaskError, "cannot travel"),
        (recurse, RecursionError, "recursion"),
    ],
)
def test_what_raises_costs_itself_and_not_its_process(pool, function, kind, said):
    with ab.Executor() as ex:
        error = ex.submit(function).exception(LIMIT)
        assert isinstance(error, kind)
        if said is None:
            assert type(error).__name__ == "Unspeakable"
        else:
            assert said in str(error)
        assert ex.submit(square, 3).result(LIMIT) == 9


# ---- time


def spin_in_c():
    """Holds the interpreter's lock: no signal handler of Python's would run."""
    ctypes.PyDLL(None).pause()


class Endless:
    """Takes for ever to pickle."""

    def __reduce__(self):
        spin_in_c()


def test_no_loop_outlives_its_timeout(pool):
    with ab.Executor(timeout=0.3) as ex:
        for function in (spin_in_c, Endless):
            error = ex.submit(function).exception(LIMIT)
            assert isinstance(error, ab.TaskTimeout) and "300 ms (timeout=)" in str(error), error
    with ab.Executor() as ex:
        assert ex.submit(square, 4).result(LIMIT) == 16
    nothing_is_left()


class Loops(BaseEstimator):
    """Loops for one of its settings."""

    def __init__(self, how="fit"):
        self.how = how

    def fit(self, X, y=None):
        if self.how == "loop":
            print("looping", flush=True)
            spin_in_c()
        if self.how == "allocate":
            self.kept_ = [np.ones(1 << 22) for _ in range(200)]
        if self.how == "abort":
            abort()
        return self

    def predict(self, X):
        return np.zeros(len(X))


@pytest.mark.parametrize(
    ("how", "limits", "kind", "said"),
    [
        ("loop", {"timeout": 2}, "timeout", "2000 ms (timeout=)"),
        ("allocate", {"memory": "700M"}, "memory", "700 MiB (memory=)"),
        ("abort", {}, "killed", "SIGABRT"),
    ],
)
def test_of_a_node_only_the_rogue_variant_fails(pool, how, limits, kind, said):
    X, y = np.arange(20.0).reshape(10, 2), np.arange(10) % 2
    # So that no time goes into imports.
    assert not ab.Pipeline(chain=ab.OrNode("model", Loops(), params={"how": ["fit", "other"]})).fit(X, y).failed
    node = ab.OrNode("model", Loops(), params={"how": ["fit", how, "other"]}, **limits)
    run = ab.Pipeline(chain=node).fit(X, y)
    failed = [entry for entry in run["model"] if entry.error]
    assert len(run["model"]) == 3 and len(failed) == 1
    error = failed[0].error
    assert error.kind == kind and error.node == "model" and error.key, error
    text = str(error)
    assert said in text and "'how': " + repr(how) in text and error.peak_memory > 1 << 20, text
    nothing_is_left()


def test_a_running_node_can_be_cancelled(pool, tmp_path):
    started = tmp_path / "started"
    os.mkfifo(started)

    def say_and_stay(X):
        with open(started, "w") as file:
            file.write("running")
        spin_in_c()

    run = ab.Pipeline(chain=ab.OrNode("stay", say_and_stay)).fit(np.ones((3, 2)), wait=False)
    assert started.read_text() == "running"
    run.cancel()
    run.wait()
    assert [entry.error.kind for entry in run["stay"]] == ["cancelled"]
    with ab.Executor() as ex:
        assert ex.submit(square, 7).result(LIMIT) == 49
    nothing_is_left()


# ---- the fork server


def fork_servers():
    """A runtime leads its session, and a child in reserve no group."""
    worker = worker_process()
    groups = [child for child in worker.children() if os.getpgid(child.pid) == child.pid]
    return [child for child in groups if os.getsid(child.pid) == os.getsid(worker.pid)]


def test_the_pool_outlives_its_fork_server(pool):
    with ab.Executor() as ex:
        # A new runtime has a fork server.
        assert isinstance(ex.submit(kill_self).exception(LIMIT), ab.TaskKilled)
        runtime = ex.submit(os.getpid).result(LIMIT)
        (server,) = fork_servers()
        server.kill()
        gone([server.pid])
        assert ex.submit(square, 8).result(LIMIT) == 64
        # Each death needs a new runtime, and with it a new fork server.
        for _ in range(3):
            assert isinstance(ex.submit(kill_self).exception(LIMIT), ab.TaskKilled)
        assert ex.submit(square, 9).result(LIMIT) == 81
    assert runtime != server.pid
    nothing_is_left()


class Imports(BaseEstimator):
    """Needs a module for its fit."""

    def __init__(self, name=None):
        self.name = name

    def fit(self, X, y=None):
        importlib.import_module(self.name)
        return self

    def transform(self, X):
        return X


@pytest.mark.leaves("children", "descriptors")
def test_libraries_that_start_threads_do_not_cost_the_fork_server(session_pool, tmp_path, monkeypatch):
    installed = tmp_path / "site-packages"
    installed.mkdir()
    names = ["threads_one", "threads_two", "threads_three"]
    for name in names:
        (installed / f"{name}.py").write_text(
            "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        )
    monkeypatch.syspath_prepend(str(installed))
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    ab.shutdown()
    ab.init(slots=1)
    try:
        with ab.Executor() as ex:
            for name in names:
                assert not ab.Pipeline(chain=ab.OrNode("model", Imports(name))).fit(np.ones((3, 2))).failed
            # Each is tried in a fork server, which is given up for it; the last one does without all of them.
            for _ in [*names, "the last"]:
                assert isinstance(ex.submit(kill_self).exception(LIMIT), ab.TaskKilled)
                ex.submit(square, 1).result(LIMIT)
            assert len(fork_servers()) == 1
    finally:
        ab.shutdown()
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def wait_for(path):
    if path:
        with open(path) as file:
            file.read(1)


def test_short_answers_do_not_wait_for_a_long_task_behind_them(pool, tmp_path):
    release = tmp_path / "release"
    os.mkfifo(release)
    with open(release, "r+b", buffering=0) as keeper, ab.Executor() as ex:
        # Known to be short by now: their answers are kept back for a moment.
        assert list(ex.map(wait_for, [""] * 2000)) == [None] * 2000
        futures = [ex.submit(wait_for, "") for _ in range(50)]
        long = ex.submit(wait_for, str(release))
        try:
            assert [future.result(LIMIT) for future in futures] == [None] * 50
        finally:
            keeper.write(b".")
        assert long.result(LIMIT) is None


# ---- memory


def allocate_lists():
    kept = []
    while True:
        kept.append([0] * 1_000_000)


def allocate_arrays():
    return np.concatenate([np.ones(10_000_000) for _ in range(100)])


@pytest.mark.parametrize("function", [allocate_lists, allocate_arrays])
def test_an_allocation_storm_is_an_error_that_names_its_ceiling(pool, function):
    with ab.Executor(memory="500M") as ex:
        error = ex.submit(function).exception(LIMIT)
        assert isinstance(error, ab.TaskOutOfMemory) and isinstance(error, MemoryError)
        assert "500 MiB (memory=)" in str(error) and "peak" in str(error), error
        assert ex.submit(square, 5).result(LIMIT) == 25


# ---- output


def print_a_gigabyte():
    line = "x" * 4095 + "\n"
    for _ in range(1 << 18):
        sys.stdout.write(line)
    print("the last line", flush=True)
    os.abort()


def test_a_gigabyte_of_output_fills_nothing(pool):
    worker = worker_process()
    before = worker.memory_info().rss
    with ab.Executor() as ex:
        error = ex.submit(print_a_gigabyte).exception(2 * LIMIT)
        assert isinstance(error, ab.TaskKilled) and str(error).count("\n") <= 30
        assert "the last line" in str(error)
    assert worker.memory_info().rss < before + (64 << 20)


# ---- processes and threads


def fork_many(path, count, leave_session, end):
    for _ in range(count):
        if os.fork() == 0:
            if leave_session:
                os.setsid()
                if os.fork() > 0:
                    os._exit(0)
            with open(path, "a") as file:
                file.write(f"{os.getpid()}\n")
            signal.pause()
            os._exit(0)
    while True:
        with open(path) as file:
            if len(file.readlines()) == count:
                break
        time.sleep(0.01)
    threading.Thread(target=signal.pause).start()
    if end == "abort":
        os.abort()
    if end == "hang":
        spin_in_c()
    return os.getpid()


@pytest.mark.parametrize("leave_session", [False, True], ids=["children", "daemons"])
@pytest.mark.parametrize("end", ["abort", "hang", "return"])
def test_what_a_task_leaves_behind_ends_with_its_process(pool, tmp_path, leave_session, end):
    path = tmp_path / "pids"
    path.touch()
    with ab.Executor(timeout=4 if end == "hang" else None) as ex:
        future = ex.submit(fork_many, str(path), 50 if end == "abort" else 5, leave_session, end)
        if end == "return":
            os.kill(future.result(LIMIT), signal.SIGKILL)
        else:
            assert isinstance(future.exception(LIMIT), ab.TaskKilled if end == "abort" else ab.TaskTimeout)
        assert ex.submit(square, 6).result(LIMIT) == 36
    gone([int(line) for line in path.read_text().split()])
    nothing_is_left()


def come_back_as_two():
    return os.fork()


def test_a_forked_task_that_returns_is_answered_once(pool):
    with ab.Executor() as ex:
        child = ex.submit(come_back_as_two).result(LIMIT)
        assert child > 0
        assert [ex.submit(square, i).result(LIMIT) for i in range(10)] == [i * i for i in range(10)]


# ---- surroundings


def ruin_the_surroundings(directory):
    os.chdir(directory)
    os.rmdir(directory)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    signal.alarm(0)
    os.environ.clear()
    sys.stdout.close()
    os.closerange(0, 3)
    sys.path.clear()
    return "ruined"


def look_around():
    """What other tasks of the process count on."""
    opened = os.open(os.devnull, os.O_RDONLY)
    os.close(opened)
    return os.getcwd(), sys.path, dict(os.environ), opened > 2


def trade_variables():
    """Put another in the place of each variable: as many as before."""
    for name in list(os.environ):
        os.environ[f"INSTEAD_OF_{name}"] = os.environ.pop(name)
    return sorted(os.environ)


def speak_and_die():
    print("spoken after all")
    os.abort()


def test_a_ruined_process_is_as_before(pool, tmp_path):
    with ab.Executor() as ex:
        here = ex.submit(look_around).result(LIMIT)
        futures = []
        for index in range(4):
            directory = tmp_path / f"cwd{index}"
            directory.mkdir()
            futures.append(ex.submit(ruin_the_surroundings, str(directory)))
        for future in futures:
            assert future.result(LIMIT) == "ruined"
        assert [ex.submit(square, i).result(LIMIT) for i in range(20)] == [i * i for i in range(20)]
        for _ in range(4):
            assert ex.submit(look_around).result(LIMIT) == here
        assert "last output:\nspoken after all" in str(ex.submit(speak_and_die).exception(LIMIT))


def test_variables_that_were_traded_for_others_come_back(pool):
    with ab.Executor() as ex:
        before = ex.submit(lambda: dict(os.environ)).result(LIMIT)
        for _ in range(4):
            traded = ex.submit(trade_variables).result(LIMIT)
            assert "PATH" not in traded and "INSTEAD_OF_PATH" in traded
            after = [ex.submit(lambda: dict(os.environ)) for _ in range(4)]
            assert all(one.result(LIMIT).items() >= before.items() for one in after)


# ---- what is there


def worker_process():
    (worker,) = psutil.Process(current().pool.pid).children()
    return worker


def gone(pids):
    _, alive = psutil.wait_procs(living(pids), timeout=20)
    assert not alive, alive


def nothing_is_left():
    """The worker has its fork server, a child in reserve and a runtime per slot; none is a zombie for long."""
    deadline = time.monotonic() + 20
    while True:
        family = worker_process().children(recursive=True)
        # One that has just ended may not have been reaped.
        if len(family) <= 4 and not any(is_zombie(process) for process in family):
            break
        assert time.monotonic() < deadline, family
        threading.Event().wait(0.02)
    store = pathlib.Path(current().welcome.store)
    assert len(list(store.glob("lane-*"))) == 1


def is_zombie(process):
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
