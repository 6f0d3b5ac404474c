"""Tasks that never end by themselves: limits and cancels end them, and nothing else."""

from __future__ import annotations

import itertools
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from rogues import LIMIT, abort, nothing_is_left, say_and_stay, spin_in_c, square
from sklearn.base import BaseEstimator

import anabranch as ab
from anabranch.process_client import current
from anabranch.v1 import control_pb2


class Endless:
    """Takes for ever to pickle."""

    def __reduce__(self):
        spin_in_c()


def spin_under_alarms(path):
    """Have alarms come all the time, and a handler note each that it hears of."""

    def note(number, _frame):
        with open(path, "a") as file:
            file.write(f"{number}\n")

    signal.signal(signal.SIGALRM, note)
    signal.raise_signal(signal.SIGALRM)
    # The timer is set from within the loop: no bytecode runs between the first alarm and the end.
    start = map(signal.setitimer, [signal.ITIMER_REAL], [0.01], [0.01])
    all(itertools.chain(start, itertools.repeat(True)))


def test_a_loop_in_c_ends_though_no_handler_runs_in_it(pool, tmp_path):
    heard = tmp_path / "heard"
    with ab.Executor(timeout=2) as ex:
        error = ex.submit(spin_under_alarms, str(heard)).exception(LIMIT)
    assert isinstance(error, ab.TaskTimeout) and "2000 ms (timeout=)" in str(error), error
    assert heard.read_text() == f"{signal.SIGALRM:d}\n", "the one that came before the loop"
    nothing_is_left()


def test_no_loop_outlives_its_timeout(pool):
    with ab.Executor(timeout=0.3) as ex:
        for function in (spin_in_c, Endless):
            error = ex.submit(function).exception(LIMIT)
            assert isinstance(error, ab.TaskTimeout) and "300 ms (timeout=)" in str(error), error
    with ab.Executor() as ex:
        assert ex.submit(square, 4).result(LIMIT) == 16
    nothing_is_left()


class Loops(BaseEstimator):
    """Loops for one of its settings."""

    def __init__(self, how="fit"):
        self.how = how

    def fit(self, X, y=None):
        if self.how == "loop":
            print("looping", flush=True)
            spin_in_c()
        if self.how == "allocate":
            self.kept_ = [np.ones(1 << 22) for _ in range(200)]
        if self.how == "abort":
            abort()
        return self

    def predict(self, X):
        return np.zeros(len(X))


@pytest.mark.parametrize(
    ("how", "limits", "kind", "said"),
    [
        ("loop", {"timeout": 2}, "timeout", "2000 ms (timeout=)"),
        ("allocate", {"memory": "700M"}, "memory", "700 MiB (memory=)"),
        ("abort", {}, "killed", "SIGABRT"),
    ],
)
def test_of_a_node_only_the_rogue_variant_fails(pool, how, limits, kind, said):
    X, y = np.arange(20.0).reshape(10, 2), np.arange(10) % 2
    # So that no time goes into imports.
    assert not ab.Pipeline(chain=ab.OrNode("model", Loops(), params={"how": ["fit", "other"]})).fit(X, y).failed
    node = ab.OrNode("model", Loops(), params={"how": ["fit", how, "other"]}, **limits)
    run = ab.Pipeline(chain=node).fit(X, y)
    failed = [entry for entry in run["model"] if entry.error]
    assert len(run["model"]) == 3 and len(failed) == 1
    error = failed[0].error
    assert error.kind == kind and error.node == "model" and error.key, error
    text = str(error)
    assert said in text and "'how': " + repr(how) in text and error.peak_memory > 1 << 20, text
    if how != "allocate":
        # What only raises keeps its process, whose output is nobody's tail.
        assert "last output:" in text and {"loop": "looping", "abort": "in abort"}[how] in text, text
    nothing_is_left()


def staying(started):
    return ab.Pipeline(chain=ab.OrNode("stay", lambda X: say_and_stay(started)))


def test_a_running_node_can_be_cancelled(pool, tmp_path):
    started = tmp_path / "started"
    os.mkfifo(started)

    run = staying(started).fit(np.ones((3, 2)), wait=False)
    assert started.read_text() == "running"
    run.cancel()
    run.wait()
    assert [entry.error.kind for entry in run["stay"]] == ["cancelled"]
    with ab.Executor() as ex:
        assert ex.submit(square, 7).result(LIMIT) == 49
    nothing_is_left()


def test_a_run_that_somebody_else_cancels_is_no_result(pool, tmp_path):
    started = tmp_path / "started"
    os.mkfifo(started)

    def cancel_when_it_runs():
        assert started.read_text() == "running"
        status = current().ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest())).status
        run = max(one.run for one in status.runs)
        current().tell(control_pb2.ToCoordinator(cancel_run=control_pb2.CancelRun(run=run)))

    with ThreadPoolExecutor(1) as other:
        told = other.submit(cancel_when_it_runs)
        with pytest.raises(ab.RunError, match="did not come to its end: the run was cancelled") as raised:
            staying(started).fit(np.ones((3, 2)))
        told.result(LIMIT)
    assert raised.value.run.state == "cancelled"
    nothing_is_left()


def wait_for(path):
    if path:
        with open(path) as file:
            file.read(1)


def test_short_answers_do_not_wait_for_a_long_task_behind_them(pool, tmp_path):
    release = tmp_path / "release"
    os.mkfifo(release)
    with open(release, "r+b", buffering=0) as keeper, ab.Executor() as ex:
        # Known to be short by now: their answers are kept back for a moment.
        assert list(ex.map(wait_for, [""] * 2000)) == [None] * 2000
        futures = [ex.submit(wait_for, "") for _ in range(50)]
        long = ex.submit(wait_for, str(release))
        try:
            assert [future.result(LIMIT) for future in futures] == [None] * 50
        finally:
            keeper.write(b".")
        assert long.result(LIMIT) is None
