"""Graphs written with ``>>``: ``pre >> [tree, boost] >> vote``."""

from __future__ import annotations

import itertools
import weakref
from typing import TYPE_CHECKING, Any

from anabranch.errors import GraphError

if TYPE_CHECKING:
    from anabranch.node import Node

_serials = itertools.count(1)
_loose: list[LooseEdge] = []


def next_serial() -> int:
    """Number graphs and edges in the order of their making."""
    return next(_serials)


class LooseEdge:
    """An edge drawn with ``>>`` that no graph has taken yet; it ends with either of its nodes."""

    def __init__(self, source: Node, target: Node) -> None:
        self.serial = next_serial()
        self._source = weakref.ref(source)
        self._target = weakref.ref(target)

    @property
    def nodes(self) -> tuple[Node, Node] | None:
        """Source and target, None once one of them is gone."""
        source, target = self._source(), self._target()
        return None if source is None or target is None else (source, target)


def take_loose(known: set[int] | None, since: int) -> list[tuple[Node, Node]]:
    """Take the edges that no graph has: those that touch nodes in `known` (by id), or all those drawn after `since`.

    A graph that was given no node at all (`known` is None) takes every loose edge drawn after it was made.
    """
    taken: list[tuple[Node, Node]] = []
    reached = None if known is None else set(known)
    changed = True
    while changed:
        changed = False
        for edge in list(_loose):
            nodes = edge.nodes
            if nodes is None:
                _loose.remove(edge)
            elif (edge.serial > since) if reached is None else not reached.isdisjoint(map(id, nodes)):
                _loose.remove(edge)
                taken.append(nodes)
                changed = True
                if reached is not None:
                    reached.update(map(id, nodes))
    return taken


class Chain:
    """What ``>>`` makes: nodes and edges, for `Pipeline.add`. A list stands for nodes side by side."""

    def __init__(self, heads: list[Node], tails: list[Node], nodes: list[Node], loose: list[LooseEdge]) -> None:
        self.heads = heads
        self.tails = tails
        self.nodes = nodes
        self._loose = loose
        self._edges = [edge.nodes for edge in loose]

    @classmethod
    def of(cls, value: Any) -> Chain:
        """Return a node, a list of nodes or chains, or a chain, as a chain."""
        from anabranch.node import Node

        if isinstance(value, Chain):
            return value
        if isinstance(value, Node):
            return cls([value], [value], [value], [])
        if isinstance(value, (list, tuple)) and value:
            parts = [cls.of(part) for part in value]
            return cls(
                [node for part in parts for node in part.heads],
                [node for part in parts for node in part.tails],
                _unique(node for part in parts for node in part.nodes),
                [edge for part in parts for edge in part._loose],
            )
        raise GraphError(f">> joins nodes and lists of nodes, not {value!r}")

    @property
    def edges(self) -> list[tuple[Node, Node]]:
        """(source, target) in the order in which they were drawn."""
        return [edge for edge in self._edges if edge is not None]

    def adopt(self) -> None:
        """Say that a graph has these edges: no other takes them by itself."""
        for edge in self._loose:
            if edge in _loose:
                _loose.remove(edge)

    def __rshift__(self, other: Any) -> Chain:
        right = Chain.of(other)
        drawn = [LooseEdge(source, target) for source in self.tails for target in right.heads]
        _loose.extend(drawn)
        return Chain(self.heads, right.tails, _unique(self.nodes + right.nodes), self._loose + right._loose + drawn)

    def __rrshift__(self, other: Any) -> Chain:
        return Chain.of(other) >> self

    def __repr__(self) -> str:
        return "Chain(" + ", ".join(f"{source.name} >> {target.name}" for source, target in self.edges) + ")"


def _unique(nodes: Any) -> list[Node]:
    return list({id(node): node for node in nodes}.values())
