"""What a picture writes beside a node."""

from __future__ import annotations

from anabranch.node import AndNode, Native, Node, OrNode


def kind_label(node: Node) -> str:
    """Return ``OR`` or ``AND``, with what it gathers."""
    if isinstance(node, AndNode):
        return "AND over " + ", ".join(node.over) if node.over else "AND"
    return "OR"


def step_label(node: Node) -> str:
    """Return the estimator's or function's name, and how many variants it has."""
    step = node.step
    name = step.function if isinstance(step, Native) else getattr(step, "__name__", None) or type(step).__name__
    extras = []
    if node.variants is not None:
        extras.append(f"{len(node.variants)} variants")
    if isinstance(node, OrNode) and node.fit != "each":
        extras.append(f"fit {node.fit}")
    return name + (f" ({', '.join(extras)})" if extras else "")
