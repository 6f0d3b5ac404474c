"""Layered layout: each node one layer below its deepest parent, layers ordered to cross few edges."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anabranch.graph import Pipeline
    from anabranch.node import Node

#: Times that the layers are gone through, there and back.
SWEEPS = 8


@dataclass(eq=False)
class Cell:
    """A place in a layer: a node, or a bend of an edge that passes the layer (``node`` is None)."""

    node: Node | None
    layer: int


@dataclass
class Layering:
    """Nodes in layers.

    Attributes
    ----------
    layers : list of list of Cell
        Sources first; each in its order across the layer.
    routes : list of list of Cell
        One for each edge, in the graph's order: its source, its bends, its target.
    """

    layers: list[list[Cell]]
    routes: list[list[Cell]]


def layering_of(graph: Pipeline) -> Layering:
    """Return the nodes in layers, by Sugiyama's method. The same graph gives the same picture."""
    edges = graph.edges
    parents: dict[Node, list[Node]] = {node: [] for node in graph.nodes}
    for source, target in edges:
        parents[target].append(source)
    depth: dict[Node, int] = {}
    for node in topological(graph):
        depth[node] = 1 + max((depth[parent] for parent in parents[node]), default=-1)
    layers: list[list[Cell]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    cells = {node: Cell(node, depth[node]) for node in graph.nodes}
    for cell in cells.values():
        layers[cell.layer].append(cell)
    routes = []
    for source, target in edges:
        bends = [Cell(None, layer) for layer in range(depth[source] + 1, depth[target])]
        for bend in bends:
            layers[bend.layer].append(bend)
        routes.append([cells[source], *bends, cells[target]])
    return Layering(_ordered(layers, routes), routes)


def topological(graph: Pipeline) -> list[Node]:
    """Return the nodes so that each stands behind its parents, otherwise in the graph's order."""
    missing: dict[Node, set[Node]] = {node: set() for node in graph.nodes}
    for source, target in graph.edges:
        missing[target].add(source)
    done: dict[Node, None] = {}
    while len(done) < len(missing):
        ready = [node for node, parents in missing.items() if node not in done and all(p in done for p in parents)]
        done.update(dict.fromkeys(ready))
    return list(done)


def heights(layering: Layering, size: Callable[[Cell], float], gap: float) -> dict[Cell, float]:
    """Return the middle of each cell across its layer: near those that it is joined to, and no two overlapping.

    Parameters
    ----------
    size : callable
        What a cell takes across its layer.
    gap : float
        Between two cells, at least.
    """
    above, below = _neighbours(layering.routes)
    middles: dict[Cell, float] = {}
    for layer in layering.layers:
        at = -(sum(size(cell) for cell in layer) + gap * (len(layer) - 1)) / 2
        for cell in layer:
            middles[cell] = at + size(cell) / 2
            at += size(cell) + gap
    for sweep in range(SWEEPS):
        near = above if sweep % 2 == 0 else below
        for layer in layering.layers if sweep % 2 == 0 else reversed(layering.layers):
            wanted = [_mean([middles[other] for other in near[cell]], middles[cell]) for cell in layer]
            middles.update(zip(layer, _apart(wanted, [size(cell) for cell in layer], gap)))
    return middles


def _ordered(layers: list[list[Cell]], routes: list[list[Cell]]) -> list[list[Cell]]:
    """Order the cells of each layer by the mean place of those before, then behind them; keep the best order met."""
    above, below = _neighbours(routes)
    best, fewest = [list(layer) for layer in layers], _crossings(layers, below)
    place: dict[Cell, float] = {}
    for layer in layers:
        _note(layer, place)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        near = above if sweep % 2 == 0 else below
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            # Python's sort keeps the order that was among equals.
            layer.sort(key=lambda cell: _mean([place[other] for other in near[cell]], place[cell]))
            _note(layer, place)
        crossings = _crossings(layers, below)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    return best


def _note(layer: list[Cell], place: dict[Cell, float]) -> None:
    # From the middle of the layer: layers of different lengths are centred on each other.
    place.update({cell: index - (len(layer) - 1) / 2 for index, cell in enumerate(layer)})


def _neighbours(routes: list[list[Cell]]) -> tuple[dict[Cell, list[Cell]], dict[Cell, list[Cell]]]:
    above, below = _Lists(), _Lists()
    for route in routes:
        for source, target in itertools.pairwise(route):
            above[target].append(source)
            below[source].append(target)
    return above, below


class _Lists(dict[Cell, list[Cell]]):
    def __missing__(self, cell: Cell) -> list[Cell]:
        return self.setdefault(cell, [])


def _crossings(layers: list[list[Cell]], below: dict[Cell, list[Cell]]) -> int:
    """Count the pairs of edges between neighbouring layers that cross."""
    count = 0
    for upper, lower in itertools.pairwise(layers):
        place = {cell: index for index, cell in enumerate(lower)}
        ends = [end for cell in upper for end in sorted(place[other] for other in below[cell])]
        # An edge crosses those before it that end behind it: inversions, counted in a Fenwick tree.
        tree = [0] * (len(lower) + 1)
        for seen, end in enumerate(ends):
            count += seen
            at = end + 1
            while at:
                count -= tree[at]
                at &= at - 1
            at = end + 1
            while at < len(tree):
                tree[at] += 1
                at += at & -at
    return count


def _apart(wanted: Sequence[float], sizes: Sequence[float], gap: float) -> list[float]:
    """Return the middles closest to those wanted (least squares) in this order, ``gap`` apart."""
    starts: list[float] = []
    offset = 0.0
    for index, size in enumerate(sizes):
        offset += size / 2 if index == 0 else (sizes[index - 1] + size) / 2 + gap
        starts.append(offset)
    # Without the room that those before it need, middles must not decrease: pool adjacent violators.
    blocks: list[tuple[float, int]] = []
    for want, start in zip(wanted, starts):
        total, count = want - start, 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / count:
            before, many = blocks.pop()
            total, count = total + before, count + many
        blocks.append((total, count))
    levels = [total / count for total, count in blocks for _ in range(count)]
    return [level + start for level, start in zip(levels, starts)]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
