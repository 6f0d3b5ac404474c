"""Futures that end without ever having had a condition are futures like any other."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading

import pytest

from anabranch.call_future import CallFuture, succeed
from anabranch.errors import TaskError
from anabranch.v1 import common_pb2, control_pb2


class Owner:
    """Stands for an executor: values are the sequences of their references."""

    def __init__(self):
        self.client = self.connection = self
        self.reads = 0

    def read(self, message):
        self.reads += 1
        return [message.sequence]

    def receive_until(self, is_over, seconds):
        """As when another thread has the connection's turn."""

    def cancel(self, future):
        return future.cancel_quietly()


def answer(number):
    return control_pb2.CallResult(call=number, value=common_pb2.ObjectRef(writer=1, sequence=number))


@pytest.fixture
def futures():
    owner = Owner()
    return [CallFuture(number, owner) for number in range(1, 5)]


def end(futures):
    succeed((future, answer(future.number)) for future in futures)


def test_a_value_is_read_once_and_when_asked_for(futures):
    end(futures)
    assert futures[0].owner.reads == 0
    assert futures[0].result() is futures[0].result()
    assert futures[0].owner.reads == 1
    assert futures[1].exception() is None and futures[1].done() and not futures[1].running()


def test_wait_and_as_completed_of_ended_and_open_ones(futures):
    end(futures[:1])
    done, open_ones = concurrent.futures.wait(futures, return_when="FIRST_COMPLETED")
    assert done == {futures[0]} and open_ones == set(futures[1:])
    threading.Timer(0.01, end, [futures[1:]]).start()
    assert {future.number for future in concurrent.futures.as_completed(futures, 10)} == {1, 2, 3, 4}
    assert concurrent.futures.wait(futures, 0).not_done == set()


def test_callbacks_run_once_whether_added_before_or_after(futures):
    seen = []
    futures[0].add_done_callback(lambda future: seen.append(("before", future.result())))
    end(futures)
    futures[0].add_done_callback(lambda future: seen.append(("after", future.result())))
    futures[1].add_done_callback(lambda future: seen.append(("bare", future.result())))
    assert seen == [("before", [1]), ("after", [1]), ("bare", [2])]


def test_a_cancelled_one_stays_cancelled(futures):
    assert futures[0].cancel() and not futures[0].cancel_quietly()
    end(futures)
    assert futures[0].cancelled()
    with pytest.raises(concurrent.futures.CancelledError):
        futures[0].result()
    assert not futures[1].cancel() and futures[1].result() == [2]


def test_a_callback_of_a_cancelled_one_cancels_others(futures):
    futures[0].add_done_callback(lambda _: futures[1].cancel())
    seen = []

    def wait_for_one_who_cancels(_):
        other = threading.Thread(target=lambda: seen.append(futures[3].cancel()))
        other.start()
        other.join(10)

    futures[2].add_done_callback(wait_for_one_who_cancels)
    assert futures[0].cancel() and futures[1].cancelled()
    assert futures[2].cancel() and seen == [True]
    assert concurrent.futures.wait(futures, 10).not_done == set()


def test_a_failure_is_raised_each_time(futures):
    futures[0].fail(TaskError("no"))
    for _ in range(2):
        with pytest.raises(TaskError, match="no"):
            futures[0].result()
    with pytest.raises(concurrent.futures.TimeoutError):
        futures[1].result(0.001)


def test_waiting_threads_see_every_end():
    # Condition and end race here: no wake-up may be lost.
    owner = Owner()
    for _ in range(300):
        future = CallFuture(1, owner)
        waiting = threading.Thread(target=future.result, args=(30,))
        waiting.start()
        end([future])
        waiting.join(30)
        assert not waiting.is_alive()


def test_asyncio_awaits_it(futures):
    async def await_all():
        wrapped = [asyncio.wrap_future(future) for future in futures]
        end(futures[:2])
        asyncio.get_running_loop().call_soon(end, futures[2:])
        return await asyncio.gather(*wrapped)

    assert asyncio.run(await_all()) == [[1], [2], [3], [4]]
