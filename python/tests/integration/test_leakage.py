"""No fit sees a test row; folds of two branches meet their own."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.model_selection import KFold

import anabranch as ab


class Remember(TransformerMixin, BaseEstimator):
    """Keeps the row ids (the first column) that it was fitted on."""

    def fit(self, X, y=None):
        self.seen_ = np.array(X[:, 0])
        return self

    def transform(self, X):
        return X


class Check(ClassifierMixin, BaseEstimator):
    """Keeps the row ids of its fit; predicts for each row whether that fit saw it."""

    def fit(self, X, y):
        self.seen_ = np.array(X[:, 0])
        self.agree_ = bool((X[:, 0] == X[:, 2]).all())
        self.classes_ = np.array([0, 1])
        return self

    def predict(self, X):
        return np.isin(X[:, 0], self.seen_).astype(int)


def test_k_folds_through_two_branches_and_an_and(pool):
    rows, folds = 60, 5
    X = np.column_stack([np.arange(rows, dtype=float), np.ones(rows)])
    y = np.zeros(rows, dtype=int)
    left, right = ab.OrNode("left", Remember()), ab.OrNode("right", Remember())
    both = ab.AndNode("both", ab.nodes.ColumnConcat())
    check = ab.OrNode("check", Check())
    g = ab.Pipeline(chain=[left, right] >> both >> check)
    splitter = KFold(folds, shuffle=True, random_state=3)
    run = g.cross_validate(X, y, cv=splitter, return_estimator=True, return_train_score=True)
    assert not run.failed
    assert [len(run[node]) for node in (left, right, both, check)] == [folds] * 4
    for fold, (train, test) in enumerate(splitter.split(X, y)):
        for node in (left, right, check):
            seen = run[node].where(fold=fold).only().model.seen_
            assert sorted(seen) == sorted(train) and not np.isin(test, seen).any()
        entry = run[check].where(fold=fold).only()
        assert entry.model.agree_
        # Not one test row was seen (all predicted 0 = y), and every training row was.
        assert entry.score == 1.0 and entry.train_scores["score"] == 0.0


def test_folds_are_cut_across_partitions(pool):
    rows = 40
    X = np.column_stack([np.arange(rows, dtype=float), np.ones(rows), np.arange(rows)])
    y = np.zeros(rows, dtype=int)
    check = ab.OrNode("check", Check(), fit="all")
    g = ab.Pipeline(chain=check)
    splitter = KFold(4, shuffle=True, random_state=1)
    run = g.cross_validate(X, y, cv=splitter, partitions=2, return_estimator=True)
    assert not run.failed
    assert len(run[check]) == 8
    for fold, (train, _) in enumerate(splitter.split(X, y)):
        models = [entry.model for entry in run[check].where(fold=fold)]
        assert all(sorted(model.seen_) == sorted(train) for model in models)
