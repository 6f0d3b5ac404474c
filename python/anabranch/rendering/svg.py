"""Graphs as SVG, without any program but this one."""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING

from anabranch.node import AndNode
from anabranch.rendering.escaping import escaped, shortened
from anabranch.rendering.labels import kind_label, step_label
from anabranch.rendering.layers import Cell, Layering, heights, layering_of

if TYPE_CHECKING:
    from anabranch.graph import Pipeline
    from anabranch.node import Node

_HEIGHT, _BEND_HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 46, 8, 60, 22, 16
_NAME_WIDTH, _STEP_WIDTH, _PADDING = 8.4, 6.4, 26
#: Characters of a name, and of what stands below it, that a picture shows; the tooltip has all.
LONGEST_NAME, LONGEST_STEP = 32, 42


def to_svg(graph: Pipeline) -> str:
    """Return an SVG document: layers from left to right, OR nodes round, AND nodes square."""
    plan = _Plan(layering_of(graph))
    edges = [plan.curve(route) for route in plan.layering.routes]
    boxes = [_box(cell.node, *plan.corner(cell)) for layer in plan.layering.layers for cell in layer if cell.node]
    title = f"<title>{escaped(graph.name)}</title>" if graph.name else ""
    # A page may hold several pictures, some of them hidden: each has an arrow of its own.
    arrow = "arrow-" + hashlib.sha256("".join([*edges, *boxes]).encode()).hexdigest()[:12]
    lines = "".join(f'<path d="{edge}" marker-end="url(#{arrow})"/>' for edge in edges)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{plan.width:.0f}" height="{plan.height:.0f}" '
        f'viewBox="0 0 {plan.width:.0f} {plan.height:.0f}" font-family="Helvetica, Arial, sans-serif">{title}'
        f'<defs><marker id="{arrow}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#556"/></marker></defs>'
        f'<g fill="none" stroke="#556" stroke-width="1.4">{lines}</g>{"".join(boxes)}</svg>'
    )


class _Plan:
    """Where everything stands, in pixels."""

    def __init__(self, layering: Layering) -> None:
        self.layering = layering
        self._widths = [max(_width(cell.node) for cell in layer if cell.node) for layer in layering.layers]
        self._lefts: list[float] = []
        right = float(_MARGIN)
        for width in self._widths:
            self._lefts.append(right)
            right += width + _GAP_X
        middles = heights(layering, lambda cell: _HEIGHT if cell.node else _BEND_HEIGHT, _GAP_Y)
        top = min(middles.values(), default=_HEIGHT / 2) - _HEIGHT / 2 - _MARGIN
        self._middles = {cell: middle - top for cell, middle in middles.items()}
        self.width = max(right - _GAP_X, _MARGIN) + _MARGIN
        self.height = max(self._middles.values(), default=_MARGIN) + _HEIGHT / 2 + _MARGIN

    def corner(self, cell: Cell) -> tuple[float, float, float]:
        """Return left, top and width of a node's box."""
        return self._lefts[cell.layer], self._middles[cell] - _HEIGHT / 2, self._widths[cell.layer]

    def curve(self, route: list[Cell]) -> str:
        """Return the path of an edge: straight through the layers that it passes, curved between them."""
        data = ""
        for source, target in itertools.pairwise(route):
            right = self._lefts[source.layer] + self._widths[source.layer]
            y1, y2, x2 = self._middles[source], self._middles[target], self._lefts[target.layer]
            data += f"M{right:.1f} {y1:.1f}" if source.node else f"L{right:.1f} {y1:.1f}"
            bend = (x2 - right) / 2
            data += f" C{right + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
        return data


def _step_line(node: Node) -> str:
    return f"{kind_label(node)}: {step_label(node)}"


def _width(node: Node) -> float:
    name, step = min(len(node.name), LONGEST_NAME), min(len(_step_line(node)), LONGEST_STEP)
    return _PADDING + max(_NAME_WIDTH * name, _STEP_WIDTH * step)


def _box(node: Node, x: float, y: float, width: float) -> str:
    square = isinstance(node, AndNode)
    fill, stroke, radius = ("#fdf1dc", "#b7791f", 3) if square else ("#e6f0fb", "#2b6cb0", _HEIGHT / 2)
    middle = x + width / 2
    step = _step_line(node)
    return (
        f"<g><title>{escaped(node.name)}\n{escaped(step)}</title>"
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_HEIGHT}" rx="{radius}" fill="{fill}" '
        f'stroke="{stroke}"/>'
        f'<text x="{middle:.1f}" y="{y + 20:.1f}" text-anchor="middle" font-size="14" font-weight="bold" '
        f'fill="#112">{escaped(shortened(node.name, LONGEST_NAME))}</text>'
        f'<text x="{middle:.1f}" y="{y + 36:.1f}" text-anchor="middle" font-size="11" fill="#445">'
        f"{escaped(shortened(step, LONGEST_STEP))}</text></g>"
    )
