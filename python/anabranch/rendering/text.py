"""Graphs as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anabranch.rendering.labels import kind_label, step_label
from anabranch.rendering.layers import topological

if TYPE_CHECKING:
    from anabranch.graph import Pipeline


def to_text(graph: Pipeline) -> str:
    """Return one line per node, parents first: name, kind, step, and where its references come from."""
    lines = [graph.name or "graph"]
    nodes = topological(graph)
    width = max((len(node.name) for node in nodes), default=0)
    kinds = max((len(kind_label(node)) for node in nodes), default=0)
    for node in nodes:
        parents = ", ".join(parent.name for parent in graph.parents(node))
        origin = f"  <- {parents}" if parents else ""
        lines.append(f"  {node.name:<{width}}  {kind_label(node):<{kinds}}  {step_label(node)}{origin}")
    return "\n".join(lines)
