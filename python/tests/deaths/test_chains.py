"""Chains of short calls are sent ahead with the call that they wait for; who dies under them changes nothing."""

from __future__ import annotations

import os
import signal
from concurrent.futures import CancelledError
from itertools import pairwise

import numpy as np
import pytest
from cluster import PATIENCE, standing
from gate import Gate

import anabranch as ab
from workloads import RETRIES, linger

pytestmark = pytest.mark.leaves("children", "descriptors")

LENGTH = 40
#: The call that waits at the gate, with what stands behind it at its worker already.
MIDDLE = 20


@pytest.fixture(scope="module")
def shared():
    with standing() as one:
        yield one


@pytest.fixture
def cluster(shared):
    while len(shared.workers) < 2:
        shared.join()
    return shared


@pytest.fixture
def gate(tmp_path):
    one = Gate(tmp_path)
    yield one
    one.open()


@pytest.fixture
def executor(cluster):
    """One that knows the calls for short ones."""
    with ab.Executor(retries=RETRIES) as ex:
        assert submit(ex, link, 0, "")[-1].result(PATIENCE) == LENGTH
        yield ex


def link(value, at):
    if value == MIDDLE and at:
        linger(at)
    return value + 1


def grow(values, at):
    if values.size == 20_000 + MIDDLE and at:
        linger(at)
    return np.append(values, values.size)


def raise_at(value, at):
    if value == MIDDLE:
        raise ValueError("the middle")
    return value + 1


def submit(executor, function, first, at):
    futures = [executor.submit(function, first, at)]
    while len(futures) < LENGTH:
        futures.append(executor.submit(function, futures[-1], at))
    return futures


def await_sent_ahead(cluster, gate, chain):
    """Wait until a worker stands at the gate with more than it runs; return the process ids of it and its runtime."""
    while not any(gate.arrivals(pid) for pid in cluster.workers):
        assert not chain[-1].done()
        cluster.observe().status()
    victim = next(pid for pid in cluster.workers if gate.arrivals(pid))
    cluster.observe().until(
        lambda status: any(worker.pid == victim and worker.running > 1 for worker in status.workers),
        f"calls behind the one at the gate of worker {victim}",
    )
    return victim, min(gate.arrivals(victim))


def test_the_worker_of_a_chain_is_killed(cluster, gate, executor):
    chain = submit(executor, link, 0, gate.path)
    victim, _ = await_sent_ahead(cluster, gate, chain)
    cluster.signal(victim, signal.SIGKILL)
    gate.open()
    assert [future.result(PATIENCE) for future in chain] == list(range(1, LENGTH + 1))


def test_the_runtime_of_a_chain_is_killed(cluster, gate, executor):
    chain = submit(executor, link, 0, gate.path)
    _, runtime = await_sent_ahead(cluster, gate, chain)
    os.kill(runtime, signal.SIGKILL)
    gate.open()
    assert [future.result(PATIENCE) for future in chain] == list(range(1, LENGTH + 1))


def test_a_chain_is_cancelled_in_its_middle(cluster, gate, executor):
    chain = submit(executor, link, 0, gate.path)
    await_sent_ahead(cluster, gate, chain)
    assert chain[MIDDLE + 5].cancel()
    gate.open()
    assert chain[MIDDLE + 4].result(PATIENCE) == MIDDLE + 5
    for future in chain[MIDDLE + 5 :]:
        with pytest.raises((CancelledError, ab.TaskError)):
            future.result(PATIENCE)


def test_a_failure_skips_what_depends_on_it_and_nothing_else(cluster, executor):
    assert submit(executor, raise_at, MIDDLE + 1, "")[-1].result(PATIENCE) == MIDDLE + 1 + LENGTH
    chain = submit(executor, raise_at, 0, "")
    other = submit(executor, raise_at, MIDDLE + 1, "")
    assert [future.result(PATIENCE) for future in chain[:MIDDLE]] == list(range(1, MIDDLE + 1))
    for future in chain[MIDDLE:]:
        with pytest.raises(ValueError, match="the middle"):
            future.result(PATIENCE)
    assert other[-1].result(PATIENCE) == MIDDLE + 1 + LENGTH


@pytest.mark.parametrize("killed", ["nobody", "runtime", "worker"])
def test_large_values_pass_along_a_chain_and_leave_nothing(cluster, gate, executor, killed):
    assert submit(executor, grow, np.zeros(20_000), "")[-1].result(PATIENCE).size == 20_000 + LENGTH
    chain = submit(executor, grow, np.zeros(20_000), gate.path)
    victim, runtime = await_sent_ahead(cluster, gate, chain)
    if killed == "runtime":
        os.kill(runtime, signal.SIGKILL)
    elif killed == "worker":
        cluster.signal(victim, signal.SIGKILL)
    gate.open()
    for left, right in pairwise(chain):
        assert np.array_equal(right.result(PATIENCE)[:-1], left.result(PATIENCE))
    left = right = None
    chain.clear()
    cluster.observe().until(lambda status: status.store_bytes < 20_000, "no array in the store")


def test_native_calls_follow_one_another(cluster, executor):
    function = ab.native("noop")
    for _ in range(3):
        future = executor.submit(function)
        for _ in range(LENGTH):
            future = executor.submit(function, future)
        assert future.result(PATIENCE) is None
