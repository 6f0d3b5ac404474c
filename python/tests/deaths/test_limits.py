"""Whoever hits a limit is told its name, its value, and the flag or argument that sets it (or that nothing does)."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from cluster import PATIENCE, Cluster

import anabranch as ab
from anabranch import connection
from anabranch.binary import find_binary
from anabranch.process_client import current
from anabranch.v1 import control_pb2

pytestmark = pytest.mark.leaves("children", "descriptors")

MIB = 1 << 20


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Limits that are soon hit, all at once."""
    one = Cluster(
        # On a loaded machine nobody is silent for so long; who is killed is seen to be gone at once.
        lease=60,
        options=("--store-budget", "48M", "--max-attempts", "1"),
        worker_options=("--memory-per-slot", "700M", "--most-waiting", "1", "--threads-per-slot", "2"),
    )
    try:
        one.join(slots=1)
        ab.shutdown()
        ab.init(one.address)
        yield one
    finally:
        ab.shutdown()
        one.end()


def error_of(*call: object, **options: object) -> str:
    """Return what a call's failure says."""
    with ab.Executor(**options) as ex:
        return str(ex.submit(*call).exception(PATIENCE))


# ---- tasks that go too far


def wait_for_ever() -> None:
    signal.pause()


def allocate(mebibytes: int) -> int:
    return len(bytearray(mebibytes * MIB))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_the_worker() -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    signal.pause()


def wait_in_turn(levels: int) -> int:
    with ab.Executor() as ex:
        return 1 + ex.submit(wait_in_turn, levels - 1).result() if levels else 0


def write(mebibytes: int) -> None:
    print(("x" * 1023 + "\n") * 1024 * mebibytes)


# ---- what is said, by limit


def of_a_timeout(cluster: Cluster) -> str:
    return error_of(wait_for_ever, timeout=0.3)


def of_a_ceiling_of_one_task(cluster: Cluster) -> str:
    return error_of(allocate, 600, memory="300M")


def of_a_ceiling_of_all_tasks(cluster: Cluster) -> str:
    return error_of(allocate, 1500)


def of_a_budget_of_the_store(cluster: Cluster) -> str:
    with pytest.raises(Exception) as raised:
        ab.put(np.ones(60 * MIB, np.uint8))
    return str(raised.value)


def of_a_budget_of_the_store_within_a_task(cluster: Cluster) -> str:
    return error_of(np.ones, 60 * MIB // 8)


def of_retries(cluster: Cluster) -> str:
    return error_of(die, retries=1)


def of_attempts(cluster: Cluster) -> str:
    (pid,) = cluster.workers
    said = error_of(kill_the_worker)
    cluster.workers.pop(pid).wait(PATIENCE)
    cluster.join(slots=1)
    return said


def of_threads(cluster: Cluster) -> str:
    return error_of(abs, 1, threads=5)


def of_waiting_tasks(cluster: Cluster) -> str:
    return error_of(wait_in_turn, 3)


def of_output_in_the_log(cluster: Cluster) -> str:
    with ab.Executor() as ex:
        ex.submit(write, 2).result(PATIENCE)
        # Not the last that there is: tasks of the test before have clients of their own, which may still open sessions.
        logs = control_pb2.LogsRequest(run=ex._run)
        lines = cluster.observe().ask(control_pb2.ToCoordinator(logs=logs)).logs.lines
    return lines[-1].text


def of_a_message_to_the_coordinator(cluster: Cluster) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "LARGEST_MESSAGE", 4000)
        request = control_pb2.ToCoordinator()
        request.submit_run.graph.nodes.add(name="n" * 5000)
        with pytest.raises(ab.RequestError) as raised:
            current().ask(request)
    return str(raised.value)


def of_a_wait_for_a_run(cluster: Cluster) -> str:
    run = ab.Pipeline("waits", ab.OrNode("pause", waits)).fit(np.ones((2, 2)), wait=False)
    with pytest.raises(TimeoutError) as raised:
        run.wait(0.2)
    run.cancel()
    return str(raised.value)


def waits(X: np.ndarray) -> np.ndarray:
    signal.pause()
    return X


def of_a_wait_for_a_worker(cluster: Cluster) -> str:
    from anabranch.slots import pool_slots

    (pid,) = cluster.workers
    cluster.signal(pid, signal.SIGKILL)
    cluster.observe().until(lambda s: not any(w.state == "active" for w in s.workers), "no worker")
    with pytest.raises(ab.ConnectionFailed) as raised:
        pool_slots(patience=0.2)
    cluster.join(slots=1)
    return str(raised.value)


def of_a_start_of_a_runtime(cluster: Cluster) -> str:
    slow = cluster.store / "slow-python"
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(stat.S_IRWXU)
    (pid,) = cluster.workers
    cluster.signal(pid, signal.SIGKILL)
    other = cluster.join(slots=1, options=("--python", str(slow), "--start-timeout", "0.5"))
    try:
        return error_of(abs, 1)
    finally:
        cluster.signal(other, signal.SIGKILL)
        slow.unlink()
        cluster.join(slots=1)


def of_a_coordinator_that_a_client_looks_for(cluster: Cluster) -> str:
    ab.shutdown()
    try:
        with pytest.raises(ab.ConnectionFailed) as raised:
            ab.init("tcp://127.0.0.1:9", timeout=0.3)
    finally:
        ab.init(cluster.address)
    return str(raised.value)


def of_a_coordinator_that_a_worker_looks_for(cluster: Cluster) -> str:
    return command("worker", "--address", "tcp://127.0.0.1:9", "--patience", "0.5", "--python", sys.executable)


def of_a_pool_that_starts(cluster: Cluster) -> str:
    ab.shutdown()
    try:
        with pytest.raises(ab.ConnectionFailed) as raised:
            ab.init(slots=1, timeout=0.001)
    finally:
        ab.init(cluster.address)
    return str(raised.value)


def of_slots(cluster: Cluster) -> str:
    return command("worker", "--address", cluster.address, "--slots", "70000", "--python", sys.executable)


def of_a_file_system_smaller_than_the_budget(cluster: Cluster) -> str:
    return command("coordinator", "--store-root", "/dev/shm", "--store-budget", "900000G")


def command(*arguments: str) -> str:
    """Return what a command says that fails."""
    done = subprocess.run([find_binary(), *arguments], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode != 0
    return done.stderr


#: What is hit, and the words that have to stand in what is said of it: value, and flag or argument.
LIMITS: dict[Callable[[Cluster], str], tuple[str, ...]] = {
    of_a_timeout: ("limit of 300 ms", "timeout="),
    of_a_ceiling_of_one_task: ("memory ceiling", "300 MiB", "memory="),
    of_a_ceiling_of_all_tasks: ("memory ceiling", "700 MiB", "--memory-per-slot"),
    of_a_budget_of_the_store: ("store is full", "48.0 MiB", "--store-budget"),
    of_a_budget_of_the_store_within_a_task: ("store is full", "48.0 MiB", "--store-budget"),
    of_retries: ("signal 9", "attempt 2", "retries="),
    of_attempts: ("1 workers were lost", "attempts", "--max-attempts"),
    of_threads: ("asks for 5 threads", "2 cores", "--threads-per-slot 2"),
    of_waiting_tasks: ("wait for tasks", "1 others", "limit (--most-waiting)"),
    of_output_in_the_log: ("output of this task", "limit is 1.0 MiB per task", "(fixed)"),
    of_a_message_to_the_coordinator: ("limit of a message", "4000 bytes", "(fixed)"),
    of_a_wait_for_a_run: ("has not ended within", "0.2 s", "timeout="),
    of_a_wait_for_a_worker: ("no worker for", "0.2 s", "(fixed)"),
    of_a_start_of_a_runtime: ("limit for its start", "0.5 s", "--start-timeout"),
    of_a_coordinator_that_a_client_looks_for: ("no coordinator answers", "0.3 s", "timeout="),
    of_a_coordinator_that_a_worker_looks_for: ("no coordinator answered", "0.5 s", "--patience"),
    of_a_pool_that_starts: ("did not start within", "0.001 s", "timeout="),
    of_slots: ("70000 slots", "65536", "--slots"),
    of_a_file_system_smaller_than_the_budget: ("budget of", "of its file system", "--store-budget"),
}


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.__name__.removeprefix("of_"))
def test_who_hits_a_limit_is_told_name_value_and_flag(cluster, limit):
    said = limit(cluster)
    missing = [part for part in LIMITS[limit] if part not in said]
    assert not missing, f"{missing} not in: {said[-2000:]}"
