"""The executor's side of calls, without workers."""

from __future__ import annotations

import concurrent.futures
import gc
import threading

import numpy as np
import pytest

import anabranch as ab


def double(x):
    return 2 * x


def hold(x=None):
    return x


def test_submit_and_map(coordinator):
    with ab.Executor() as ex:
        assert ex.submit(double, 21).result(10) == 42
        assert list(ex.map(double, range(300))) == [2 * i for i in range(300)]
        assert list(ex.map(pow, [2, 3], [3, 2])) == [8, 9]
        assert list(ex.map(double, range(10), chunksize=3)) == [2 * i for i in range(10)]
        offset = 5
        assert ex.submit(lambda x, y=1: x + y + offset, 1, y=2).result(10) == 8
    assert coordinator.received.count("submit_calls") < 300


def test_exceptions_come_back_with_their_traceback(coordinator):
    def fail():
        raise KeyError("missing")

    with ab.Executor() as ex:
        future = ex.submit(fail)
        with pytest.raises(KeyError, match="missing") as raised:
            future.result(10)
        assert "Traceback of KeyError" in str(raised.value.__cause__)
        assert isinstance(future.exception(), KeyError)


def test_futures_and_references_are_dependencies(coordinator):
    with ab.Executor() as ex:
        held = ex.submit(hold, 3)
        chained = ex.submit(double, held)
        ref = ab.put(np.arange(5000))
        total = ex.submit(lambda pair, extra: int(pair["array"].sum()) + extra, {"array": ref}, ex.submit(double, 4))
        assert total.result(10) == 12497500 + 8
        coordinator.let_go()
        assert held.result(10) == 3
        again = ex.submit(double, held)
        assert again.result(10) == 6
        assert chained.exception(10) is not None


def test_a_large_array_is_stored_once_until_it_changes(coordinator):
    array = np.zeros(50_000)
    with ab.Executor() as ex:
        assert list(ex.map(lambda a, i: float(a[0]) + i, [array] * 4, range(4))) == [0, 1, 2, 3]
        assert coordinator.received.count("hold_objects") == 2
        array[0] = 10
        assert ex.submit(lambda a: float(a[0]), array).result(10) == 10


def test_what_cannot_be_pickled_is_named(coordinator):
    import threading

    lock = threading.Lock()
    with ab.Executor() as ex:
        with pytest.raises(TypeError, match=r"locked.* cannot be sent to the pool"):

            def locked():
                return lock

            ex.submit(locked)
        with pytest.raises(TypeError):
            ex.submit(double, lock)


def test_cancel(coordinator):
    with ab.Executor() as ex:
        future = ex.submit(hold)
        assert future.cancel() and future.cancelled() and future.cancel()
        assert coordinator.wait_for(lambda: coordinator.cancelled == [future.number])
        assert concurrent.futures.wait([future], 10).done == {future}
        with pytest.raises(concurrent.futures.CancelledError):
            future.result()
        finished = ex.submit(double, 1)
        assert finished.result(10) == 2
        assert not finished.cancel()
        coordinator.let_go()


def test_shutdown(coordinator):
    ex = ab.Executor()
    futures = [ex.submit(hold) for _ in range(3)]
    ex.shutdown(wait=True, cancel_futures=True)
    assert all(future.cancelled() for future in futures)
    with pytest.raises(RuntimeError, match="after shutdown"):
        ex.submit(hold)
    assert coordinator.wait_for(lambda: "close_run" in coordinator.received)


def test_shutdown_waits_for_nothing_when_told_so(coordinator):
    ex = ab.Executor()
    future = ex.submit(hold, 1)
    ex.shutdown(wait=False)
    assert not future.done()
    coordinator.let_go()
    assert future.result(10) == 1
    assert coordinator.wait_for(lambda: "close_run" in coordinator.received)


def test_as_completed_and_callbacks(coordinator):
    with ab.Executor() as ex:
        seen = []
        futures = [ex.submit(double, i) for i in range(5)]
        futures[0].add_done_callback(lambda future: seen.append(future.result()))
        assert sorted(f.result() for f in concurrent.futures.as_completed(futures, 10)) == [0, 2, 4, 6, 8]
        assert seen == [0]


def test_a_map_that_is_too_slow(coordinator):
    with ab.Executor() as ex:
        results = ex.map(hold, [1], timeout=0.05)
        with pytest.raises(concurrent.futures.TimeoutError):
            next(results)
        coordinator.let_go()


def test_an_abandoned_map_waits_for_no_lock(coordinator):
    """A collection of garbage may end it while its thread, or one that waits for that thread, holds any lock."""
    with ab.Executor() as ex:
        results = ex.map(hold, range(3), timeout=0.05)
        first, *others = ex._pending.values()
        begun, over = threading.Event(), threading.Event()

        def look_at_one():
            with others[0]._condition:
                begun.set()
                over.wait(30)

        def abandon():
            with pytest.raises(concurrent.futures.TimeoutError):
                next(results)

        looking, abandoning = threading.Thread(target=look_at_one), threading.Thread(target=abandon)
        looking.start()
        assert begun.wait(10)
        abandoning.start()
        abandoning.join(10)
        was_held_up = abandoning.is_alive()
        over.set()
        looking.join()
        abandoning.join()
        coordinator.let_go()
        assert not was_held_up
        assert not concurrent.futures.wait([first, *others], 10).not_done
    # The one that was waited for, too: nobody will ask for it any more.
    assert all(one.cancelled() for one in (first, *others))
    assert coordinator.wait_for(lambda: len(coordinator.cancelled) == 3)


def test_results_are_given_back(coordinator):
    with ab.Executor() as ex:
        array = ex.submit(np.zeros, 10_000).result(10)
        assert array.shape == (10_000,) and not array.flags.writeable
        del array
    gc.collect()
    del ex
    gc.collect()
    assert coordinator.wait_for(lambda: not +coordinator.holdings)


def test_futures_of_others_are_refused(coordinator):
    with ab.Executor() as one, ab.Executor() as other:
        foreign = one.submit(double, 1)
        with pytest.raises(ab.RequestError, match="another executor"):
            other.submit(double, foreign)
        assert foreign.result(10) == 2


class Counter:
    def __init__(self):
        self.start = 0

    def __call__(self, x):
        return self.start + x


def test_callables_with_state_are_what_they_are_at_the_call(coordinator):
    counter = Counter()
    with ab.Executor() as ex:
        assert ex.submit(counter, 1).result(10) == 1
        counter.start = 10
        assert list(ex.map(counter, [1, 2])) == [11, 12]
        assert ex.submit(counter.__call__, 3).result(10) == 13


def test_a_closure_that_is_bound_anew_is_sent_anew(coordinator):
    offset = 1

    def shifted(x):
        return x + offset

    with ab.Executor() as ex:
        assert ex.submit(shifted, 1).result(10) == 2
        sent = coordinator.received.count("hold_objects")
        assert ex.submit(shifted, 2).result(10) == 3
        assert coordinator.received.count("hold_objects") == sent
        offset = 5
        assert ex.submit(shifted, 1).result(10) == 6
