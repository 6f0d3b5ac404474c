"""A ``fit`` that shows ``sample_weight`` where the graph's predictors take it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import MethodType
from typing import TYPE_CHECKING, Any

from anabranch.roles import Role
from anabranch.runtime.estimators import accepts

if TYPE_CHECKING:
    from anabranch.estimator import GraphEstimator


class WeightedFit:
    """A method with a parameter ``sample_weight``, which its signature has for some instances alone.

    scikit-learn's ensembles ask the signature (`sklearn.utils.validation.has_fit_parameter`) whether they may pass
    their draws as weights. A graph whose predictor takes none would leave them aside: all members would be one.
    """

    def __init__(self, method: Callable) -> None:
        self.fn = method
        functools.update_wrapper(self, method)

    def __get__(self, estimator: GraphEstimator | None, owner: type) -> Any:
        if estimator is None:
            return self.fn
        bound = MethodType(self.fn, estimator)
        if takes_weights(estimator):
            return bound

        @functools.wraps(self.fn)
        def fit(X: Any, y: Any = None, sample_weight: Any = None) -> Any:
            return bound(X, y, sample_weight)

        shown = inspect.signature(bound)
        fit.__signature__ = shown.replace(  # type: ignore[attr-defined]
            parameters=[one for name, one in shown.parameters.items() if name != "sample_weight"]
        )
        return fit


def takes_weights(estimator: GraphEstimator) -> bool:
    """Whether all predictors of a graph take weights in fit; of one without predictors, any of its estimators."""
    nodes = [node for node in getattr(estimator.graph, "nodes", ()) if node.role.is_fitted]
    predictors = [node for node in nodes if node.role is Role.PREDICTOR]
    takes = [accepts(node.step.fit, "sample_weight") for node in predictors or nodes]
    return all(takes) if predictors else any(takes)
