"""A classifier that does its work several times over."""

from __future__ import annotations

from sklearn.base import BaseEstimator, ClassifierMixin, clone


class ScaleTestEstimator(ClassifierMixin, BaseEstimator):
    """Fit ``estimator`` ``n`` times and keep the last fit.

    Parameters
    ----------
    n : int
        Fits to make.
    estimator : classifier
        Cloned before each fit.
    """

    def __init__(self, n=1, estimator=None):
        self.n = n
        self.estimator = estimator

    def fit(self, X, y):
        """Fit a clone of ``estimator`` ``n`` times on X, shape (n_samples, n_features), and y, shape (n_samples,)."""
        for _ in range(self.n):
            self.estimator_ = clone(self.estimator).fit(X, y)
        self.classes_ = self.estimator_.classes_
        return self

    def predict(self, X):
        """Return the last fit's predictions, shape (n_samples,)."""
        return self.estimator_.predict(X)

    def predict_proba(self, X):
        """Return the last fit's probabilities, shape (n_samples, n_classes)."""
        return self.estimator_.predict_proba(X)
