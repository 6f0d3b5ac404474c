"""What a node's estimator or function is, found from its methods and scikit-learn tags."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable
from typing import Any


class Role(enum.IntEnum):
    """What a node does; the values are those of the protocol."""

    TRANSFORMER = 1
    PREDICTOR = 2
    FUNCTION = 3
    NATIVE = 4
    SPLITTER = 5

    @property
    def is_fitted(self) -> bool:
        """Whether the node has a model."""
        return self in (Role.TRANSFORMER, Role.PREDICTOR)


OUTPUT_METHODS = ("predict", "predict_proba", "decision_function")
#: In the order in which scikit-learn's ``stack_method="auto"`` looks for them.
STACK_METHODS = ("predict_proba", "decision_function", "predict")


def _has(value: Any, method: str) -> bool:
    # scikit-learn's available_if raises AttributeError subclasses only, yet properties of user classes may raise
    # anything.
    try:
        return callable(getattr(value, method, None))
    except Exception:
        return False


def estimator_type(estimator: Any) -> str | None:
    """Return ``classifier``, ``regressor``, ``clusterer``, ``outlier_detector``, … or None when it does not say."""
    try:
        from sklearn.utils import get_tags

        return get_tags(estimator).estimator_type
    except Exception:
        return getattr(estimator, "_estimator_type", None)


def detect_role(step: Any) -> Role | None:
    """Return the role of an estimator or a function, None when it is neither.

    What both transforms and predicts is a predictor when it is a classifier, a regressor or an outlier detector, and a
    transformer otherwise (KMeans).
    """
    if _has(step, "fit"):
        transforms = _has(step, "transform")
        predicts = any(_has(step, method) for method in OUTPUT_METHODS)
        if transforms:
            predictor = estimator_type(step) in ("classifier", "regressor", "outlier_detector")
            # A stack without a final estimator of its own has `predict` only when it is fitted.
            predicts = predictor and (predicts or hasattr(type(step), "predict"))
            return Role.PREDICTOR if predicts else Role.TRANSFORMER
        return Role.PREDICTOR if predicts else None
    return Role.FUNCTION if callable(step) else None


def requires_y(step: Any, role: Role) -> bool:
    """Whether fitting (or calling) it without y cannot work."""
    if role in (Role.NATIVE, Role.SPLITTER):
        return False
    if role is Role.FUNCTION:
        return bool(getattr(step, "needs_y", False)) or _required_parameters(step) >= 2
    steps = getattr(step, "steps", None)
    if isinstance(steps, list) and steps and all(isinstance(item, tuple) and len(item) == 2 for item in steps):
        return any(
            requires_y(part, Role.TRANSFORMER) for _, part in steps if part is not None and part != "passthrough"
        )
    try:
        from sklearn.utils import get_tags

        return bool(get_tags(step).target_tags.required)
    except Exception:
        return _required_parameters(step.fit) >= 2


def _required_parameters(function: Callable) -> int:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(1 for p in parameters if p.kind in positional and p.default is inspect.Parameter.empty)
