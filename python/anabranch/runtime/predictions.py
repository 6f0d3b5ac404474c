"""Predictions that a function made, scored like an estimator's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target

from anabranch.runtime.context import TaskContext
from anabranch.runtime.errors import TaskRefused
from anabranch.runtime.scoring import scores_of
from anabranch.v1 import common_pb2, task_pb2


def prediction_scores(
    context: TaskContext, predictions: Any, y: Any, weights: Any, scorers: common_pb2.ObjectRef | None
) -> list[task_pb2.Score]:
    """Return the scores of predictions against y.

    Without scorers it is the accuracy when y is of classes and R² when it is continuous (or the predictions are numbers
    between the values of y), as for scikit-learn's classifiers and regressors. A scorer that wants probabilities
    or decision values gets a two-dimensional array of floats as probabilities (its columns being the sorted classes of
    y), and a one-dimensional one of floats, for two classes, as decision values.

    Raises
    ------
    TaskRefused
        When there is no y.
    """
    if y is None:
        raise TaskRefused(f"{context.name} needs y to be scored: give y with the input of the run")
    values = np.asarray(predictions)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    model: Any = _PredictedNumbers(values) if _are_numbers(values, y) else _PredictedClasses(values, np.unique(y))
    return scores_of(context, model, predictions, y, weights, scorers)


def _are_numbers(values: Any, y: Any) -> bool:
    """Whether these are a regressor's predictions: y is continuous, or counts that the predictions fall between."""
    if type_of_target(y).startswith("continuous"):
        return True
    if values.dtype.kind != "f" or values.ndim != 1:
        return False
    classes = np.unique(y)
    return not np.isin(values, classes).all() and (len(classes) > 2 or classes.dtype.kind == "f")


class _PredictedNumbers(RegressorMixin, BaseEstimator):
    def __init__(self, values: Any) -> None:
        self.values = values

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any) -> _PredictedNumbers:
        return self

    def predict(self, X: Any) -> Any:
        return self.values

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        return r2_score(y, self.values, sample_weight=sample_weight)


def _gives(kind: str) -> Callable[[Any], bool]:
    return lambda predictions: predictions.kind == kind


class _PredictedClasses(ClassifierMixin, BaseEstimator):
    def __init__(self, values: Any, classes: Any) -> None:
        self.values = values
        self.classes = classes

    def __sklearn_is_fitted__(self) -> bool:
        return True

    @property
    def classes_(self) -> Any:
        return self.classes

    @property
    def kind(self) -> str:
        if self.values.dtype.kind == "f" and self.values.ndim == 2 and self.values.shape[1] == len(self.classes):
            return "predict_proba"
        if self.values.dtype.kind == "f" and self.values.ndim == 1 and not np.isin(self.values, self.classes).all():
            return "decision_function"
        return "predict"

    def fit(self, X: Any, y: Any) -> _PredictedClasses:
        return self

    def predict(self, X: Any) -> Any:
        gives = self.kind
        if gives == "predict_proba":
            return self.classes[np.argmax(self.values, axis=1)]
        if gives == "decision_function" and len(self.classes) == 2:
            chances = self.values.min() >= 0 and self.values.max() <= 1
            return self.classes[(self.values > (0.5 if chances else 0)).astype(int)]
        return self.values

    @available_if(_gives("predict_proba"))
    def predict_proba(self, X: Any) -> Any:
        return self.values

    @available_if(_gives("decision_function"))
    def decision_function(self, X: Any) -> Any:
        return self.values

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        return accuracy_score(y, self.predict(X), sample_weight=sample_weight)


def tagged(model: Any, y: Any) -> BaseEstimator:
    """Return a fitted model that is no scikit-learn estimator as one: a classifier unless y is continuous."""
    if y is not None and not type_of_target(y).startswith("continuous"):
        return _TaggedClassifier(model, getattr(model, "classes_", np.unique(y)))
    return _TaggedRegressor(model)


def _model_has(method: str) -> Callable[[Any], bool]:
    return lambda wrapper: hasattr(wrapper.model, method)


class _TaggedRegressor(RegressorMixin, BaseEstimator):
    def __init__(self, model: Any) -> None:
        self.model = model

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any) -> _TaggedRegressor:
        return self

    def predict(self, X: Any) -> Any:
        return self.model.predict(X)


class _TaggedClassifier(ClassifierMixin, BaseEstimator):
    def __init__(self, model: Any, classes: Any) -> None:
        self.model = model
        self.classes = classes

    def __sklearn_is_fitted__(self) -> bool:
        return True

    @property
    def classes_(self) -> Any:
        return self.classes

    def fit(self, X: Any, y: Any) -> _TaggedClassifier:
        return self

    @available_if(_model_has("predict"))
    def predict(self, X: Any) -> Any:
        return self.model.predict(X)

    @available_if(_model_has("predict_proba"))
    def predict_proba(self, X: Any) -> Any:
        return self.model.predict_proba(X)

    @available_if(_model_has("decision_function"))
    def decision_function(self, X: Any) -> Any:
        return self.model.decision_function(X)
