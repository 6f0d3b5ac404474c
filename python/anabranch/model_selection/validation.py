"""scikit-learn's functions for cross validation, run on the pool."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

import sklearn.model_selection

from anabranch.model_selection.backend import on_pool
from anabranch.model_selection.inner import within_task
from anabranch.model_selection.nesting import runs_in_process

_Function = TypeVar("_Function", bound=Callable)


def _on_pool(function: _Function) -> _Function:
    """Return a function that is scikit-learn's, with the same parameters, whose fits run on the pool."""

    @functools.wraps(function)
    def run(*arguments, **named):
        if runs_in_process():
            with within_task():
                return function(*arguments, **named)
        with on_pool() as backend:
            try:
                return function(*arguments, **named)
            finally:
                backend.held.release()

    run.__module__ = __name__
    return run  # type: ignore[return-value]


cross_validate = _on_pool(sklearn.model_selection.cross_validate)
cross_val_score = _on_pool(sklearn.model_selection.cross_val_score)
cross_val_predict = _on_pool(sklearn.model_selection.cross_val_predict)
learning_curve = _on_pool(sklearn.model_selection.learning_curve)
validation_curve = _on_pool(sklearn.model_selection.validation_curve)
permutation_test_score = _on_pool(sklearn.model_selection.permutation_test_score)
