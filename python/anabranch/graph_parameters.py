"""Parameters of a graph's nodes by the names that scikit-learn gives them: ``node`` and ``node__parameter``."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from anabranch.errors import GraphError
from anabranch.graph import Pipeline
from anabranch.node import Node


def copied(graph: Pipeline) -> Pipeline:
    """Return a graph of nodes of its own, whose estimators are unfitted clones; functions are the same."""
    made: dict[Node, Node] = {}
    result = Pipeline(graph.name)
    for node in graph.nodes:
        made[node] = own = copy.copy(node)
        if hasattr(node.step, "get_params"):
            from sklearn.base import clone

            own.step = clone(node.step, safe=False)
        result.add_node(own)
    for source, target in graph.edges:
        result.add_edge(made[source], made[target])
    return result


def parameters(graph: Pipeline, deep: bool = True) -> dict[str, Any]:
    """Return each node's step under the node's name and, with `deep`, the steps' parameters."""
    found: dict[str, Any] = {}
    for node in graph.nodes:
        found[node.name] = node.step
        if deep and hasattr(node.step, "get_params") and not isinstance(node.step, type):
            found.update({f"{node.name}__{name}": value for name, value in node.step.get_params(deep=True).items()})
    return found


def set_parameters(graph: Pipeline, values: Mapping[str, Any]) -> None:
    """Replace steps (``node``) and set parameters of steps (``node__parameter``), steps first.

    Raises
    ------
    ValueError
        When there is no such node or parameter; the message names those that there are.
    GraphError
        When a new step cannot do what the node's old one does.
    """
    nested: dict[Node, dict[str, Any]] = {}
    for name, value in values.items():
        node = _node_of(graph, name)
        if name == node.name:
            node.set_step(value)
        else:
            nested.setdefault(node, {})[name[len(node.name) + 2 :]] = value
    for node, settings in nested.items():
        if not hasattr(node.step, "set_params"):
            raise GraphError(
                f"node {node.name!r}: {type(node.step).__name__} has no parameters such as {', '.join(settings)}",
                node.name,
            )
        node.step.set_params(**settings)


def _node_of(graph: Pipeline, name: str) -> Node:
    # A node's own name may hold "__": the longest that fits is meant.
    fitting = [node for node in graph.nodes if name == node.name or name.startswith(f"{node.name}__")]
    if not fitting:
        nodes = ", ".join(repr(node.name) for node in graph.nodes)
        raise ValueError(f"{name!r} is no parameter of graph {graph.name!r}: name a node, or node__parameter; {nodes}")
    return max(fitting, key=lambda node: len(node.name))
