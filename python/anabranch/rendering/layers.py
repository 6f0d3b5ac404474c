"""Layered layout: each node one layer below its deepest parent, layers ordered to cross few edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anabranch.graph import Pipeline
    from anabranch.node import Node


def layers_of(graph: Pipeline) -> list[list[Node]]:
    """Return the nodes by layers, sources first."""
    depth: dict[Node, int] = {}
    for node in topological(graph):
        depth[node] = 1 + max((depth[parent] for parent in graph.parents(node)), default=-1)
    layers: list[list[Node]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node in graph.nodes:
        layers[depth[node]].append(node)
    place: dict[Node, float] = {}
    for layer in layers:
        # Barycentre of the parents; Python's sort keeps the given order among equals.
        layer.sort(key=lambda node: _mean([place[parent] for parent in graph.parents(node)]))
        place.update({node: index - (len(layer) - 1) / 2 for index, node in enumerate(layer)})
    return layers


def topological(graph: Pipeline) -> list[Node]:
    """Return the nodes so that each stands behind its parents, otherwise in the graph's order."""
    done: dict[Node, None] = {}
    waiting = list(graph.nodes)
    while waiting:
        ready = [node for node in waiting if all(parent in done for parent in graph.parents(node))]
        done.update(dict.fromkeys(ready))
        waiting = [node for node in waiting if node not in done]
    return list(done)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
