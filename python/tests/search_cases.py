"""Searches on which ours and scikit-learn's must be equal, and the estimators and scorers in them."""

from __future__ import annotations

import joblib
import numpy as np
import pandas as pd
import sklearn.model_selection as theirs
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier, RandomForestRegressor
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    PowerTransformer,
    StandardScaler,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

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
    "steps that write to their input": (
        theirs.GridSearchCV,
        make_pipeline(StandardScaler(copy=False), MinMaxScaler(copy=False), PCA(2, random_state=0), GaussianNB()),
        {"pca__n_components": [2, 3], "gaussiannb__var_smoothing": [1e-9, 1e-2]},
        {"return_train_score": True, "cv": 3},
        {},
    ),
    "a model that keeps rows which a step writes to": (
        theirs.GridSearchCV,
        make_pipeline(MaxAbsScaler(copy=False), KNeighborsClassifier()),
        {"kneighborsclassifier__n_neighbors": [1, 3]},
        {"return_train_score": True, "cv": 3},
        {},
    ),
    "a branch that writes to the union's input": (
        theirs.GridSearchCV,
        make_pipeline(
            MaxAbsScaler(),
            FeatureUnion([("power", PowerTransformer(copy=False)), ("best", SelectKBest(k=2))]),
            LogisticRegression(max_iter=40),
        ),
        {"featureunion__best__k": [1, 2, 3]},
        THREE,
        {},
    ),
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
        make_pipeline(PolynomialFeatures(2), StandardScaler(), SelectKBest(k=9), Ridge(), memory=joblib.Memory(None)),
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
