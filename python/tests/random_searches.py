"""Searches drawn at random, for comparison with scikit-learn's: any step behind any other, on any kind of data."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import scipy.sparse as sp
import sklearn.model_selection as theirs
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_selection import SelectFromModel, SelectKBest, VarianceThreshold
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

_NUMBERS = np.random.default_rng(0)
X = _NUMBERS.normal(size=(90, 6))
Y = (X[:, 0] + 0.5 * _NUMBERS.normal(size=90) > 0).astype(int) + (X[:, 1] > 1)
KINDS = ("array", "columns first", "float32", "frame", "sparse", "integers")


def data(kind):
    """The same numbers, as far as the kind can hold them."""
    if kind == "columns first":
        return np.asfortranarray(X)
    if kind == "float32":
        return X.astype(np.float32)
    if kind == "frame":
        return pd.DataFrame(X, columns=list("abcdef"))
    if kind == "sparse":
        return sp.csr_matrix(np.where(X > 0.3, X, 0))
    return (X * 10).astype(int) if kind == "integers" else X.copy()


class Draw:
    """One search: ``estimator``, ``grid``, ``options`` and the ``kind`` of its data.

    With ``writes``, steps may write to their input.
    """

    def __init__(self, seed, *, writes=True):
        self._random = random.Random(seed)
        self._writes = writes
        steps, grid = [], {}
        for number in range(self._random.randint(0, 3)):
            name = f"s{number}"
            step, settings = self._step(0)
            steps.append((name, step))
            if self._random.random() < 0.15:
                grid[name] = ["passthrough", StandardScaler(copy=False)]
            else:
                grid |= _below(name, settings)
        model, settings = self._model()
        steps.append(("model", model))
        grid |= _below("model", settings)
        names = self._random.sample(sorted(grid), min(len(grid), self._random.randint(1, 3)))
        self.grid = {name: grid[name] for name in names}
        self.estimator = Pipeline(steps)
        self.kind = self._random.choice(KINDS)
        folds = (
            3,
            theirs.StratifiedKFold(3, shuffle=True, random_state=0),
            theirs.ShuffleSplit(2, random_state=1),
            theirs.RepeatedKFold(n_splits=2, n_repeats=2, random_state=0),
        )
        self.options = {
            "cv": self._random.choice(folds),
            "return_train_score": self._random.random() < 0.5,
            "scoring": self._random.choice([None, "balanced_accuracy", ["accuracy", "f1_macro"]]),
            "refit": False,
        }

    def _model(self):
        tree = DecisionTreeClassifier(random_state=0)
        pair = [("bayes", GaussianNB()), ("tree", tree)]
        return self._random.choice(
            [
                (LogisticRegression(max_iter=30), {"C": [0.1, 1.0, 10.0]}),
                (GaussianNB(), {"var_smoothing": [1e-9, 1e-2]}),
                (tree, {"max_depth": [1, 3]}),
                (KNeighborsClassifier(3), {"n_neighbors": [1, 3]}),
                (SVC(), {"C": [0.1, 1.0], "kernel": ["linear", "rbf"]}),
                (SGDClassifier(random_state=0, max_iter=10), {"alpha": [1e-4, 1e-2]}),
                (VotingClassifier(pair), {"bayes__var_smoothing": [1e-9, 1e-2], "voting": ["hard", "soft"]}),
                (StackingClassifier(pair, LogisticRegression(max_iter=30), cv=2), {"tree__max_depth": [1, 2]}),
                (BaggingClassifier(tree, 3, random_state=0), {"estimator__max_depth": [1, 2]}),
            ]
        )

    def _step(self, depth):
        copy = self._random.random() < 0.5 or not self._writes
        plain = [
            (StandardScaler(copy=copy), {"with_mean": [True, False]}),
            (MinMaxScaler(copy=copy), {"feature_range": [(0, 1), (-1, 1)]}),
            (RobustScaler(copy=copy), {"with_centering": [True, False]}),
            (MaxAbsScaler(copy=copy), {}),
            (Normalizer(copy=copy), {"norm": ["l1", "l2"]}),
            (PowerTransformer(copy=copy), {"standardize": [True, False]}),
            (QuantileTransformer(n_quantiles=20, random_state=0, copy=copy), {}),
            (PCA(3, random_state=0, copy=copy), {"n_components": [1, 2, 3], "whiten": [True, False]}),
            (Binarizer(copy=copy), {"threshold": [0.0, 0.5]}),
            (PolynomialFeatures(2), {"interaction_only": [True, False]}),
            (SelectKBest(k=2), {"k": [1, 2, "all"]}),
            (VarianceThreshold(), {}),
            (KBinsDiscretizer(3, encode="onehot"), {"encode": ["ordinal", "onehot-dense"]}),
            (SplineTransformer(n_knots=3), {"degree": [1, 2]}),
            (SelectFromModel(DecisionTreeClassifier(random_state=0)), {"estimator__max_depth": [1, 3]}),
            (FunctionTransformer(np.abs), {}),
            (Nystroem(n_components=5, random_state=0), {"gamma": [0.1, 1.0]}),
            ("passthrough", {}),
        ]
        composite = [self._union, self._columns, self._nested] if depth < 2 else []
        drawn = self._random.choice([*plain, *composite])
        return drawn(depth + 1) if callable(drawn) else drawn

    def _parts(self, depth, *, passing):
        parts, grid = [], {}
        for number in range(self._random.randint(1, 3)):
            step, settings = self._step(depth)
            if step == "passthrough" and not passing:
                step, settings = StandardScaler(), {}
            parts.append((f"p{number}", step))
            grid |= _below(f"p{number}", settings)
        return parts, grid

    def _union(self, depth):
        parts, grid = self._parts(depth, passing=False)
        return FeatureUnion(parts), grid | {"transformer_weights": [None, {"p0": 2.0}]}

    def _columns(self, depth):
        parts, grid = self._parts(depth, passing=True)
        columns = [self._random.choice([slice(0, 3), [0, 1], [2], slice(None)]) for _ in parts]
        entries = [(*part, own) for part, own in zip(parts, columns)]
        return ColumnTransformer(entries), grid | {"remainder": ["drop", "passthrough"]}

    def _nested(self, depth):
        steps, grid = self._parts(depth, passing=True)
        return Pipeline(steps), grid


def _below(name, settings):
    return {f"{name}__{setting}": values for setting, values in settings.items()}
