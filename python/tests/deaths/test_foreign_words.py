"""Results that are late, doubled, reordered, of another epoch: each task has one effect, the rest is counted."""

from __future__ import annotations

import json
import subprocess

import pytest
from cluster import Cluster, standing
from impersonator import Impersonator

import anabranch as ab
from anabranch.binary import find_binary
from anabranch.process_client import current


@pytest.fixture
def lease():
    """Seconds: nobody is silent for so long, on however loaded a machine."""
    return 60.0


@pytest.fixture
def cluster(lease):
    with standing(lease, workers=0) as one:
        # These workers answer what the tests have them say, and nothing about packages.
        current().requirements = None
        yield one


@pytest.fixture
def worker(cluster):
    one = Impersonator(cluster.address, cluster.store, 0xA1)
    yield one
    one.die()


@pytest.fixture
def other(cluster, worker):
    one = Impersonator(cluster.address, cluster.store, 0xB2)
    yield one
    one.die()


def add(x):
    return x + 1


def dropped(cluster: Cluster, count: int) -> int:
    """Dropped messages, once so many have been; `anabranch status` says the same."""
    seen = cluster.observe().until(lambda s: s.dropped_messages >= count, f"{count} dropped").dropped_messages
    said = subprocess.run(
        [find_binary(), "status", "--json", "--address", cluster.address], capture_output=True, text=True, check=True
    )
    assert json.loads(said.stdout)["dropped_messages"] == seen
    return seen


def states(cluster: Cluster, *workers: Impersonator) -> list[str]:
    """What the coordinator says of each."""
    status = cluster.observe().status()
    return [Cluster.state(status, worker.instance) for worker in workers]


def test_a_doubled_result_counts_once(cluster, worker):
    with ab.Executor() as ex:
        future = ex.submit(add, 1)
        (task,) = worker.take()
        worker.report(worker.success(task, "first"), worker.success(task, "second in the same message"))
        worker.report(worker.success(task, "third"))
        assert dropped(cluster, 2) == 2
        assert future.result(60) == "first"
        # And nothing is left of it that would disturb the next.
        after = ex.submit(add, 2)
        (task,) = worker.take()
        worker.report(worker.success(task, "next"))
        assert after.result(60) == "next"
    assert dropped(cluster, 2) == 2


def test_results_in_another_order_find_their_calls(cluster, worker):
    many = Impersonator(cluster.address, cluster.store, 0xC3, slots=8)
    try:
        with ab.Executor() as ex:
            futures = [ex.submit(add, i) for i in range(8)]
            tasks = many.take(7) + worker.take(1)
            # Tasks count up in the order of the calls.
            values = {task.task: index for index, task in enumerate(sorted(tasks, key=lambda t: t.task))}
            for task in reversed(tasks[:-1]):
                many.report(many.success(task, values[task.task]))
            worker.report(worker.success(tasks[-1], values[tasks[-1].task]))
            assert [future.result(60) for future in futures] == list(range(8))
    finally:
        many.die()
    assert dropped(cluster, 0) == 0


def test_what_is_of_another_epoch_or_of_nobody_has_no_effect(cluster, worker, other):
    with ab.Executor() as ex:
        future = ex.submit(add, 1)
        other_future = ex.submit(add, 2)
        (task,) = worker.take()
        (its,) = other.take()
        worker.report(worker.success(task, "old epoch"), epoch=worker.welcome.epoch - 1)
        worker.report(worker.success(task, "unknown worker"), worker=99)
        worker.report(worker.success(its, "another worker's task"))
        never = worker.success(task, "a number that was never sent")
        never.attempt += 1
        worker.report(never)
        unknown = worker.success(task, "a task that never was")
        unknown.task += 1_000
        worker.report(unknown)
        assert dropped(cluster, 5) == 5
        assert not future.done() and not other_future.done()
        worker.report(worker.success(task, "right"))
        other.report(other.success(its, "right too"))
        assert (future.result(60), other_future.result(60)) == ("right", "right too")
    assert dropped(cluster, 5) == 5


@pytest.mark.parametrize("lease", [1.0])
def test_a_result_that_comes_after_its_lease_counts_and_the_other_does_not(cluster, worker):
    with ab.Executor() as ex:
        future = ex.submit(add, 1)
        (task,) = worker.take()
        other = Impersonator(cluster.address, cluster.store, 0xB2)
        try:
            # The first says nothing for a lease, while the second does.
            other.beat_until(lambda: states(cluster, worker) == ["lost"])
            (again,) = other.take()
            assert again.task == task.task and again.attempt > task.attempt
            worker.report(worker.success(task, "late"))
            assert future.result(60) == "late"
            other.await_cancel(again)
            other.report(other.success(again, "in vain"))
            assert dropped(cluster, 1) == 1
            # Both are good for more, once both have been heard again.
            other.beat_until(lambda: worker.beat() or states(cluster, worker, other) == ["active", "active"])
            futures = [ex.submit(add, i) for i in range(2)]
            for one in (worker, other):
                (task,) = one.take()
                one.report(one.success(task, "more"))
            assert [f.result(60) for f in futures] == ["more", "more"]
        finally:
            other.die()


@pytest.mark.parametrize("lease", [1.0])
def test_both_attempts_answer_and_the_first_counts(cluster, worker):
    with ab.Executor() as ex:
        future = ex.submit(add, 1)
        (task,) = worker.take()
        other = Impersonator(cluster.address, cluster.store, 0xB2)
        try:
            other.beat_until(lambda: states(cluster, worker) == ["lost"])
            (again,) = other.take()
            other.report(other.success(again, "the second attempt"))
            assert future.result(60) == "the second attempt"
            worker.beat(task)
            worker.await_cancel(task)
            worker.report(worker.success(task, "hours later"))
            assert dropped(cluster, 1) == 1
        finally:
            other.die()


def test_a_result_that_outlived_its_bytes_is_made_again(cluster, worker):
    with ab.Executor() as ex:
        future = ex.submit(add, 1)
        (task,) = worker.take()
        with worker.another_store() as runtime:
            result = worker.success(task, b"x" * 100_000, runtime)
        worker.say_closed(result.holder)
        worker.report(result)
        (again,) = worker.take()
        assert again.task == task.task and again.attempt == task.attempt + 1
        worker.report(worker.success(again, "made again"))
        assert future.result(60) == "made again"


def test_hellos_said_again_and_again_make_one_worker(cluster, worker):
    for _ in range(3):
        assert worker.hello().worker_welcome.worker == worker.welcome.worker
    assert len(cluster.observe().status().workers) == 1
    with ab.Executor() as ex:
        future = ex.submit(add, 1)
        (task,) = worker.take()
        worker.hello()
        worker.report(worker.success(task, "once"))
        assert future.result(60) == "once"


def test_a_worker_that_was_started_again_at_its_lane_loses_what_it_had(cluster, worker):
    with ab.Executor() as ex:
        future = ex.submit(add, 1)
        (task,) = worker.take()
        before = worker.welcome.worker
        worker.welcome = worker.hello(instance=0xA2).worker_welcome
        assert worker.welcome.worker != before
        (again,) = worker.take()
        assert again.task == task.task and again.attempt > task.attempt
        worker.report(worker.success(again, "the restarted one's"))
        assert future.result(60) == "the restarted one's"
        worker.report(worker.success(task, "the former one's"), worker=before)
        assert dropped(cluster, 1) == 1
