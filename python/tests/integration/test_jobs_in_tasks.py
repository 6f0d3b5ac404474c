"""``n_jobs`` of estimators in tasks: their calls use slots of the pool that are free."""

from __future__ import annotations

import os
import pathlib
import threading
import time

import joblib
import numpy as np
import pytest
import sklearn.model_selection as theirs
from same_search import assert_same
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import anabranch as ab

pytestmark = pytest.mark.usefixtures("pool")

X, Y = make_classification(200, 6, random_state=0)
#: Seconds after which fits that should have met did not.
PATIENCE = 60.0


def meet(place, others):
    """Note this process, and wait until so many have done so."""
    pathlib.Path(place, str(os.getpid())).touch()
    deadline = time.monotonic() + PATIENCE
    while len(os.listdir(place)) < others:
        if time.monotonic() > deadline:
            raise TimeoutError("the calls never ran at the same time")
        time.sleep(0.01)


class Meets(DecisionTreeClassifier):
    """A tree that is fitted when so many processes fit one."""

    def __init__(self, place="", others=1, random_state=0):
        super().__init__(random_state=random_state, max_depth=3)
        self.place = place
        self.others = others

    def fit(self, X, y, sample_weight=None, check_input=True):
        meet(self.place, self.others)
        return super().fit(X, y, sample_weight, check_input)


class Calls(ClassifierMixin, BaseEstimator):
    """Gives joblib some calls, and keeps what they return."""

    def __init__(self, function=os.getpid, arguments=(), count=2, n_jobs=-1, prefer=None):
        self.function = function
        self.arguments = arguments
        self.count = count
        self.n_jobs = n_jobs
        self.prefer = prefer

    def fit(self, X, y):
        call = joblib.delayed(self.function)
        parallel = joblib.Parallel(n_jobs=self.n_jobs, prefer=self.prefer)
        self.classes_, self.process_ = np.unique(y), os.getpid()
        self.results_ = parallel(call(*self.arguments) for _ in range(self.count))
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def bags(base, **options):
    return BaggingClassifier(base, **{"n_estimators": 2, "n_jobs": 2, "random_state": 0, **options})


def node_of(estimator, *, seed=None, **how):
    graph = ab.Pipeline("jobs", ab.OrNode("node", estimator, **how))
    run = graph.fit(X, Y, seed=seed)
    assert run.state == "succeeded", run.failed
    return run["node"][0].model


def place_and_pid(place, others):
    meet(place, others)
    return os.getpid()


def fails(place):
    meet(place, 2)
    raise LookupError("not this one")


def nap():
    time.sleep(0.1)
    return os.getpid()


def nested():
    return joblib.effective_n_jobs(-1)


def thread():
    return os.getpid(), threading.get_ident()


def test_the_fits_of_a_node_meet_in_several_processes(tmp_path):
    model = node_of(bags(Meets(str(tmp_path), 2)))
    assert len(os.listdir(tmp_path)) == 2
    # Its own processes are not wanted here.
    model.set_params(n_jobs=1)
    expected = bags(Meets(str(tmp_path), 1), n_jobs=1).fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


def test_a_step_of_a_search_uses_free_slots(tmp_path):
    pipeline = make_pipeline(StandardScaler(), bags(Meets(str(tmp_path), 2)))
    with ab.model_selection.options(where="pool"):
        mine = ab.model_selection.cross_validate(pipeline, X, Y, cv=[(np.arange(150), np.arange(150, 200))])
    assert len(os.listdir(tmp_path)) >= 2
    pipeline.set_params(baggingclassifier__estimator__others=1, baggingclassifier__n_jobs=1)
    other = theirs.cross_validate(pipeline, X, Y, cv=[(np.arange(150), np.arange(150, 200))])
    assert_same(mine["test_score"], other["test_score"])


@pytest.mark.parametrize("where", ["pool", "here"])
def test_a_search_over_bags_is_scikit_learns(where):
    estimator, grid = bags(LogisticRegression(), n_estimators=7), {"max_samples": [0.5, 0.8]}
    options = {"cv": 3, "scoring": ["accuracy", "neg_log_loss"], "refit": False}
    with ab.model_selection.options(where=where):
        mine = ab.model_selection.GridSearchCV(estimator, grid, **options).fit(X, Y)
    with joblib.parallel_config("threading"):
        other = theirs.GridSearchCV(estimator, grid, **options).fit(X, Y)
    assert_same(mine.cv_results_, other.cv_results_)


def test_small_calls_stay_in_the_task():
    model = node_of(Calls(count=50))
    assert set(model.results_) == {model.process_}


def test_one_level_and_no_more():
    assert set(node_of(Calls(nested, count=2)).results_) == {1}


def test_those_that_prefer_threads_stay_in_the_task():
    model = node_of(Calls(thread, count=4, prefer="threads"))
    assert {process for process, _ in model.results_} == {model.process_}
    forest = RandomForestClassifier(5, n_jobs=-1, random_state=0)
    np.testing.assert_array_equal(node_of(forest).predict_proba(X), forest.fit(X, Y).predict_proba(X))


def test_what_a_call_raises_on_another_slot_fails_the_node(tmp_path):
    run = ab.from_sklearn(Calls(fails, (str(tmp_path),))).fit(X, Y)
    assert run.state == "failed"
    assert len(os.listdir(tmp_path)) == 2
    assert "not this one" in str(run.failed[0].error)


def test_a_run_with_a_seed_keeps_its_calls(tmp_path):
    model = node_of(Calls(place_and_pid, (str(tmp_path), 1)), seed=0)
    assert set(model.results_) == {model.process_}


@pytest.fixture
def narrow(session_pool):
    """A pool of one slot, in the place of the session's."""
    ab.shutdown()
    ab.init(slots=1)
    yield
    ab.shutdown()
    ab.init(slots=2)


@pytest.mark.leaves("children", "descriptors", "stores")
def test_on_one_slot_all_stays_in_the_task(narrow):
    model = node_of(Calls(nap, count=4), threads=1)
    assert set(model.results_) == {model.process_}
