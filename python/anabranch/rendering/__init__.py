"""Pictures of graphs: text, Mermaid, Graphviz, SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anabranch.errors import RequestError

if TYPE_CHECKING:
    from anabranch.graph import Pipeline

FORMATS = ("text", "mermaid", "dot", "svg")


def render(graph: Pipeline, format: str) -> str:
    """Return the picture of a graph in one of `FORMATS`."""
    if format == "text":
        from anabranch.rendering.text import to_text as draw
    elif format == "mermaid":
        from anabranch.rendering.mermaid import to_mermaid as draw
    elif format == "dot":
        from anabranch.rendering.dot import to_dot as draw
    elif format == "svg":
        from anabranch.rendering.svg import to_svg as draw
    else:
        raise RequestError(f"format {format!r}: use {', '.join(FORMATS)}")
    return draw(graph)
