"""The benchmark's digits grid, on fewer rows: its scores are scikit-learn's to the bit, and the bench would see it."""

from __future__ import annotations

import importlib.util
import pathlib

import numpy as np
import pytest
import sklearn.model_selection as theirs
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

import anabranch as ab

BENCHMARKS = pathlib.Path(__file__).parents[3] / "benchmarks"


@pytest.fixture(scope="module")
def searches():
    spec = importlib.util.spec_from_file_location("searches", BENCHMARKS / "searches.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_scores_of_the_digits_grid_are_scikit_learns_to_the_bit(pool, searches):
    X, y = load_digits(return_X_y=True)
    made, numbers = [], []
    for module in (ab.model_selection, theirs):

        def search(*arguments, module=module, **named):
            made.append(module.GridSearchCV(*arguments, **named))
            return made[-1]

        with threadpool_limits(1):
            searches.digits_grid(search, X[:500], y[:500], models=3)
        numbers.append(searches.SCORES["digits"])
    # Of each there is one that warms up before the one that is measured.
    ours, others = made[1].cv_results_, made[3].cv_results_
    for fold in range(5):
        key = f"split{fold}_test_score"
        np.testing.assert_array_equal(ours[key], others[key])
    assert numbers[0] == numbers[1]
    made[1].cv_results_["split4_test_score"][0] = np.nextafter(ours["split4_test_score"][0], 2)
    assert searches.number_of_scores(made[1]) != numbers[1]
