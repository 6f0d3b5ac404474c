"""A search that is a node of a graph, or is fitted in a task, uses the pool that runs it."""

from __future__ import annotations

import os
import pathlib
import time

import numpy as np
import pytest
import sklearn.model_selection as theirs
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import anabranch as ab

pytestmark = [pytest.mark.usefixtures("pool"), pytest.mark.versions]

X, Y = make_classification(120, 6, random_state=0)
#: Seconds after which fits that should have met did not.
PATIENCE = 60.0


class Meets(ClassifierMixin, BaseEstimator):
    """Notes the process that fits it, and with ``others`` waits until so many processes have begun a fit."""

    def __init__(self, place="", others=0, setting=0):
        self.place = place
        self.others = others
        self.setting = setting

    def fit(self, X, y):
        pathlib.Path(self.place, str(os.getpid())).touch()
        deadline = time.monotonic() + PATIENCE
        while len(os.listdir(self.place)) < self.others:
            if time.monotonic() > deadline:
                raise TimeoutError("the fits of the search never ran at the same time")
            time.sleep(0.01)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[self.setting % 2])


def without_times(results):
    return {key: value for key, value in results.items() if not key.endswith("_time")}


def assert_same_search(mine, expected):
    np.testing.assert_equal(without_times(mine.cv_results_), without_times(expected.cv_results_))
    assert mine.best_params_ == expected.best_params_ and mine.best_score_ == expected.best_score_
    assert mine.n_splits_ == expected.n_splits_ and mine.n_features_in_ == expected.n_features_in_
    np.testing.assert_array_equal(mine.classes_, expected.classes_)


@pytest.mark.parametrize("module", [theirs, ab.model_selection], ids=["theirs", "ours"])
def test_the_fits_of_a_lowered_search_are_tasks_of_the_pool(module, tmp_path):
    # The refit is the task's own, and meets nobody any more.
    search = module.GridSearchCV(Meets(str(tmp_path), others=2), {"setting": [0, 1]}, cv=2)
    run = ab.from_sklearn(make_pipeline(StandardScaler(), search)).fit(X, Y)
    assert run.state == "succeeded", run.failed
    assert len(os.listdir(tmp_path)) >= 2


class Counted(StandardScaler):
    """Notes each of its fits in a file."""

    def __init__(self, path=None, *, copy=True, with_mean=True, with_std=True):
        super().__init__(copy=copy, with_mean=with_mean, with_std=with_std)
        self.path = path

    def fit(self, X, y=None):
        descriptor = os.open(self.path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.write(descriptor, b".")
        os.close(descriptor)
        return super().fit(X, y)


@pytest.mark.parametrize("module", [theirs, ab.model_selection], ids=["theirs", "ours"])
def test_a_lowered_search_fits_its_shared_steps_once_for_each_fold(module, tmp_path):
    pipeline = Pipeline([("scale", Counted(str(tmp_path / "fits"))), ("clf", LogisticRegression())])
    run = ab.from_sklearn(module.GridSearchCV(pipeline, {"clf__C": [0.1, 1.0, 10.0]}, cv=3)).fit(X, Y)
    assert run.state == "succeeded", run.failed
    assert (tmp_path / "fits").stat().st_size == 3 + 1


class Own(LogisticRegression):
    """No class of scikit-learn's: its fits are for the pool, however small they are."""


SEARCHES = {
    "grid": theirs.GridSearchCV(
        make_pipeline(PCA(random_state=0), Own()),
        {"pca__n_components": [2, 4], "own__C": [0.01, 1.0]},
        cv=3,
        return_train_score=True,
    ),
    "random": theirs.RandomizedSearchCV(
        Own(), {"C": [0.01, 0.1, 1.0, 10.0]}, n_iter=3, random_state=0, scoring=["f1", "accuracy"], refit="f1"
    ),
    "nested": theirs.GridSearchCV(
        theirs.GridSearchCV(Own(), {"C": [0.01, 1.0]}, cv=2), {"estimator__tol": [1e-4, 1e-2]}, cv=2
    ),
    "here": theirs.GridSearchCV(LogisticRegression(), {"C": [0.01, 1.0]}, cv=2),
    "one at a time": theirs.GridSearchCV(Own(), {"C": [0.01, 1.0]}, cv=2, n_jobs=1),
}


@pytest.mark.parametrize("case", SEARCHES)
def test_a_lowered_search_is_scikit_learns_to_the_bit(case):
    pipeline = make_pipeline(StandardScaler(), SEARCHES[case])
    expected = clone(pipeline).fit(X, Y)
    graph = ab.from_sklearn(pipeline)
    run = graph.fit(X, Y)
    path = run.select(run[graph.sinks[0]][0])
    np.testing.assert_array_equal(path.predict(X), expected.predict(X))
    assert_same_search(path.to_sklearn()[-1], expected[-1])
    assert type(graph.to_sklearn()[-1]) is type(SEARCHES[case])


def test_a_search_among_the_members_of_a_vote_that_is_one_node(tmp_path):
    search = theirs.GridSearchCV(Meets(str(tmp_path), others=2), {"setting": [0, 1]}, cv=2)
    vote = VotingClassifier([("search", search), ("nb", GaussianNB())])
    run = ab.from_sklearn(vote, expand="none").fit(X, Y)
    assert run.state == "succeeded", run.failed
    expected = VotingClassifier([("search", clone(search)), ("nb", GaussianNB())]).fit(X, Y)
    np.testing.assert_array_equal(run["votingclassifier"][0].model.predict(X), expected.predict(X))


def test_a_search_in_a_task_of_an_executor(tmp_path):
    def fitted(place):
        search = ab.model_selection.GridSearchCV(Meets(place, others=2), {"setting": [0, 1]}, cv=2)
        return search.fit(X, Y)

    with ab.Executor() as ex:
        search = ex.submit(fitted, str(tmp_path)).result(2 * PATIENCE)
    assert search.sharing_.fits["estimator"] == 4


@pytest.mark.parametrize("how", [{"memory": "2G"}, {}], ids=["limit", "seed"])
def test_where_the_task_has_terms_of_its_own_its_fits_stay_in_it(how, tmp_path):
    search = theirs.GridSearchCV(Meets(str(tmp_path)), {"setting": [0, 1]}, cv=2)
    graph = ab.Pipeline("terms", ab.OrNode("search", search, **how))
    run = graph.fit(X, Y, seed=None if how else 0)
    assert run.state == "succeeded", run.failed
    assert len(os.listdir(tmp_path)) == 1
