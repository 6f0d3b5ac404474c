"""What calls name stays in the store until they have ended, whoever lets go of it first."""

from __future__ import annotations

import time

import anabranch as ab
from anabranch.process_client import current
from anabranch.v1 import control_pb2


def block(seconds):
    time.sleep(seconds)


def big(value):
    return bytes([value % 256]) * 24_000


def length(value):
    return len(value), value[0]


def round_trip():
    """Let the coordinator see what was sent before, releases among it."""
    current().ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest()))


def test_a_function_that_its_caller_forgets_is_the_one_that_runs(pool):
    with ab.Executor() as ex:
        # Both slots are busy while functions come and go.
        first = [ex.submit(block, 1.5) for _ in range(2)]
        futures = []
        for i in range(300):
            futures.append(ex.submit(lambda i=i: i))
            if i % 50 == 49:
                round_trip()
                round_trip()
        for future in first:
            future.result()
        assert [future.result() for future in futures] == list(range(300))


def test_a_chain_whose_first_future_is_forgotten(pool):
    with ab.Executor() as ex:
        futures = [ex.submit(length, ex.submit(big, i)) for i in range(1_000)]
        assert [future.result() for future in futures] == [(24_000, i % 256) for i in range(1_000)]
