"""Tasks that submit tasks and wait for them, on a pool of one slot."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import signal
import sys
import time

import cloudpickle
import numpy as np
import psutil
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import anabranch as ab
from anabranch.process_client import current
from anabranch.v1 import control_pb2


@pytest.fixture(scope="module")
def narrow(session_pool):
    """A pool of one slot, in which eight tasks may wait, for this module in the place of the session's."""
    ab.shutdown()
    os.environ["ANABRANCH_MOST_WAITING"] = "8"
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    ab.init(slots=1)
    yield
    ab.shutdown()
    del os.environ["ANABRANCH_MOST_WAITING"]
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    ab.init(slots=2)


def fib(n):
    if n < 2:
        return n
    with ab.Executor() as ex:
        return sum(ex.map(fib, (n - 1, n - 2)))


def depth(n):
    if n == 0:
        return os.getpid()
    with ab.Executor() as ex:
        return ex.submit(depth, n - 1).result()


def ways(how):
    with ab.Executor() as ex:
        futures = [ex.submit(abs, -i) for i in range(3)]
        if how == "wait":
            done, _ = concurrent.futures.wait(futures)
            return sum(future.result() for future in done)
        if how == "as_completed":
            return sum(future.result() for future in concurrent.futures.as_completed(futures))
        if how == "exception":
            return 3 if all(future.exception() is None for future in futures) else None
        ex.shutdown()
        return sum(future.result() for future in futures)


def status():
    return current().ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest())).status


def lives(process):
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def eventually(holds, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.01)


def hang(marker):
    """Wait for a task that waits for one that hangs; each writes its process id."""
    with ab.Executor() as ex:
        pathlib.Path(marker, f"outer-{os.getpid()}").touch()
        return ex.submit(hang_inside, marker).result()


def hang_inside(marker):
    pathlib.Path(marker, f"inner-{os.getpid()}").touch()
    time.sleep(600)


def written(directory, what):
    return [int(path.name.partition("-")[2]) for path in pathlib.Path(directory).glob(f"{what}-*")]


class Own(DecisionTreeClassifier):
    """No class of scikit-learn's, whose fits are for the pool."""

    def __init__(self, max_depth=None, random_state=0):
        super().__init__(max_depth=max_depth, random_state=random_state)


class SearchesInside(ClassifierMixin, BaseEstimator):
    """Fits a graph of its own while it is fitted."""

    def fit(self, X, y):
        scale, tree = ab.OrNode("scale", StandardScaler()), ab.OrNode("tree", DecisionTreeClassifier(random_state=0))
        graph = ab.Pipeline()
        graph.add_edge(scale, tree)
        self.path_ = graph.fit(X, y)[tree][0].model
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.path_.predict(X)


def test_recursion_on_one_slot(narrow):
    with ab.Executor() as ex:
        assert ex.submit(fib, 5).result(120) == 5


def test_five_levels_and_nothing_left(narrow):
    with ab.Executor() as ex:
        inner = ex.submit(depth, 5).result(120)
    assert inner != os.getpid()
    left = status()
    assert [run for run in left.runs if run.session] == []
    assert left.workers[0].running == 0


@pytest.mark.parametrize("how", ["wait", "as_completed", "exception", "shutdown"])
def test_every_way_to_wait(narrow, how):
    with ab.Executor() as ex:
        assert ex.submit(ways, how).result(120) == 3


def test_a_graph_is_fitted_inside_a_fit(narrow):
    X = np.random.default_rng(0).normal(size=(200, 3))
    y = (X[:, 0] > 0).astype(int)
    run = ab.Pipeline("outer", ab.OrNode("searches", SearchesInside())).fit(X, y)
    assert run.state == "succeeded", run.failed
    assert run["searches"][0].model.predict(X).shape == (200,)


@pytest.mark.parametrize("ending", ["cancelled", "killed"])
def test_what_the_outer_submitted_ends_with_it(narrow, tmp_path, ending):
    with ab.Executor() as ex:
        future = ex.submit(hang, str(tmp_path))
        eventually(lambda: written(tmp_path, "inner"))
        if ending == "cancelled":
            assert future.cancel()
        else:
            os.kill(written(tmp_path, "outer")[0], signal.SIGKILL)
            with pytest.raises(ab.TaskKilled):
                future.result(60)
        ended = [*written(tmp_path, "inner"), *written(tmp_path, "outer")]
        eventually(lambda: not any(map(lives, ended)))
        eventually(lambda: status().workers[0].running == 0)
        # The slot is free again.
        assert ex.submit(abs, -1).result(60) == 1


def test_the_timeout_counts_the_waiting(narrow, tmp_path):
    with ab.Executor(timeout=1.0) as ex, pytest.raises(ab.TaskTimeout):
        ex.submit(hang, str(tmp_path)).result(60)


def test_what_is_not_waited_for_ends_with_its_task(narrow, tmp_path):
    def leaves(marker):
        ab.Executor().submit(hang_inside, marker)
        return "done"

    with ab.Executor() as ex:
        assert ex.submit(leaves, str(tmp_path)).result(60) == "done"
        assert ex.submit(abs, -1).result(60) == 1


def test_others_run_while_a_task_waits(narrow):
    with ab.Executor() as ex, ab.Executor() as other:
        nested = ex.submit(depth, 3)
        assert list(other.map(abs, range(50))) == list(range(50))
        assert nested.result(60)


def test_too_many_that_wait_are_an_error(narrow):
    with ab.Executor() as ex, pytest.raises(ab.TaskError, match=r"8 others.*--most-waiting"):
        ex.submit(depth, 10).result(60)


def test_a_search_is_fitted_inside_a_fit(narrow):
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = (X[:, 0] > 0).astype(int)
    search = GridSearchCV(Own(), {"max_depth": [1, 2]}, cv=2)
    run = ab.from_sklearn(make_pipeline(StandardScaler(), search)).fit(X, y)
    assert run.state == "succeeded", run.failed
    expected = make_pipeline(StandardScaler(), search).fit(X, y)
    path = run.select(run["gridsearchcv"][0])
    np.testing.assert_array_equal(path.predict(X), expected.predict(X))
