"""Graphs as Mermaid flowcharts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anabranch.node import AndNode
from anabranch.rendering.labels import kind_label, step_label

if TYPE_CHECKING:
    from anabranch.graph import Pipeline


def to_mermaid(graph: Pipeline) -> str:
    """Return a Mermaid flowchart: OR nodes round, AND nodes square."""
    lines = ["flowchart LR"]
    names = {node: f"n{index}" for index, node in enumerate(graph.nodes)}
    for node, name in names.items():
        label = f"{_escape(node.name)}<br/>{_escape(f'{kind_label(node)}: {step_label(node)}')}"
        opening, closing = ("[", "]") if isinstance(node, AndNode) else ("(", ")")
        lines.append(f'  {name}{opening}"{label}"{closing}')
    lines.extend(f"  {names[source]} --> {names[target]}" for source, target in graph.edges)
    return "\n".join(lines)


def _escape(text: str) -> str:
    # By Mermaid's own entities: the numbers of characters, or names.
    for character, entity in (("#", "#35;"), ("&", "#amp;"), ("<", "#lt;"), (">", "#gt;"), ('"', "#quot;")):
        text = text.replace(character, entity)
    return text
