"""Chains of short calls are sent ahead with the call that they wait for; who dies under them changes nothing."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
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
#: Chains that are started until one is sent ahead.
TRIES = 10


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


@dataclass
class Standing:
    """A chain whose middle stands at a gate of a worker that has been sent more than it runs."""

    calls: list[Future]
    gate: Gate
    worker: int
    runtime: int


@pytest.fixture
def start(cluster, executor, tmp_path):
    """Start a chain, and wait until it stands."""
    gates = []

    def begin(function, first):
        for number in range(TRIES):
            directory = tmp_path / str(number)
            directory.mkdir()
            gates.append(Gate(directory))
            chain = submit(executor, function, first, gates[-1].path)
            worker = await_arrival(cluster, gates[-1], chain)
            if is_sent_more(cluster, worker):
                return Standing(chain, gates[-1], worker, min(gates[-1].arrivals(worker)))
            # A call that lost its core for a moment was taken for a long one, and nothing is sent ahead of those.
            gates[-1].open()
            chain[-1].result(PATIENCE)
        raise AssertionError("nothing is sent ahead")

    yield begin
    for gate in gates:
        gate.open()


def await_arrival(cluster, gate, chain):
    """Return the worker at whose gate the chain stands."""
    while not (found := [pid for pid in cluster.workers if gate.arrivals(pid)]):
        assert not chain[-1].done()
        cluster.observe().status()
    return found[0]


def is_sent_more(cluster, pid):
    """Whether a worker comes to have more than it runs, within a few seconds."""
    deadline = time.monotonic() + 5
    while not any(worker.pid == pid and worker.running > 1 for worker in cluster.observe().status().workers):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_the_worker_of_a_chain_is_killed(cluster, start):
    chain = start(link, 0)
    cluster.signal(chain.worker, signal.SIGKILL)
    chain.gate.open()
    assert [future.result(PATIENCE) for future in chain.calls] == list(range(1, LENGTH + 1))


def test_the_runtime_of_a_chain_is_killed(start):
    chain = start(link, 0)
    os.kill(chain.runtime, signal.SIGKILL)
    chain.gate.open()
    assert [future.result(PATIENCE) for future in chain.calls] == list(range(1, LENGTH + 1))


def test_a_chain_is_cancelled_in_its_middle(start):
    chain = start(link, 0)
    assert chain.calls[MIDDLE + 5].cancel()
    chain.gate.open()
    assert chain.calls[MIDDLE + 4].result(PATIENCE) == MIDDLE + 5
    for future in chain.calls[MIDDLE + 5 :]:
        with pytest.raises((CancelledError, ab.TaskError)):
            future.result(PATIENCE)


def test_a_failure_skips_what_depends_on_it_and_nothing_else(executor):
    assert submit(executor, raise_at, MIDDLE + 1, "")[-1].result(PATIENCE) == MIDDLE + 1 + LENGTH
    chain = submit(executor, raise_at, 0, "")
    other = submit(executor, raise_at, MIDDLE + 1, "")
    assert [future.result(PATIENCE) for future in chain[:MIDDLE]] == list(range(1, MIDDLE + 1))
    for future in chain[MIDDLE:]:
        with pytest.raises(ValueError, match="the middle"):
            future.result(PATIENCE)
    assert other[-1].result(PATIENCE) == MIDDLE + 1 + LENGTH


@pytest.mark.parametrize("killed", ["nobody", "runtime", "worker"])
def test_large_values_pass_along_a_chain_and_leave_nothing(cluster, executor, start, killed):
    assert submit(executor, grow, np.zeros(20_000), "")[-1].result(PATIENCE).size == 20_000 + LENGTH
    chain = start(grow, np.zeros(20_000))
    if killed == "runtime":
        os.kill(chain.runtime, signal.SIGKILL)
    elif killed == "worker":
        cluster.signal(chain.worker, signal.SIGKILL)
    chain.gate.open()
    for left, right in pairwise(chain.calls):
        assert np.array_equal(right.result(PATIENCE)[:-1], left.result(PATIENCE))
    left = right = None
    chain.calls.clear()
    cluster.observe().until(lambda status: status.store_bytes < 20_000, "no array in the store")


def test_native_calls_follow_one_another(cluster, executor):
    function = ab.native("noop")
    for _ in range(3):
        future = executor.submit(function)
        for _ in range(LENGTH):
            future = executor.submit(function, future)
        assert future.result(PATIENCE) is None
