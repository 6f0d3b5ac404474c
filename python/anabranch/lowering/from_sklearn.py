"""scikit-learn estimators as graphs."""

from __future__ import annotations

from typing import Any

from anabranch.errors import GraphError
from anabranch.graph import Pipeline
from anabranch.lowering.builder import Builder


def from_sklearn(estimator: Any, name: str | None = None, *, expand: str = "auto") -> Pipeline:
    """Return an estimator as a graph whose fit and predictions are the estimator's own.

    A `Pipeline` becomes a chain of nodes. A `VotingClassifier`, `VotingRegressor`, `StackingClassifier` or
    `StackingRegressor` becomes a node for each of its estimators and AND nodes behind them; so does a stack, or a vote
    of labels, under a vote of labels, and a stack under a mean. So do a `FeatureUnion` and a `ColumnTransformer` of
    which two branches or more are worth a task. Pipelines under a vote that begin with the same steps share them, when
    those are worth a task. A graph as an estimator becomes its nodes. Anything else is one node; the fits of a search
    in it are tasks of their own.

    Parameters
    ----------
    estimator : estimator
    name : str, optional
        Of the graph; the estimator's class when not given.
    expand : {"auto", "all", "none"}
        Whether unions of columns become nodes: where that gains parallelism (scalers, encoders and simple imputers
        take less time than a task costs), always, or never. ``"none"`` leaves every composite but `Pipeline` one node.

    Raises
    ------
    GraphError
        When the pipeline has no step that does something, or it is no estimator.
    """
    if expand not in ("auto", "all", "none"):
        raise GraphError(f"expand={expand!r}; use auto, all or none")
    if not hasattr(estimator, "fit"):
        raise GraphError(f"{estimator!r} is no estimator")
    builder = Builder(Pipeline(name or type(estimator).__name__), expand)
    builder.add(estimator)
    return builder.graph
