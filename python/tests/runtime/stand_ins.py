"""Estimators that tests send by reference: the runtime finds this module on its import path."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin


class RowRecorder(TransformerMixin, BaseEstimator):
    """Remembers the row ids (first column of X) that its fit saw."""

    def fit(self, X, y=None):
        self.seen_ = np.array(X[:, 0])
        return self

    def transform(self, X):
        return np.array(X)


class InPlaceScaler(TransformerMixin, BaseEstimator):
    """Writes to its input, as compiled code with non-const buffers does."""

    def __init__(self, factor=2.0):
        self.factor = factor

    def fit(self, X, y=None):
        X *= self.factor
        self.sum_ = float(np.sum(np.asarray(X)))
        return self

    def transform(self, X):
        X *= self.factor
        return X


class InPlaceModel(TransformerMixin, BaseEstimator):
    """Writes to its own learned attributes."""

    def fit(self, X, y=None):
        self.counts_ = np.zeros(4096)
        return self

    def transform(self, X):
        self.counts_[0] += 1
        return X + self.counts_[0]


class MeanOfLists(ClassifierMixin, BaseEstimator):
    """An AND node's estimator: its methods take a list of arrays."""

    def fit(self, inputs, y):
        self.width_ = [np.shape(X) for X in inputs]
        self.classes_ = np.unique(y)
        return self

    def predict(self, inputs):
        return self.classes_[(np.mean([np.ravel(X) for X in inputs], axis=0) > 0.5).astype(int)]


class NoTags:
    """Neither scikit-learn's base class nor its conventions for parameters."""

    def fit(self, X):
        self.rows = len(X)

    def predict(self, X):
        return np.full(len(X), self.rows)


class Unpicklable(BaseEstimator):
    """Learns something that cannot leave the process."""

    def fit(self, X, y=None):
        self.generator_ = (i for i in range(3))
        return self


class OwnError(Exception):
    """Cannot be unpickled by itself: its signature is not that of its arguments."""

    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")
        self.code = code


class Predicts:
    """Predicts what it was made with, and has no score."""

    def __init__(self, values):
        self.values = values

    def predict(self, X):
        return self.values
