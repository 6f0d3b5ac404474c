"""What two searches must have in common to be equal: all that they say, but times."""

from __future__ import annotations

import copy
import re
import warnings

import numpy as np
import sklearn
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_limits


def assert_same_warnings(said_here, said_there):
    # Older ones do not give the filters of their process to others.
    if tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 7):
        assert said_here == said_there


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
        # A step may write to them.
        np.testing.assert_array_equal(mine.predict(copy.deepcopy(rows)), other.predict(copy.deepcopy(rows)))
        assert getattr(mine, "n_features_in_", None) == getattr(other, "n_features_in_", None)
