"""What a task that has succeeded leaves behind: what works on ends, what sleeps stays for the next one."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from harness import RuntimeHarness

from anabranch.store import Store
from anabranch.v1 import task_pb2

SPIN = [sys.executable, "-S", "-c", "while True: pass"]
SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(1000)"]


def start(*command: str) -> int:
    # Not on the runtime's output, whose end the test waits for.
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet).pid


def start_behind_another() -> list[int]:
    """Start what sleeps and has a child at work, in a session of its own."""
    read, write = os.pipe()
    between = os.fork()
    if between == 0:
        os.setsid()
        child = os.fork()
        if child == 0:
            while True:
                pass
        os.write(write, b"%d" % child)
        while True:
            signal.pause()
    number = os.read(read, 20)
    os.close(read)
    os.close(write)
    return [between, int(number)]


def spin() -> None:
    while True:
        pass


def leave_thread(target: Callable[[], Any], daemon: bool) -> int:
    threading.Thread(target=target, daemon=daemon).start()
    return os.getpid()


def ended(process: int) -> bool:
    """Wait until it is there no more."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 20)[0])
    finally:
        os.close(descriptor)


def value(runtime: RuntimeHarness, function: Callable[..., Any], *arguments: Any) -> Any:
    return runtime.store.get(runtime.succeed(call=runtime.call_work(function, *arguments)).value)


def test_a_process_at_work_ends_and_the_runtime_goes_on(client_store: Store) -> None:
    with RuntimeHarness(client_store) as runtime:
        sleeper = value(runtime, start, *SLEEP)
        worker = value(runtime, start, *SPIN)
        pids = value(runtime, start_behind_another)
        for process in (worker, *pids):
            assert ended(process)
        assert value(runtime, os.getpid) == runtime.process.pid
        os.kill(sleeper, signal.SIGKILL)
        _, _, errors = runtime.end()
        assert "left 1 processes at work" in errors and "left 2 processes at work" in errors


@pytest.mark.parametrize("daemon", [True, False])
def test_threads_at_work_end_with_their_process(client_store: Store, daemon: bool) -> None:
    with RuntimeHarness(client_store) as runtime:
        assert value(runtime, leave_thread, spin, daemon) == runtime.process.pid
        with pytest.raises(EOFError):
            runtime.receive()
        status, _, errors = runtime.end()
    assert status == 0 and "left 1 threads at work" in errors


def test_threads_that_sleep_may_stay(client_store: Store) -> None:
    with RuntimeHarness(client_store) as runtime:
        for daemon in (True, False):
            value(runtime, leave_thread, signal.pause, daemon)
        assert value(runtime, threading.active_count) == 3
        status, _, errors = runtime.end()
    assert status == 0 and "at work" not in errors


def test_pools_of_libraries_may_stay(client_store: Store) -> None:
    def square(x: int) -> int:
        return x * x

    def pooled() -> tuple[list[int], list[int]]:
        import joblib
        from joblib.externals.loky import reusable_executor

        os.environ["LOKY_MAX_CPU_COUNT"] = "2"
        got = joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(square)(i) for i in range(8))
        return got, sorted(reusable_executor._executor._processes)

    with RuntimeHarness(client_store, threads=2) as runtime:
        first, again = value(runtime, pooled), value(runtime, pooled)
        assert first == again and first[0] == [i * i for i in range(8)] and len(first[1]) == 2
        for process in first[1]:
            os.kill(process, signal.SIGKILL)


def test_a_task_with_a_timeout_does_not_wait_for_the_verdict(client_store: Store) -> None:
    with RuntimeHarness(client_store) as runtime:
        spinner = runtime.task(call=runtime.call_work(start, *SPIN))
        limited = runtime.task(call=runtime.call_work(os.getpid), limits=task_pb2.Limits(timeout_ms=60_000))
        runtime.send(task_pb2.ToRuntime(tasks=[spinner, limited, limited, limited]))
        child, *others = (client_store.get(runtime.result().success.value) for _ in range(4))
        assert set(others) == {runtime.process.pid}
        assert ended(child), "after them"
