"""Searches that are faster in this process run here, with the results and counts that they have on the pool."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
import sklearn.model_selection as theirs
from same_search import assert_same, assert_same_search, fitted
from search_cases import InPlace, X, Y
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from threadpoolctl import threadpool_info

import anabranch as ab
from anabranch.model_selection import dispatch, here, place
from anabranch.model_selection.break_even import Costs

pytestmark = pytest.mark.versions

ours = ab.model_selection
PIPELINE = Pipeline([("scale", StandardScaler()), ("pca", PCA(random_state=0)), ("clf", LogisticRegression())])
GRID = {"pca__n_components": [2, 4], "clf__C": [0.1, 1.0, 10.0]}


@pytest.fixture
def by_itself():
    with ours.options(where="auto"):
        yield


@pytest.fixture
def no_pool(monkeypatch):
    """Have it fail to hand anything to the pool."""

    def refuse(**_):
        raise AssertionError("the pool was used")

    monkeypatch.setattr(dispatch, "Executor", refuse)


@pytest.fixture
def dear(monkeypatch):
    """No pool, and none that is worth its start."""
    monkeypatch.setattr(place, "connected", lambda: None)
    monkeypatch.setattr(place, "COSTS", Costs(start=1e9, search=1e9))


@pytest.fixture
def free(monkeypatch):
    """A pool that everything is worth, once it is known to take time."""
    monkeypatch.setattr(place, "COSTS", Costs(start=0.0, search=0.0, task=0.0))


UNION = FeatureUnion([("few", PCA(random_state=0)), ("best", PCA(3, random_state=1)), ("scaled", MinMaxScaler())])
SHARED = {
    "steps": (PIPELINE, GRID),
    "branches": (Pipeline([("union", UNION), ("clf", GaussianNB())]), {"union__few__n_components": [1, 2, 3]}),
    "a last step that writes": (Pipeline([("s", StandardScaler()), ("clf", InPlace())]), {"clf__shift": [0.0, 1.0]}),
    "one estimator": (LogisticRegression(), {"C": [0.1, 1.0]}),
}


@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize("leaves", [0, 1, 3, 8, 1000])
def test_a_search_may_leave_for_the_pool_at_any_call(name, leaves, pool, monkeypatch):
    begun = []

    def stays_here(self, answered, segments):
        begun.append(answered)
        return len(begun) <= leaves

    monkeypatch.setattr(place.Place, "stays_here", stays_here)
    monkeypatch.setattr(place.Place, "begins_here", lambda self: True)
    estimator, grid = SHARED[name]
    options = {"cv": 3, "return_train_score": True}
    mine, _ = fitted(ours.GridSearchCV(estimator, grid, **options), X, Y)
    other, _ = fitted(theirs.GridSearchCV(estimator, grid, **options), X, Y)
    assert not isinstance(mine, Exception), mine
    assert_same_search(mine, other, X)
    monkeypatch.undo()
    there = ours.GridSearchCV(estimator, grid, **options).fit(X, Y).sharing_
    assert (mine.sharing_.fits, mine.sharing_.transforms) == (there.fits, there.transforms)


def test_what_is_not_worth_the_pool_does_not_start_one(by_itself, dear, no_pool):
    search = ours.GridSearchCV(PIPELINE, GRID, cv=5).fit(X, Y)
    assert search.sharing_.fits == {"scale": 5, "pca": 10, "clf": 30}
    assert_same(ours.cross_val_score(PIPELINE, X, Y), theirs.cross_val_score(PIPELINE, X, Y))
    assert_same(
        ours.cross_val_predict(PIPELINE, X, Y, method="predict_proba"),
        theirs.cross_val_predict(PIPELINE, X, Y, method="predict_proba"),
    )


@pytest.fixture
def used(monkeypatch):
    """Has an entry for each search that went to the pool."""
    used = []
    monkeypatch.setattr(dispatch, "Executor", lambda **named: used.append(True) or ab.Executor(**named))
    return used


def test_what_is_worth_the_pool_goes_there(pool, by_itself, free, used):
    ours.GridSearchCV(PIPELINE, GRID, cv=5).fit(X, Y)
    assert used


def test_the_first_search_on_a_pool_that_stands_goes_there(pool, by_itself, used, monkeypatch):
    monkeypatch.setattr(place, "_warm", weakref.WeakSet())
    monkeypatch.setattr(place, "COSTS", Costs(start=1e9, search=1e9))
    for searches in range(3):
        ours.cross_val_score(GaussianNB(), X, Y)
        assert len(used) == 1, f"search {searches}"


def test_one_search_at_a_time_runs_here(pool, by_itself, dear, used):
    with here.turn:
        ours.cross_val_score(GaussianNB(), X, Y)
    assert len(used) == 1
    ours.cross_val_score(GaussianNB(), X, Y)
    assert len(used) == 1


class Foreign(ClassifierMixin, BaseEstimator):
    """Of a user's module: it may do anything."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)


@pytest.mark.parametrize(
    "estimator, options",
    [
        (GaussianNB(), {"timeout": 60}),
        (GaussianNB(), {"memory": "4G"}),
        (Foreign(), {}),
        (FeatureUnion([("own", Foreign())]), {}),
        (GaussianNB(), {"where": "pool"}),
    ],
)
def test_limits_and_the_code_of_others_are_for_the_pool(estimator, options, by_itself, dear, no_pool):
    with ours.options(**options), pytest.raises(AssertionError, match="the pool was used"):
        ours.cross_val_score(estimator, X, Y, scoring="accuracy", error_score="raise")


def test_limits_cannot_be_kept_here():
    with pytest.raises(ab.RequestError, match="where='here' with timeout=3"), ours.options(where="here", timeout=3):
        pass
    with pytest.raises(ab.RequestError, match="where='elsewhere'"), ours.options(where="elsewhere"):
        pass


def test_what_is_drawn_here_leaves_no_trace(no_pool):
    search = ours.GridSearchCV(ExtraTreesClassifier(3, max_features=1), {"max_depth": [2, 3, 4]}, refit=False)
    np.random.seed(0)
    expected = np.random.RandomState(0).uniform()
    with ours.options(where="here"):
        first, second = (clone(search).fit(X, Y).cv_results_["mean_test_score"] for _ in range(2))
    assert np.random.uniform() == expected
    assert not np.array_equal(first, second)


def test_a_fit_here_has_the_threads_of_a_slot(no_pool, monkeypatch):
    before = [library["num_threads"] for library in threadpool_info()]
    monkeypatch.setattr(dispatch, "expected_slots", lambda: 2)
    for cores in (2, 4):
        monkeypatch.setattr(dispatch, "available_cores", lambda cores=cores: cores)
        with ours.options(where="here"):
            threads = ours.cross_val_score(Threads(), X, Y)
        assert threads.tolist() == [cores // 2] * 5
    assert [library["num_threads"] for library in threadpool_info()] == before


class Threads(Foreign):
    """Scores the threads that it has."""

    def score(self, X, y):
        return max(library["num_threads"] for library in threadpool_info())


class Interrupted(Foreign):
    """Is interrupted by its user."""

    def fit(self, X, y):
        print("so far")
        raise KeyboardInterrupt


def test_an_interruption_ends_the_search(no_pool, capsys):
    with ours.options(where="here"), pytest.raises(KeyboardInterrupt):
        ours.cross_val_score(Interrupted(), X, Y)
    assert capsys.readouterr().out == "so far\n"


def test_models_are_kept(no_pool):
    with ours.options(where="here", top_k=2):
        search = ours.GridSearchCV(PIPELINE, GRID, cv=3).fit(X, Y)
    for kept in search.top_k_:
        for model, (train, test) in zip(kept.models, theirs.StratifiedKFold(3).split(X, Y)):
            alone = clone(PIPELINE).set_params(**kept.params).fit(X[train], Y[train])
            np.testing.assert_array_equal(model.predict_proba(X[test]), alone.predict_proba(X[test]))
    # None of them shares a step with another.
    steps = [id(step) for kept in search.top_k_ for model in kept.models for _, step in model.steps]
    assert len(set(steps)) == len(steps)


def test_progress_counts_what_runs_here(no_pool, capsys):
    with ours.options(where="here", progress=True):
        ours.GridSearchCV(PIPELINE, GRID, cv=5, refit=False).fit(X, Y)
    assert "30" in capsys.readouterr().err
