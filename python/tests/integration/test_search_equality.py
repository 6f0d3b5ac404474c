"""Searches and validations are scikit-learn's to the bit: both are run, and all that they say is compared but times."""

from __future__ import annotations

import copy
import gc
import os

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
import sklearn.model_selection as theirs
from random_searches import Draw, data
from random_searches import Y as DRAWN_Y
from same_search import assert_same, assert_same_search, assert_same_warnings, first_words, fitted
from search_cases import CASES, FRAME, GROUPS, TEXT_Y, TEXTS, TWO, WEIGHTS, Grumpy, GrumpyScaler, X, Y, data_of, steps
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

import anabranch as ab

pytestmark = pytest.mark.versions

ours = ab.model_selection


@pytest.fixture(scope="module", autouse=True)
def little_to_collect():
    """Each test ends with a collection, which would look at all of scikit-learn each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def counterpart(search):
    """The same search of ours."""
    return getattr(ours, type(search).__name__)(**search.get_params(deep=False))


@pytest.mark.parametrize("where", ["pool", "here"])
@pytest.mark.parametrize("name", CASES)
def test_searches_are_equal(name, where, pool):
    kind, estimator, candidates, options, params = CASES[name]
    data = data_of(name)

    def search():
        # Each its own: a RandomState is used up.
        return kind(clone(estimator), *copy.deepcopy((candidates,)), **copy.deepcopy(options))

    # As is the data: a refit may write to it.
    other, said_there = fitted(search(), *copy.deepcopy(data), **params)
    with ours.options(where=where):
        mine, said_here = fitted(counterpart(search()), *copy.deepcopy(data), **params)
    assert not isinstance(other, Exception), other
    if isinstance(mine, Exception):
        raise mine
    assert_same_search(mine, other, data[0])
    assert_same_warnings(said_here, said_there)


@pytest.mark.parametrize("seed", range(int(os.environ.get("ANABRANCH_RANDOM_SEARCHES", "40"))))
def test_searches_drawn_at_random_are_equal(seed, pool):
    draw = Draw(seed)

    def results(kind):
        search = kind(clone(draw.estimator), copy.deepcopy(draw.grid), **copy.deepcopy(draw.options))
        found, _ = fitted(search, data(draw.kind), DRAWN_Y)
        # All fits of some fail, and that is an answer too.
        return found if isinstance(found, Exception) else found.cv_results_

    other = results(theirs.GridSearchCV)
    with ours.options(where=("pool", "here")[seed % 2]):
        mine = results(ours.GridSearchCV)
    if isinstance(other, Exception) or isinstance(mine, Exception):
        assert type(mine) is type(other), (mine, other)
    else:
        assert_same(mine, other, "cv_results_")


@pytest.mark.parametrize("kind", ["HalvingGridSearchCV", "HalvingRandomSearchCV"])
@pytest.mark.parametrize("resource", ["n_samples", "estimator__n_estimators"])
def test_halving_is_equal(kind, resource, pool):
    estimator = Pipeline([("scale", StandardScaler()), ("estimator", ExtraTreesClassifier(4, random_state=0))])
    grid = {"estimator__max_depth": [1, 2, 3, 4], "estimator__min_samples_leaf": [1, 5]}
    options = {"resource": resource, "cv": 2, "random_state": 1, "min_resources": 30}
    if resource != "n_samples":
        options |= {"max_resources": 9, "min_resources": 1}
    other, said_there = fitted(getattr(theirs, kind)(estimator, grid, **options), X, Y)
    mine, said_here = fitted(getattr(ours, kind)(estimator, grid, **options), X, Y)
    assert_same_search(mine, other, X)
    assert_same(mine.n_remaining_candidates_, other.n_remaining_candidates_)
    assert_same_warnings(said_here, said_there)


@pytest.mark.parametrize(
    ("data", "estimator", "grid"),
    [
        (
            (sp.csr_matrix(np.where(X > 0.5, X, 0)), Y),
            make_pipeline(TruncatedSVD(3, random_state=0), GaussianNB()),
            {"truncatedsvd__n_components": [2, 3], "gaussiannb__var_smoothing": [1e-9, 1e-3]},
        ),
        (
            (FRAME, TWO),
            make_pipeline(
                ColumnTransformer(
                    [
                        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b"]),
                        ("kinds", OneHotEncoder(handle_unknown="ignore"), ["kind", "size"]),
                    ],
                    remainder="passthrough",
                ),
                LogisticRegression(max_iter=40),
            ),
            {"columntransformer__remainder": ["drop", "passthrough"], "logisticregression__C": [0.1, 1.0]},
        ),
        (
            (FRAME[["a", "b"]].rename(columns=str.upper), pd.Series(TWO, index=FRAME.index[::-1], name="late")),
            make_pipeline(StandardScaler().set_output(transform="pandas"), DecisionTreeClassifier(random_state=0)),
            {"decisiontreeclassifier__max_depth": [1, 2], "standardscaler__with_std": [True, False]},
        ),
        (
            (TEXTS, TEXT_Y),
            make_pipeline(CountVectorizer(), TfidfTransformer(), SGDClassifier(random_state=0, max_iter=20)),
            {"countvectorizer__ngram_range": [(1, 1), (1, 2)], "sgdclassifier__alpha": [1e-4, 1e-2]},
        ),
        (
            (np.asfortranarray(X), [["a", "b", "c"][label] for label in Y]),
            steps(),
            {"pca__n_components": [2, 3], "clf__C": [0.1, 1.0]},
        ),
        (
            (X.astype(np.float32)[:, ::2], Y),
            make_pipeline(StandardScaler(), SelectKBest(k=3), GaussianNB()),
            {"selectkbest__k": [1, 2], "gaussiannb__var_smoothing": [1e-9, 1e-3]},
        ),
        ((X,), make_pipeline(StandardScaler(), KMeans(3, n_init=1, random_state=0)), {"kmeans__n_clusters": [2, 3]}),
    ],
    ids=["sparse", "mixed columns", "frame and series", "texts", "columns first", "strided", "no y"],
)
def test_kinds_of_data(data, estimator, grid, pool):
    other, said_there = fitted(theirs.GridSearchCV(estimator, grid, cv=3), *data)
    mine, said_here = fitted(ours.GridSearchCV(estimator, grid, cv=3), *data)
    assert not isinstance(other, Exception), other
    if isinstance(mine, Exception):
        raise mine
    assert_same_search(mine, other, data[0])
    assert hasattr(mine, "feature_names_in_") == hasattr(other, "feature_names_in_")
    assert_same_warnings(said_here, said_there)


def routed():
    """A pipeline that asks for weights, and what a search or a validation of it is told; within a routing context."""
    scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
    estimator = steps(
        scaler=StandardScaler().set_fit_request(sample_weight=True),
        clf=LogisticRegression(max_iter=40).set_fit_request(sample_weight=True),
    )
    return estimator, {"cv": theirs.GroupKFold(3), "scoring": scorer}, {"sample_weight": WEIGHTS, "groups": GROUPS}


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("GridSearchCV", {}),
        ("RandomizedSearchCV", {"n_iter": 3, "random_state": 0}),
        ("HalvingGridSearchCV", {"random_state": 0, "min_resources": 60}),
        ("HalvingRandomSearchCV", {"random_state": 0, "min_resources": 60, "n_candidates": 4}),
    ],
)
def test_metadata_routing(name, more, pool):
    with sklearn.config_context(enable_metadata_routing=True):
        estimator, options, params = routed()
        grid = {"pca__n_components": [2, 4], "clf__C": [0.1, 1.0]}
        other, _ = fitted(getattr(theirs, name)(estimator, grid, **options, **more), X, Y, **params)
        mine, _ = fitted(getattr(ours, name)(estimator, grid, **options, **more), X, Y, **params)
        assert not isinstance(other, Exception), other
        assert not isinstance(mine, Exception), mine
        assert_same_search(mine, other, X)
        assert mine.score(X, Y, sample_weight=WEIGHTS) == other.score(X, Y, sample_weight=WEIGHTS)


@pytest.mark.parametrize("name", ["cross_validate", "cross_val_score", "cross_val_predict"])
def test_metadata_routing_in_validations(name, pool):
    with sklearn.config_context(enable_metadata_routing=True), threadpool_limits(1):
        estimator, options, params = routed()
        if name == "cross_val_predict":
            del options["scoring"]
        given = {"params": params, **options}
        assert_same(getattr(ours, name)(estimator, X, Y, **given), getattr(theirs, name)(estimator, X, Y, **given))


def test_metadata_routing_through_a_search_in_a_search(pool):
    with sklearn.config_context(enable_metadata_routing=True), threadpool_limits(1):
        estimator, options, params = routed()
        scores = []
        for module in (ours, theirs):
            inner = module.GridSearchCV(estimator, {"clf__C": [0.1, 1.0]}, **options)
            scores.append(module.cross_validate(inner, X, Y, params=params, **options))
        assert_same(*scores)


@pytest.mark.parametrize(
    ("estimator", "grid", "options", "params"),
    [
        (steps(), {"clf__nothing": [1]}, {}, {}),
        (steps(), {"clf__C": []}, {}, {}),
        (steps(), {"clf__C": 1.0}, {}, {}),
        (steps(), {"clf__C": [1.0]}, {"cv": 1}, {}),
        (steps(), {"clf__C": [1.0]}, {"cv": []}, {}),
        (steps(), {"clf__C": [1.0]}, {"scoring": "nonsense"}, {}),
        (steps(), {"clf__C": [1.0]}, {"scoring": ["accuracy", "f1_macro"]}, {}),
        (steps(), {"clf__C": [1.0]}, {"error_score": "nonsense"}, {}),
        (steps(), {"clf__C": [1.0]}, {"refit": lambda results: 7}, {}),
        (steps(), {"clf__C": [1.0]}, {"cv": theirs.GroupKFold(3)}, {}),
        (steps(), {"clf__C": [1.0]}, {}, {"clf__sample_weight": WEIGHTS[:5]}),
        (steps(clf=Grumpy("bad")), {"clf__level": [0, 1]}, {}, {}),
        (steps(clf=Grumpy("bad")), {"clf__level": [0, 1]}, {"error_score": "raise"}, {}),
        (steps(scaler=GrumpyScaler("bad")), {"clf__C": [0.1, 1]}, {"error_score": "raise"}, {}),
        (steps(clf=Grumpy("speechless")), {"clf__level": [0, 1]}, {"error_score": "raise"}, {}),
        (steps(), {"clf__C": [1.0]}, {"scoring": lambda estimator, X, y: "high"}, {}),
        (steps(), {"scale": [3], "clf__C": [0.1, 1.0]}, {"error_score": "raise"}, {}),
        ("nothing", {"a": [1]}, {}, {}),
    ],
)
def test_bad_input_gets_what_scikit_learn_gives(estimator, grid, options, params, pool):
    other, _ = fitted(theirs.GridSearchCV(estimator, grid, **options), X, Y, **params)
    mine, _ = fitted(ours.GridSearchCV(estimator, grid, **options), X, Y, **params)
    assert isinstance(other, Exception) and isinstance(mine, Exception)
    assert type(mine) is type(other)
    assert first_words(mine).split(". ")[0] == first_words(other).split(". ")[0]


def both(name, *arguments, **named):
    with threadpool_limits(1):
        return (getattr(module, name)(*arguments, **named) for module in (ours, theirs))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scoring": ["accuracy", "f1_macro"], "return_train_score": True},
        {"return_estimator": True, "return_indices": True, "cv": 3},
        {"cv": theirs.GroupKFold(3), "groups": GROUPS, "params": {"clf__sample_weight": WEIGHTS}},
    ],
)
def test_cross_validate(options, pool):
    mine, other = both("cross_validate", steps(), X, Y, **options)
    assert_same(mine, other)
    for left, right in zip(mine.get("estimator", ()), other.get("estimator", ())):
        np.testing.assert_array_equal(left.predict(X), right.predict(X))


def test_the_other_validations(pool):
    for name, arguments, named in [
        ("cross_val_score", (steps(), X, Y), {"cv": 4, "scoring": "f1_macro"}),
        ("cross_val_predict", (steps(), X, Y), {"method": "predict_proba", "cv": 3}),
        ("learning_curve", (steps(), X, Y), {"cv": 3, "train_sizes": [0.5, 1.0]}),
        (
            "learning_curve",
            (SGDClassifier(random_state=0), X, Y),
            {"cv": 3, "train_sizes": [0.4, 1.0], "exploit_incremental_learning": True},
        ),
        ("validation_curve", (steps(), X, Y), {"param_name": "clf__C", "param_range": [0.1, 1.0, 10.0], "cv": 3}),
        ("permutation_test_score", (steps(), X, Y), {"cv": 3, "n_permutations": 4, "random_state": 1}),
        ("cross_val_score", (DummyClassifier(), X, Y), {"cv": theirs.LeaveOneGroupOut(), "groups": GROUPS}),
    ]:
        mine, other = both(name, *arguments, **named)
        assert_same(mine, other, name)
