"""When two steps are the same step."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from anabranch.model_selection.fingerprints import fingerprint, is_unseeded


def shift(X):
    return X + 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (PCA(2), PCA(2), True),
        (PCA(2), PCA(2.0), False),
        (PCA(1), PCA(True), False),
        (PCA(2), PCA(3), False),
        (PCA(2, random_state=np.random.RandomState(1)), PCA(2, random_state=np.random.RandomState(1)), True),
        (PCA(2, random_state=np.random.RandomState(1)), PCA(2, random_state=np.random.RandomState(2)), False),
        (FunctionTransformer(shift), FunctionTransformer(shift), True),
        (FunctionTransformer(shift), FunctionTransformer(np.abs), False),
        (FunctionTransformer(lambda X: X + 1), FunctionTransformer(lambda X: X + 2), False),
        (FunctionTransformer(kw_args={"a": [1]}), FunctionTransformer(kw_args={"a": [2]}), False),
        (StandardScaler(), StandardScaler().set_output(transform="pandas"), False),
        (StandardScaler(), StandardScaler().fit([[1.0], [2.0]]), False),
        (FunctionTransformer(kw_args={"a": np.zeros(999)}), FunctionTransformer(kw_args={"a": np.ones(999)}), False),
    ],
)
def test_the_same_are_what_behaves_alike(one, other, same):
    assert (fingerprint(one) == fingerprint(other)) is same
    assert fingerprint(clone(one)) == fingerprint(clone(one))


def test_what_cannot_be_pickled_is_equal_to_itself():
    one, other = threading.Lock(), threading.Lock()
    assert fingerprint(one) == fingerprint(one)
    assert fingerprint(one) != fingerprint(other)
    assert len({fingerprint(one), fingerprint(one), fingerprint(other)}) == 2


def test_unseeded_is_what_has_a_random_state_of_none():
    assert is_unseeded(PCA())
    assert not is_unseeded(PCA(random_state=0))
    assert not is_unseeded(StandardScaler())
    assert is_unseeded(make_pipeline(StandardScaler(), PCA()))
    assert not is_unseeded(make_pipeline(StandardScaler(), PCA(random_state=0)))
    assert not is_unseeded("passthrough")
