"""Branches of column transformers and feature unions are fitted once for all candidates that have them."""

from __future__ import annotations

import os
import time
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn.model_selection as theirs
from same_search import assert_same_search, assert_same_warnings, fitted
from search_cases import InPlace
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.exceptions import FitFailedWarning
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import anabranch as ab

pytestmark = [pytest.mark.usefixtures("pool"), pytest.mark.versions]

ours = ab.model_selection
X, Y = make_classification(120, 8, n_informative=5, random_state=0)
FRAME = pd.DataFrame(X, columns=list("abcdefgh")).assign(kind=np.array(["red", "green", "blue"])[np.arange(len(Y)) % 3])


class Moody(TransformerMixin, BaseEstimator):
    """Fails, or ends its process, on request."""

    def __init__(self, mood="good", when="fit"):
        self.mood = mood
        self.when = when

    def fit(self, X, y=None):
        self._show("fit")
        return self

    def transform(self, X):
        if len(X) < 60:
            self._show("transform")
        return np.asarray(X)[:, :1] * 2

    def _show(self, when):
        if self.when == when and self.mood == "bad":
            raise ValueError(f"not today: {when}")
        if self.when == when and self.mood == "deadly":
            os.abort()


def columns(**options):
    branches = [
        ("few", PCA(2, random_state=0), ["a", "b", "c", "d"]),
        ("best", SelectKBest(k=1), ["e", "f", "g"]),
        ("scaled", StandardScaler(), ["h"]),
        ("words", OneHotEncoder(), ["kind"]),
    ]
    return ColumnTransformer(branches, **options)


def union(*more, **options):
    branches = [("few", PCA(2, random_state=0)), ("best", SelectKBest(k=2)), ("all", "passthrough"), *more]
    return FeatureUnion(branches, **options)


def behind(step, last=None):
    return Pipeline([("cols", step), ("clf", last or DecisionTreeClassifier(random_state=0, max_depth=3))])


def numbers_of(X):
    return [2, 3, 4]


def nothing_of(X):
    return []


HOLES = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
HOLES[:, 3:] = X[:, 3:]
FEW = {"cols__few__n_components": [1, 2, 3]}
CASES = {
    "one branch varies": (behind(columns()), FEW, FRAME),
    "a branch and the last step": (behind(columns()), {**FEW, "clf__max_depth": [1, 3]}, FRAME),
    "two branches vary": (behind(union()), {**FEW, "cols__best__k": [1, 3]}, X),
    "with a step before and one behind": (
        make_pipeline(MinMaxScaler(), union(), StandardScaler(), LogisticRegression()),
        {"featureunion__few__n_components": [1, 3], "minmaxscaler__clip": [True, False]},
        X,
    ),
    "in a nested pipeline": (
        Pipeline([("pre", Pipeline([("scale", StandardScaler()), ("cols", union())])), ("clf", LogisticRegression())]),
        {"pre__cols__best__k": [1, 2], "clf__C": [0.1, 1.0]},
        X,
    ),
    "weights vary": (behind(union()), {"cols__transformer_weights": [None, {"few": 2.0}, {"best": 0.5}]}, X),
    "weights of columns": (
        behind(columns(transformer_weights={"few": 3.0})),
        {"cols__best__k": [1, 2], "cols__transformer_weights": [{"few": 3.0}, {"few": 3.0, "words": 0.5}]},
        FRAME,
    ),
    "branches come and go": (
        behind(columns(remainder="passthrough")).set_params(cols__words="drop"),
        {"cols__best": ["drop", "passthrough", SelectKBest(k=2)], "cols__remainder": ["drop", StandardScaler()]},
        FRAME.drop(columns="kind").assign(more=X[:, 0] ** 2),
    ),
    "a branch that is a pipeline": (
        behind(
            ColumnTransformer(
                [("n", make_pipeline(SimpleImputer(), PCA(2)), [0, 1, 2]), ("b", SelectKBest(k=1), [3, 4])]
            )
        ),
        {"cols__b__k": [1, 2], "cols__n__simpleimputer__strategy": ["mean", "median"]},
        HOLES,
    ),
    "sparse": (
        behind(columns(sparse_threshold=1.0), LogisticRegression()),
        {"cols__best__k": [1, 2], "cols__words__drop": [None, "first"], "cols__sparse_threshold": [0.0, 1.0]},
        FRAME,
    ),
    "frames": (
        behind(columns(sparse_threshold=0).set_params(words__sparse_output=False).set_output(transform="pandas")),
        {**FEW, "cols__verbose_feature_names_out": [True, False]},
        FRAME,
    ),
    "columns that are chosen by a function": (
        behind(
            ColumnTransformer(
                [
                    ("few", TruncatedSVD(1, random_state=0), numbers_of),
                    ("none", PCA(1), nothing_of),
                    ("b", SelectKBest(k=1), [0, 1]),
                ],
            )
        ),
        {"cols__b__k": [1, 2], "cols__none__whiten": [True, False]},
        X,
    ),
    "a branch that fails": (
        behind(union(("moody", Moody()))),
        {"cols__moody__mood": ["good", "bad"], "cols__moody__when": ["fit", "transform"], "cols__best__k": [1, 2]},
        X,
    ),
    "a shared branch that fails": (
        behind(union(("moody", Moody("bad")))),
        {"cols__moody__when": ["fit", "transform"], **FEW},
        X,
    ),
    "a last step that writes to its input": (behind(union(), InPlace()), {**FEW, "clf__shift": [0.0, 1.0]}, X),
    "the same, alone behind its union": (behind(union(), InPlace(1.0)), FEW, X),
    "columns that are not there": (behind(columns()), FEW, FRAME.drop(columns="g")),
}


@pytest.mark.parametrize("case", CASES)
def test_results_are_scikit_learns(case):
    estimator, grid, rows = CASES[case]
    options = {"cv": 3, "return_train_score": True, "scoring": ["accuracy", "f1"], "refit": "f1"}
    mine, said = fitted(ours.GridSearchCV(estimator, grid, **options), rows, Y)
    other, said_there = fitted(theirs.GridSearchCV(estimator, grid, **options), rows, Y)
    if isinstance(other, Exception):
        assert type(mine) is type(other) and str(mine).splitlines()[:3] == str(other).splitlines()[:3]
        return
    assert not isinstance(mine, Exception), mine
    assert_same_search(mine, other, rows)
    assert_same_warnings(said, said_there)


def searched(estimator, grid, rows=FRAME, **options):
    return ours.GridSearchCV(estimator, grid, cv=5, refit=False, **options).fit(rows, Y)


def test_one_branch_varies_and_the_others_are_fitted_once_for_each_fold():
    sharing = searched(behind(columns()), {**FEW, "clf__max_depth": [1, 2, 3, 4]}).sharing_
    once, twelve = {"best", "scaled", "words"}, 12 * 5
    assert sharing.fits == {"clf": twelve, "cols": 15, "cols__few": 15} | {f"cols__{title}": 5 for title in once}
    # A transform of a branch in scoring for each of its fits, and of the union for each that is another.
    assert sharing.transforms == {name: count for name, count in sharing.fits.items() if name != "clf"}
    assert set(sharing.fits_alone.values()) == {twelve} and sharing.fits_alone.keys() == sharing.fits.keys()


def test_two_branches_vary_and_each_setting_is_fitted_once_for_each_fold():
    sharing = searched(behind(union()), {**FEW, "cols__best__k": [1, 2, 3, 4]}, X).sharing_
    assert sharing.fits == {"clf": 60, "cols": 60, "cols__few": 15, "cols__best": 20}


def test_only_the_last_step_varies_and_the_union_is_one_node():
    sharing = searched(behind(columns()), {"clf__max_depth": [1, 2, 3, 4]}).sharing_
    assert sharing.fits == {"cols": 5, "clf": 20}


def test_what_is_not_worth_a_task_stays_one_node():
    light = ColumnTransformer([("scaled", StandardScaler(), ["a", "b"]), ("words", OneHotEncoder(), ["kind"])])
    sharing = searched(behind(light), {"cols__scaled__with_mean": [True, False]}).sharing_
    assert sharing.fits == {"cols": 10, "clf": 10}


def test_another_input_is_another_branch():
    estimator = Pipeline([("scale", StandardScaler()), *behind(union()).steps])
    sharing = searched(estimator, {"scale__with_mean": [True, False], "cols__best__k": [1, 2, 3]}, X).sharing_
    assert sharing.fits == {"scale": 10, "cols": 30, "clf": 30, "cols__few": 10, "cols__best": 30}


def test_unseeded_branches_are_apart_when_asked():
    estimator, grid = behind(union(("svd", TruncatedSVD(2)))), {"cols__best__k": [1, 2]}
    assert searched(estimator, grid, X).sharing_.fits["cols__svd"] == 5
    with ours.options(unseeded="apart"):
        assert searched(estimator, grid, X).sharing_.fits == {"cols": 10, "clf": 10}


def test_a_candidates_time_has_the_branches_that_it_shares():
    class Slow(PCA):
        def fit_transform(self, X, y=None):
            until = time.monotonic() + 0.05
            while time.monotonic() < until:
                pass
            return super().fit_transform(X, y)

    results = searched(behind(union(("slow", Slow(1)))), {"cols__best__k": [1, 2]}, X).cv_results_
    assert min(results["mean_fit_time"]) >= 0.05


@pytest.mark.parametrize("shared", [False, True])
def test_a_branch_that_dies_costs_its_candidates(shared):
    estimator = behind(union(("moody", Moody("deadly" if shared else "good"))))
    grid = {"cols__best__k": [1, 2]} if shared else {"cols__moody__mood": ["good", "deadly"], "clf__max_depth": [1, 2]}
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        if shared:
            with pytest.raises(ValueError, match=r"fits failed[\s\S]*branch 'moody', which it shares"):
                searched(estimator, grid, X)
            return
        search = searched(estimator, grid, X)
    assert any(isinstance(one.message, FitFailedWarning) for one in log)
    bad = search.cv_results_["param_cols__moody__mood"] == "deadly"
    scores = search.cv_results_["mean_test_score"]
    assert np.isnan(scores[bad]).all() and not np.isnan(scores[~bad]).any()
