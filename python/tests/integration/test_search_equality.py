"""Searches and validations are scikit-learn's to the bit: both are run, and all that they say is compared but times."""

from __future__ import annotations

import gc
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
import sklearn.model_selection as theirs
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import make_classification, make_regression
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import ExtraTreesClassifier, RandomForestRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

import anabranch as ab

ours = ab.model_selection


@pytest.fixture(scope="module", autouse=True)
def little_to_collect():
    """Each test ends with a collection, which would look at all of scikit-learn each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


X, Y = make_classification(120, 8, n_informative=5, n_classes=3, random_state=0)
XR, YR = make_regression(90, 6, noise=4.0, random_state=1)
TWO = (Y > 0).astype(int)
WEIGHTS = np.random.default_rng(2).uniform(0.5, 2.0, len(Y))
GROUPS = np.repeat(np.arange(12), 10)
FRAME = pd.DataFrame(X[:, :4], columns=list("abcd")).assign(
    kind=np.array(["red", "green", "blue"])[np.arange(len(Y)) % 3], size=pd.Categorical(np.where(X[:, 5] > 0, "s", "l"))
)
TEXTS = [" ".join(np.random.default_rng(i).choice(["sun", "rain", "snow", "wind", "fog"], 12)) for i in range(60)]
TEXT_Y = np.array(["rain" in text.split()[:6] for text in TEXTS]).astype(int)


class Grumpy(ClassifierMixin, BaseEstimator):
    """Fails on request."""

    def __init__(self, mood="good", level=0):
        self.mood = mood
        self.level = level

    def fit(self, X, y):
        if self.mood == "bad" or (self.mood == "moody" and len(X) % 2):
            raise ValueError("not today")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        if self.mood == "speechless":
            raise RuntimeError("no comment")
        return np.full(len(X), self.classes_[self.level])


class GrumpyScaler(TransformerMixin, BaseEstimator):
    """Fails on request, before or after its fit."""

    def __init__(self, mood="good"):
        self.mood = mood

    def fit(self, X, y=None):
        if self.mood == "bad":
            raise ValueError("not today")
        self.fitted_ = True
        return self

    def transform(self, X):
        if self.mood == "tired" and len(X) < 50:
            raise RuntimeError("too few rows")
        return X


class InPlace(ClassifierMixin, BaseEstimator):
    """Writes to its input, as estimators with copy=False do."""

    def __init__(self, shift=0.0):
        self.shift = shift

    def fit(self, X, y):
        X -= self.shift
        self.model_ = GaussianNB().fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        X -= self.shift
        return self.model_.predict(X)


def steps(*, scaler=None, pca=None, clf=None):
    return Pipeline(
        [
            ("scale", scaler or StandardScaler()),
            ("pca", pca or PCA(random_state=0)),
            ("clf", clf or LogisticRegression(max_iter=40)),
        ]
    )


def two_scores(estimator, X, y):
    predicted = estimator.predict(X)
    return {"right": accuracy_score(y, predicted), "ones": float(np.mean(predicted == 1))}


def stepwise(estimator, X, y):
    """Scores what lies between the steps: it sees the rows, and each step alone."""
    scaled = estimator.named_steps["scale"].transform(X)
    shuffled = estimator.predict(X[::-1])
    return float(np.abs(scaled).sum() + estimator[:-1].transform(X).sum() + np.mean(shuffled == y[::-1]))


def look_within(estimator, X, y):
    scaled = estimator.named_steps["pre"][:-1].transform(X)
    return float(scaled[:, 0].max() + estimator.named_steps["pre"].transform(X).sum() + estimator.score(X, y))


def least_features(results):
    return int(np.lexsort((-results["mean_test_score"], results["param_pca__n_components"].filled(99).astype(int)))[0])


THREE = {"cv": 3}
PCA_AND_C = {"pca__n_components": [2, 4], "clf__C": [0.1, 1.0, 10.0]}
CASES = {
    "grid over a pipeline": (theirs.GridSearchCV, steps(), PCA_AND_C, {}, {}),
    "train scores": (theirs.GridSearchCV, steps(), PCA_AND_C, {"return_train_score": True, "cv": 3}, {}),
    "last step alone": (theirs.GridSearchCV, steps(), {"clf__C": [0.1, 1.0]}, THREE, {}),
    "first step": (theirs.GridSearchCV, steps(), {"scale__with_mean": [True, False], "clf__C": [0.1, 1]}, THREE, {}),
    "list of grids": (
        theirs.GridSearchCV,
        steps(),
        [
            {"clf__C": [0.1, 1.0], "pca__n_components": [3]},
            {"clf": [GaussianNB(), SVC(gamma=0.1)], "scale": [MinMaxScaler(), StandardScaler()]},
        ],
        THREE,
        {},
    ),
    "steps replaced and left out": (
        theirs.GridSearchCV,
        steps(),
        {"pca": ["passthrough", PCA(2, random_state=0), None], "scale": ["passthrough", StandardScaler()]},
        THREE,
        {},
    ),
    "one estimator": (theirs.GridSearchCV, SVC(), {"C": [0.1, 1.0], "kernel": ["linear", "rbf"]}, {"cv": 4}, {}),
    "regression": (theirs.GridSearchCV, make_pipeline(MinMaxScaler(), Ridge()), {"ridge__alpha": [0.1, 1, 9]}, {}, {}),
    "forest in a target transformer": (
        theirs.GridSearchCV,
        TransformedTargetRegressor(RandomForestRegressor(5, random_state=0), transformer=StandardScaler()),
        {"regressor__max_depth": [2, 4]},
        THREE,
        {},
    ),
    "several metrics": (
        theirs.GridSearchCV,
        steps(),
        PCA_AND_C,
        {"scoring": ["accuracy", "neg_log_loss", "f1_macro"], "refit": "neg_log_loss", "cv": 3},
        {},
    ),
    "metrics by name, no refit": (
        theirs.GridSearchCV,
        steps(),
        PCA_AND_C,
        {"scoring": {"a": "accuracy", "b": make_scorer(accuracy_score)}, "refit": False, "cv": 3},
        {},
    ),
    "a callable scorer of several": (
        theirs.GridSearchCV,
        steps(),
        PCA_AND_C,
        {"scoring": two_scores, "refit": "right", "return_train_score": True, "cv": 3},
        {},
    ),
    "a scorer that looks between the steps": (
        theirs.GridSearchCV,
        steps(),
        PCA_AND_C,
        {"scoring": stepwise, "return_train_score": True, "cv": 3},
        {},
    ),
    "a callable refit": (theirs.GridSearchCV, steps(), PCA_AND_C, {"refit": least_features, "cv": 3}, {}),
    "sample weights": (
        theirs.GridSearchCV,
        steps(),
        {"pca__n_components": [2, 4], "clf__C": [0.1, 1.0]},
        THREE,
        {"clf__sample_weight": WEIGHTS},
    ),
    "weights of a step and of an estimator": (
        theirs.GridSearchCV,
        steps(),
        {"pca__n_components": [2, 3]},
        THREE,
        {"scale__sample_weight": WEIGHTS, "clf__sample_weight": WEIGHTS},
    ),
    "weights in the scorer": (
        theirs.GridSearchCV,
        LogisticRegression(max_iter=40),
        {"C": [0.1, 1.0]},
        {"cv": 3, "scoring": "accuracy"},
        {"sample_weight": WEIGHTS},
    ),
    "groups": (theirs.GridSearchCV, steps(), PCA_AND_C, {"cv": theirs.GroupKFold(3)}, {"groups": GROUPS}),
    "folds as a list": (
        theirs.GridSearchCV,
        steps(),
        PCA_AND_C,
        {"cv": [(np.arange(40, 120), np.arange(40)), (np.arange(80), np.arange(80, 120))]},
        {},
    ),
    "folds as masks": (
        theirs.GridSearchCV,
        steps(),
        {"clf__C": [0.1, 1]},
        {"cv": [(np.arange(120) % 3 > 0, np.arange(120) % 3 == 0), (np.arange(120) % 2 > 0, np.arange(120) % 2 == 0)]},
        {},
    ),
    "shuffled, repeated": (
        theirs.GridSearchCV,
        steps(),
        {"clf__C": [0.1, 1.0]},
        {"cv": theirs.RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=3)},
        {},
    ),
    "test rows that are training rows": (
        theirs.GridSearchCV,
        steps(),
        {"clf__C": [0.1, 1.0]},
        {"cv": [(np.arange(120), np.arange(120))], "return_train_score": True},
        {},
    ),
    "fits that fail": (
        theirs.GridSearchCV,
        steps(clf=Grumpy()),
        {"clf__mood": ["good", "bad"], "clf__level": [0, 1]},
        {"cv": 3, "error_score": np.nan, "return_train_score": True},
        {},
    ),
    "a shared step that fails": (
        theirs.GridSearchCV,
        steps(scaler=GrumpyScaler()),
        {"scale__mood": ["good", "bad"], "pca__n_components": [2, 3], "clf__C": [0.1, 1.0]},
        {"cv": 3, "error_score": -1, "return_train_score": True},
        {},
    ),
    "a shared step that fails in scoring": (
        theirs.GridSearchCV,
        steps(scaler=GrumpyScaler()),
        {"scale__mood": ["good", "tired"], "pca__n_components": [2, 3], "clf__C": [0.1, 1.0]},
        {"cv": 3, "error_score": 0.5},
        {},
    ),
    "scores that fail": (
        theirs.GridSearchCV,
        steps(clf=Grumpy()),
        {"clf__mood": ["good", "speechless"]},
        {"cv": 3, "scoring": ["accuracy", "f1_macro"], "refit": False},
        {},
    ),
    "an estimator that writes to its input": (
        theirs.GridSearchCV,
        make_pipeline(StandardScaler(), InPlace()),
        {"inplace__shift": [0.0, 0.5]},
        THREE,
        {},
    ),
    "a random search": (
        theirs.RandomizedSearchCV,
        steps(),
        {"pca__n_components": [2, 3, 4], "clf__C": np.logspace(-2, 2, 20)},
        {"n_iter": 8, "random_state": 4, "cv": 3},
        {},
    ),
    "seeded by a RandomState": (
        theirs.RandomizedSearchCV,
        make_pipeline(PCA(3, svd_solver="randomized", random_state=np.random.RandomState(5)), ExtraTreesClassifier(5)),
        {"extratreesclassifier__max_depth": [2, 3], "extratreesclassifier__random_state": [np.random.RandomState(6)]},
        {"n_iter": 2, "random_state": np.random.RandomState(7), "cv": 3},
        {},
    ),
    "nested pipelines": (
        theirs.GridSearchCV,
        Pipeline([("pre", make_pipeline(StandardScaler(), PCA(random_state=0))), ("clf", GaussianNB())]),
        {"pre__pca__n_components": [2, 3], "clf__var_smoothing": [1e-9, 1e-3]},
        {"cv": 3, "return_train_score": True, "scoring": look_within},
        {},
    ),
    "a union of features": (
        theirs.GridSearchCV,
        make_pipeline(FeatureUnion([("pca", PCA(2, random_state=0)), ("best", SelectKBest(k=3))]), GaussianNB()),
        {"featureunion__best__k": [1, 2], "gaussiannb__var_smoothing": [1e-9, 1e-3]},
        THREE,
        {},
    ),
    "set_output": (
        theirs.GridSearchCV,
        steps().set_output(transform="pandas"),
        {"pca__n_components": [2, 3], "clf__C": [0.1, 1.0]},
        THREE,
        {},
    ),
    "a pipeline with memory": (
        theirs.GridSearchCV,
        make_pipeline(PolynomialFeatures(2), StandardScaler(), SelectKBest(k=9), Ridge()),
        {"selectkbest__k": [5, 9], "ridge__alpha": [0.1, 1.0]},
        THREE,
        {},
    ),
    "lists in a grid": (
        theirs.GridSearchCV,
        make_pipeline(FunctionTransformer(kw_args={}), DecisionTreeClassifier(random_state=0)),
        {
            "functiontransformer__func": [None, np.abs, np.tanh],
            "decisiontreeclassifier__class_weight": [None, {0: 1, 1: 2, 2: 1}],
        },
        THREE,
        {},
    ),
}


def data_of(name):
    if name in ("regression", "forest in a target transformer", "a pipeline with memory"):
        return XR, YR
    return X, Y


def assert_same_warnings(said_here, said_there):
    # Older ones do not give the filters of their process to others.
    if tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 7):
        assert said_here == said_there


def counterpart(search):
    """The same search of ours."""
    return getattr(ours, type(search).__name__)(**search.get_params(deep=False))


def fitted(search, *data, **params):
    """A fitted search and what it warned of, or what it raised."""
    with warnings.catch_warnings(record=True) as log, threadpool_limits(1):
        warnings.simplefilter("always")
        try:
            search.fit(*data, **params)
        except Exception as error:
            return error, []
    return search, sorted({(one.category.__name__, first_words(one.message)) for one in log})


def without_addresses(value):
    return re.sub(r"0x[0-9a-fA-F]+", "", str(value))


def first_words(message):
    return without_addresses(message).strip().split("\n")[0]


def assert_same(mine, other, path="value"):
    """Equal to the bit: types, dtypes, masks, order of keys."""
    assert type(mine) is type(other), path
    if isinstance(other, dict):
        assert list(mine) == list(other), path
        for key in other:
            if not str(key).endswith("_time") and "_time_" not in str(key):
                assert_same(mine[key], other[key], f"{path}[{key!r}]")
    elif isinstance(other, (list, tuple)):
        assert len(mine) == len(other), path
        for index, (left, right) in enumerate(zip(mine, other)):
            assert_same(left, right, f"{path}[{index}]")
    elif isinstance(other, np.ma.MaskedArray):
        assert mine.dtype == other.dtype and mine.shape == other.shape, path
        np.testing.assert_array_equal(np.ma.getmaskarray(mine), np.ma.getmaskarray(other), path)
        assert_same(mine.compressed().tolist(), other.compressed().tolist(), path)
    elif isinstance(other, np.ndarray):
        assert mine.dtype == other.dtype, path
        if other.dtype.hasobject:
            assert_same(mine.tolist(), other.tolist(), path)
        else:
            np.testing.assert_array_equal(mine, other, path)
    elif isinstance(other, BaseEstimator):
        assert without_addresses(mine) == without_addresses(other), path
    elif isinstance(other, np.random.RandomState):
        assert_same(mine.get_state(), other.get_state(), path)
    elif isinstance(other, float) and np.isnan(other):
        assert np.isnan(mine), path
    else:
        assert mine == other, path


def assert_same_search(mine, other, rows):
    assert_same(mine.cv_results_, other.cv_results_, "cv_results_")
    names = ("best_index_", "best_score_", "best_params_", "n_splits_", "multimetric_", "n_resources_", "n_candidates_")
    for name in names:
        assert hasattr(mine, name) == hasattr(other, name), name
        if hasattr(other, name):
            assert_same(getattr(mine, name), getattr(other, name), name)
    assert hasattr(mine, "best_estimator_") == hasattr(other, "best_estimator_")
    if hasattr(other, "best_estimator_"):
        assert_same(mine.best_estimator_, other.best_estimator_)
        np.testing.assert_array_equal(mine.predict(rows), other.predict(rows))
        assert getattr(mine, "n_features_in_", None) == getattr(other, "n_features_in_", None)


@pytest.mark.parametrize("name", CASES)
def test_searches_are_equal(name, pool):
    kind, estimator, candidates, options, params = CASES[name]
    data = data_of(name)

    def search():
        # Each its own: a RandomState is used up.
        import copy

        return kind(clone(estimator), *copy.deepcopy((candidates,)), **copy.deepcopy(options))

    other, said_there = fitted(search(), *data, **params)
    mine, said_here = fitted(counterpart(search()), *data, **params)
    assert not isinstance(other, Exception), other
    if isinstance(mine, Exception):
        raise mine
    assert_same_search(mine, other, data[0])
    assert_same_warnings(said_here, said_there)


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


def test_metadata_routing(pool):
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        estimator = steps(
            scaler=StandardScaler().set_fit_request(sample_weight=True),
            clf=LogisticRegression(max_iter=40).set_fit_request(sample_weight=True),
        )
        grid = {"pca__n_components": [2, 4], "clf__C": [0.1, 1.0]}
        options = {"cv": theirs.GroupKFold(3), "scoring": scorer}
        params = {"sample_weight": WEIGHTS, "groups": GROUPS}
        other, _ = fitted(theirs.GridSearchCV(estimator, grid, **options), X, Y, **params)
        mine, _ = fitted(ours.GridSearchCV(estimator, grid, **options), X, Y, **params)
        assert_same_search(mine, other, X)
        assert mine.score(X, Y, sample_weight=WEIGHTS) == other.score(X, Y, sample_weight=WEIGHTS)


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
