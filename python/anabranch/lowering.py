"""scikit-learn estimators as graphs."""

from __future__ import annotations

from typing import Any

from anabranch.errors import GraphError
from anabranch.graph import Pipeline
from anabranch.node import OrNode


def from_sklearn(estimator: Any, name: str | None = None) -> Pipeline:
    """Return an estimator as a graph: a scikit-learn `Pipeline` as a chain of nodes, anything else as one node.

    Parameters
    ----------
    estimator : estimator
    name : str, optional
        Of the graph; the estimator's class when not given.

    Raises
    ------
    GraphError
        When the pipeline has no step that does something, or it is no estimator.
    """
    graph = Pipeline(name or type(estimator).__name__)
    steps = getattr(estimator, "steps", None)
    if isinstance(steps, list) and type(estimator).__module__.startswith("sklearn.pipeline"):
        chain = [(title, step) for title, step in steps if step is not None and step != "passthrough"]
        if not chain:
            raise GraphError("the pipeline has no step that does anything")
        previous = None
        for position, (title, step) in enumerate(chain):
            last = position == len(chain) - 1
            # What can both transform and predict transforms in the middle of a pipeline.
            middle = not last and hasattr(step, "fit") and hasattr(step, "transform")
            node = graph.add_node(OrNode(title, step, role="transformer" if middle else None))
            if previous is not None:
                graph.add_edge(previous, node)
            previous = node
        return graph
    if not hasattr(estimator, "fit"):
        raise GraphError(f"{estimator!r} is no estimator")
    graph.add_node(OrNode(_node_name(estimator), estimator))
    return graph


def _node_name(estimator: Any) -> str:
    return type(estimator).__name__.lower()
