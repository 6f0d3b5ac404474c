"""Graphs in Graphviz's language."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from anabranch.node import AndNode
from anabranch.rendering.labels import kind_label, step_label

if TYPE_CHECKING:
    from anabranch.graph import Pipeline


def to_dot(graph: Pipeline) -> str:
    """Return a digraph: OR nodes round, AND nodes square."""
    lines = [f"digraph {_quoted(graph.name or 'graph')} {{", "  rankdir=LR;"]
    for node in graph.nodes:
        label = _quoted(f"{node.name}\n{kind_label(node)}: {step_label(node)}")
        shape = "box" if isinstance(node, AndNode) else "ellipse"
        lines.append(f"  {_quoted(node.name)} [label={label}, shape={shape}];")
    lines.extend(f"  {_quoted(source.name)} -> {_quoted(target.name)};" for source, target in graph.edges)
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    # A DOT string escapes what a JSON string does, as far as texts of ours go.
    return json.dumps(text, ensure_ascii=False)
