"""What is scikit-learn's own code, and what is somebody else's."""

from __future__ import annotations

import functools
import os

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from anabranch.model_selection.trust import is_all_scikit_learns


class Own(BaseEstimator):
    """Of a user's module."""


class Rows(np.ndarray):
    """Of a user's module."""


def own(*values):
    return 0.0


@pytest.mark.parametrize(
    "value",
    [
        make_pipeline(StandardScaler(), SelectKBest(f_classif, k=3), LogisticRegression(random_state=0)),
        ColumnTransformer([("numbers", StandardScaler(), make_column_selector(dtype_include="number"))]),
        FunctionTransformer(np.log1p),
        make_scorer(accuracy_score),
        {"C": np.float64(0.1), "clf": [LogisticRegression(), None, "passthrough"], "state": np.random.RandomState(0)},
        (np.zeros(3), sp.csr_matrix(np.eye(2)), pd.DataFrame({"a": [1.0], "b": ["x"]})),
        pd.DataFrame({"kind": pd.Categorical(["x"]), "text": pd.array(["y"]), "day": pd.to_datetime(["2020-01-01"])}),
    ],
)
def test_what_is_built_in_is_trusted(value):
    assert is_all_scikit_learns([value])


@pytest.mark.parametrize(
    "value",
    [
        Own(),
        Own,
        make_pipeline(StandardScaler(), Own()),
        {"clf": [LogisticRegression(), Own()]},
        FunctionTransformer(own),
        FunctionTransformer(lambda X: X),
        FunctionTransformer(functools.partial(own, 1)),
        FunctionTransformer(os._exit),
        FunctionTransformer(exec),
        make_scorer(own),
        np.zeros(3).view(Rows),
    ],
)
def test_what_is_not_is_for_the_pool(value):
    assert not is_all_scikit_learns([value])
    assert not is_all_scikit_learns([1, value])
