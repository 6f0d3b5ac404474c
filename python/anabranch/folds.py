"""Splitters of cross validations, as scikit-learn's ``cv=`` names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anabranch.errors import GraphError, RequestError
from anabranch.roles import Role, estimator_type

if TYPE_CHECKING:
    from anabranch.graph import Pipeline
    from anabranch.node import OrNode


def run_splitter(graph: Pipeline, cv: Any, y: Any) -> Any:
    """Return the splitter of a cross validation: stratified folds for a number when a predictor is a classifier.

    Raises
    ------
    RequestError
        When ``cv`` is none that scikit-learn takes.
    """
    from sklearn.model_selection import check_cv

    predictors = [node for node in graph.nodes if node.role is Role.PREDICTOR]
    classifier = any(estimator_type(node.step) == "classifier" for node in predictors)
    try:
        return check_cv(5 if cv is None else cv, y, classifier=classifier)
    except ValueError as error:
        raise RequestError(f"cv={cv!r}: {error}") from None


def inner_splitter(node: OrNode) -> Any:
    """Return the splitter of a node's out-of-fold predictions."""
    from sklearn.model_selection import KFold, StratifiedKFold, check_cv

    if isinstance(node.cv, int):
        if node.cv < 2:
            raise GraphError(f"node {node.name!r}: cv={node.cv}: at least 2 folds are needed", node.name)
        classifier = estimator_type(node.step) == "classifier"
        return StratifiedKFold(node.cv) if classifier else KFold(node.cv)
    try:
        return check_cv(node.cv)
    except ValueError as error:
        raise GraphError(f"node {node.name!r}: cv={node.cv!r}: {error}", node.name) from None
