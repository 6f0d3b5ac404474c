"""What calls name stays in the store until they have ended, whoever lets go of it first."""

from __future__ import annotations

import time

import anabranch as ab


def block(seconds):
    time.sleep(seconds)


def big(value):
    return bytes([value % 256]) * 24_000


def length(value):
    return len(value), value[0]


def test_a_function_that_its_caller_forgets_is_the_one_that_runs(pool):
    with ab.Executor() as ex:
        first = ex.submit(block, 0.5)
        futures = []
        for i in range(300):
            padding = bytes([i % 256]) * 9_000
            futures.append(ex.submit(lambda i=i, padding=padding: (i, padding[0])))
        first.result()
        assert [future.result() for future in futures] == [(i, i % 256) for i in range(300)]


def test_a_chain_whose_first_future_is_forgotten(pool):
    with ab.Executor() as ex:
        futures = [ex.submit(length, ex.submit(big, i)) for i in range(1_000)]
        assert [future.result() for future in futures] == [(24_000, i % 256) for i in range(1_000)]
