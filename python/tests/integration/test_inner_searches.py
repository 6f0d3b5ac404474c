"""Searches within tasks of others share the steps of their own candidates."""

from __future__ import annotations

import os

import joblib
import numpy as np
import pytest
import sklearn.model_selection as theirs
from same_search import assert_same, fitted
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import anabranch as ab

pytestmark = [pytest.mark.usefixtures("pool"), pytest.mark.versions]

ours = ab.model_selection
X, Y = make_classification(120, 6, random_state=0)
GRID = {"clf__C": [0.1, 1.0, 10.0, 100.0]}
MODULES = {"theirs": theirs, "ours": ours}


class Counted(TransformerMixin, BaseEstimator):
    """Notes each of its fits in a file."""

    def __init__(self, path=None):
        self.path = path

    def fit(self, X, y=None):
        descriptor = os.open(self.path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.write(descriptor, b".")
        os.close(descriptor)
        self.fitted_ = True
        return self

    def transform(self, X):
        return X


def counted(tmp_path):
    path = tmp_path / "fits"
    return Pipeline([("count", Counted(str(path))), ("clf", LogisticRegression())]), path


@pytest.mark.parametrize("where", ["pool", "here"])
@pytest.mark.parametrize("inner", MODULES)
def test_an_inner_search_fits_its_shared_steps_once_for_each_of_its_folds(tmp_path, inner, where):
    pipeline, path = counted(tmp_path)
    search = MODULES[inner].GridSearchCV(pipeline, GRID, cv=3)
    with ours.options(where=where):
        ours.cross_val_score(search, X, Y, cv=4)
    # In each outer fold: 3 inner ones, and the refit.
    assert path.stat().st_size == 4 * (3 + 1)
    # What is nested in other calls of joblib than those of a search is where it was.
    assert type(joblib.parallel.get_active_backend()[0]).__module__.startswith("joblib")


def test_an_inner_search_says_what_it_shared(tmp_path):
    pipeline, _ = counted(tmp_path)
    outer = ours.cross_validate(ours.GridSearchCV(pipeline, GRID, cv=3), X, Y, cv=2, return_estimator=True)
    for search in outer["estimator"]:
        assert search.sharing_.fits == {"count": 3, "clf": 12}
        assert search.sharing_.fits_alone == {"count": 12, "clf": 12}


def test_a_search_in_a_search_in_a_search(tmp_path):
    pipeline, path = counted(tmp_path)
    middle = theirs.GridSearchCV(theirs.GridSearchCV(pipeline, GRID, cv=2), {"estimator__clf__tol": [1e-3, 1e-4]}, cv=2)
    ours.cross_val_score(middle, X, Y, cv=2)
    # A middle fold and setting, and its refit, is an inner search of two folds, and its refit.
    assert path.stat().st_size == 2 * (2 * 2 + 1) * (2 + 1)


def test_a_search_behind_shared_steps_and_one_among_members(tmp_path):
    pipeline, path = counted(tmp_path)
    inner = theirs.GridSearchCV(pipeline, GRID, cv=3)
    behind = Pipeline([("scale", StandardScaler()), ("inner", inner)])
    ours.GridSearchCV(behind, {"inner__estimator__clf__tol": [1e-3, 1e-4]}, cv=2, refit=False).fit(X, Y)
    assert path.stat().st_size == 2 * 2 * (3 + 1)
    vote = VotingClassifier([("inner", inner), ("bayes", GaussianNB())])
    ours.GridSearchCV(vote, {"bayes__var_smoothing": [1e-9, 1e-3]}, cv=2, refit=False).fit(X, Y)
    assert path.stat().st_size == 2 * 2 * (3 + 1) + 2 * (3 + 1)


def test_a_search_that_is_a_parameter(tmp_path):
    pipeline, path = counted(tmp_path)
    behind = Pipeline([("scale", StandardScaler()), ("last", LogisticRegression())])
    grid = {"last": [theirs.GridSearchCV(pipeline, GRID, cv=3), GaussianNB()]}
    ours.GridSearchCV(behind, grid, cv=2, refit=False).fit(X, Y)
    assert path.stat().st_size == 2 * (3 + 1)


def test_unseeded_steps_of_an_inner_search_are_apart_when_asked():
    class Drawn(TransformerMixin, BaseEstimator):
        def __init__(self, random_state=None):
            self.random_state = random_state

        def fit(self, X, y=None):
            self.fitted_ = True
            return self

        def transform(self, X):
            return X

    search = ours.GridSearchCV(Pipeline([("drawn", Drawn()), ("clf", LogisticRegression())]), GRID, cv=3)
    for unseeded, fits in (("share", 3), ("apart", 12)):
        with ours.options(unseeded=unseeded, where="pool"):
            outer = ours.cross_validate(search, X, Y, cv=2, return_estimator=True)
        assert [inner.sharing_.fits["drawn"] for inner in outer["estimator"]] == [fits, fits]


INNER = {
    "shared steps": (
        make_pipeline(StandardScaler(), PCA(random_state=0), LogisticRegression()),
        {"pca__n_components": [2, 4]},
    ),
    "nothing to share": (DecisionTreeClassifier(random_state=0), {"max_depth": [1, 3]}),
    "a forest": (
        make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)),
        {"randomforestclassifier__max_depth": [1, 3]},
    ),
    "bags in a stack": (
        StackingClassifier(
            [
                ("bags", BaggingClassifier(GaussianNB(), 7, random_state=0)),
                ("tree", DecisionTreeClassifier(random_state=0)),
            ],
            BaggingClassifier(LogisticRegression(), 3, random_state=0),
            cv=2,
        ),
        {"tree__max_depth": [1, 3]},
    ),
    "fits that fail": (make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [1.0, -1.0]}),
}


@pytest.mark.parametrize("inner", MODULES)
@pytest.mark.parametrize("case", INNER)
def test_results_are_scikit_learns(case, inner):
    estimator, grid = INNER[case]
    results = []
    for module, kind in ((ours, MODULES[inner]), (theirs, theirs)):
        search = kind.GridSearchCV(estimator, grid, cv=3, return_train_score=True)
        outer = module.GridSearchCV(search, {"refit": [True], "scoring": ["accuracy", "roc_auc"]}, cv=2)
        outer, said = fitted(outer, X, Y)
        assert not isinstance(outer, Exception), outer
        results.append((outer.cv_results_, outer.best_estimator_.cv_results_, outer.predict_proba(X), said))
    for mine, other in zip(*results):
        assert_same(mine, other)


def test_cross_validation_within_an_estimator():
    class Selects(LogisticRegression):
        def fit(self, X, y):
            pipeline = make_pipeline(StandardScaler(), LogisticRegression())
            scores = ours.validation_curve(
                pipeline, X, y, param_name="logisticregression__C", param_range=[0.1, 1.0], cv=2
            )
            self.scores_ = np.asarray(scores)
            return super().fit(X, y)

    mine = ours.cross_validate(Selects(), X, Y, cv=2, return_estimator=True)["estimator"]
    other = theirs.cross_validate(Selects(), X, Y, cv=2, return_estimator=True)["estimator"]
    for left, right in zip(mine, other):
        np.testing.assert_array_equal(left.scores_, right.scores_)
