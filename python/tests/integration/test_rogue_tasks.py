"""Tasks that abort, raise, flood, fork and close what they should not: each costs itself, and nothing else."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import stat
import sys
import threading
import time

import pytest
from rogues import LIMIT, abort, gone, kill_self, nothing_is_left, spin_in_c, square, worker_process

import anabranch as ab


def abort_deep_down(depth):
    """The interpreter's dump of it is longer than what is kept of the output."""
    if depth > 0:
        return abort_deep_down(depth - 1)
    for number in range(100):
        print("step", number, flush=True)
    os.abort()


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


def test_the_dump_of_a_crash_leaves_the_tasks_own_last_lines(pool):
    with ab.Executor() as ex:
        said = str(ex.submit(abort_deep_down, 90).exception(LIMIT)).splitlines()
    steps = [line for line in said if line.startswith("step")]
    assert len(steps) >= 15 and steps[-1] == "step 99", said
    # And the dump says where: its innermost frames are the first.
    dump = said[said.index("Fatal Python error: Aborted") :]
    assert any("in abort_deep_down" in line for line in dump[:4]), said
    nothing_is_left()


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
        (raise_unpicklable, Unpicklable, "cannot travel"),
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
