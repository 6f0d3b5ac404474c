"""Known branches of a union, in scikit-learn's own fit of it."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.pipeline import FeatureUnion
from sklearn.preprocessing import StandardScaler

from anabranch.model_selection.branch_backend import BranchBackend
from anabranch.model_selection.shared_steps import SharedBranch

X = np.random.default_rng(0).random((30, 4))


def columns():
    return ColumnTransformer([("pca", PCA(1, random_state=0), [0, 1]), ("scaled", StandardScaler(), [2])])


def union():
    return FeatureUnion([("pca", PCA(1, random_state=0)), ("all", "passthrough"), ("scaled", StandardScaler())])


@pytest.mark.parametrize("make", [columns, union])
def test_a_known_branch_is_answered_and_let_go(make):
    expected = make().fit(X)
    known = SharedBranch("pca", PCA(1), output=np.full((30, 1), 7.0), test=np.full((30, 1), 8.0), fit_seconds=2.0)
    backend, fitting = BranchBackend("cols", 0, [known]), make()
    with backend.fitting(fitting):
        output = fitting.fit_transform(X)
    with backend.transforming("test"):
        tested = fitting.transform(X)
    for given, constant in ((output, 7.0), (tested, 8.0)):
        np.testing.assert_array_equal(given[:, 0], constant)
        np.testing.assert_array_equal(given[:, 1:], expected.transform(X)[:, 1:])
    assert backend.fits == backend.transforms == {"cols__scaled": 1} and backend.fit_seconds == 2.0
    gone = weakref.ref(known)
    gc.disable()
    try:
        del backend, known, fitting
        assert gone() is None, "nothing is left for a collection of garbage"
    finally:
        gc.enable()


def test_where_a_branch_has_no_columns_nothing_is_taken_for_known():
    fitting = ColumnTransformer([("none", PCA(1), []), *columns().transformers])
    backend = BranchBackend("cols", 0, [SharedBranch("pca", PCA(1), output=np.full((30, 1), 7.0))])
    with backend.fitting(fitting):
        output = fitting.fit_transform(X)
    np.testing.assert_array_equal(output, columns().fit_transform(X))
