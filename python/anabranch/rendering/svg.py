"""Graphs as SVG, without any program but this one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from anabranch.node import AndNode
from anabranch.rendering.labels import kind_label, step_label
from anabranch.rendering.layers import layers_of

if TYPE_CHECKING:
    from anabranch.graph import Pipeline
    from anabranch.node import Node

_CHARACTER, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 7.2, 46, 60, 22, 16


def to_svg(graph: Pipeline) -> str:
    """Return an SVG document: layers from left to right, OR nodes round, AND nodes square."""
    layers = layers_of(graph)
    widths = [max(_width(node) for node in layer) for layer in layers]
    tallest = max((len(layer) for layer in layers), default=0)
    height = tallest * _HEIGHT + max(tallest - 1, 0) * _GAP_Y + 2 * _MARGIN
    boxes: dict[Node, tuple[float, float, float]] = {}
    left: float = _MARGIN
    for layer, width in zip(layers, widths):
        top = (height - len(layer) * _HEIGHT - (len(layer) - 1) * _GAP_Y) / 2
        for index, node in enumerate(layer):
            boxes[node] = (left, top + index * (_HEIGHT + _GAP_Y), width)
        left += width + _GAP_X
    total = left - _GAP_X + _MARGIN if layers else 2 * _MARGIN
    body = [_edge(boxes[source], boxes[target]) for source, target in graph.edges]
    body += [_box(node, boxes[node]) for node in graph.nodes]
    title = f"<title>{escape(graph.name)}</title>" if graph.name else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {total:.0f} {height:.0f}" font-family="Helvetica, Arial, sans-serif">{title}'
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#556"/></marker></defs>' + "".join(body) + "</svg>"
    )


def _width(node: Node) -> float:
    return 24 + _CHARACTER * max(len(node.name) + 2, len(f"{kind_label(node)}: {step_label(node)}"))


def _edge(source: tuple[float, float, float], target: tuple[float, float, float]) -> str:
    x1, y1 = source[0] + source[2], source[1] + _HEIGHT / 2
    x2, y2 = target[0], target[1] + _HEIGHT / 2
    bend = max((x2 - x1) / 2, 20)
    return (
        f'<path d="M{x1:.1f} {y1:.1f} C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}" '
        'fill="none" stroke="#556" stroke-width="1.4" marker-end="url(#arrow)"/>'
    )


def _box(node: Node, box: tuple[float, float, float]) -> str:
    x, y, width = box
    square = isinstance(node, AndNode)
    fill, stroke, radius = ("#fdf1dc", "#b7791f", 3) if square else ("#e6f0fb", "#2b6cb0", _HEIGHT / 2)
    middle = x + width / 2
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_HEIGHT}" rx="{radius}" fill="{fill}" '
        f'stroke="{stroke}"/>'
        f'<text x="{middle:.1f}" y="{y + 20:.1f}" text-anchor="middle" font-size="14" font-weight="bold">'
        f"{escape(node.name)}</text>"
        f'<text x="{middle:.1f}" y="{y + 36:.1f}" text-anchor="middle" font-size="11" fill="#445">'
        f"{escape(f'{kind_label(node)}: {step_label(node)}')}</text>"
    )
