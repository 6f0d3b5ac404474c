"""Pictures of graphs."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET

import pytest
from markup import HARMLESS, HOSTILE, Tags
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import anabranch as ab
from anabranch.rendering.html import summary_to_html
from anabranch.rendering.layers import layering_of
from anabranch.summary import Row, Summary


@pytest.fixture
def graph():
    pre = ab.OrNode("pre", StandardScaler())
    models = [
        ab.OrNode('a "quoted" <one>', DecisionTreeClassifier(), params={"max_depth": [1, 2]}),
        ab.OrNode("b", StandardScaler()),
    ]
    return ab.Pipeline("flights", pre >> models >> ab.AndNode("join", lambda inputs: inputs[0]))


def test_text(graph):
    text = graph.to_text()
    assert text.splitlines()[0] == "flights"
    assert "DecisionTreeClassifier (2 variants)  <- pre" in text
    assert text.splitlines()[-1].endswith('<- a "quoted" <one>, b')


def test_mermaid(graph):
    text = graph.to_mermaid()
    assert text.startswith("flowchart LR\n")
    assert "n0 --> n1" in text and "n2 --> n3" in text and "a #quot;quoted#quot; #lt;one#gt;<br/>OR: " in text


def test_dot(graph):
    text = graph.to_dot()
    assert text.startswith('digraph "flights" {') and '"pre" -> "b";' in text and '\\"quoted\\"' in text


def test_svg_is_well_formed(graph, tmp_path):
    picture = graph.to_svg(tmp_path / "graph.svg")
    root = ET.fromstring(picture)
    assert root.tag.endswith("svg")
    texts = ["".join(node.itertext()) for node in root.iter() if node.tag.endswith("text")]
    assert "pre" in texts and 'a "quoted" <one>' in texts
    assert (tmp_path / "graph.svg").read_text() == picture


def pictured(picture):
    """Return a picture's element tree, its boxes as (left, top, right, bottom), and what its paths start and end at."""
    root = ET.fromstring(picture)
    boxes = []
    for rect in (node for node in root.iter() if node.tag.endswith("rect")):
        x, y, width, height = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
        boxes.append((x, y, x + width, y + height))
    paths = [node.get("d") for node in root.iter() if node.tag.endswith("path") and node.get("marker-end")]
    return root, boxes, paths


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def layered(count, width):
    """Return a graph of layers: a node reads two of the layer before, and every fifth one of the first layer too."""
    nodes = [ab.OrNode(f"node {i}", StandardScaler()) for i in range(width)]
    nodes += [ab.AndNode(f"node {i}", len) for i in range(width, count)]
    graph = ab.Pipeline("layered")
    for i in range(width, count):
        above, column = (i // width - 1) * width, i % width
        parents = {above + column: None, above + (3 * column + 1) % width: None}
        if i % 5 == 0:
            parents[(column + 2) % width] = None
        for parent in parents:
            graph.add_edge(nodes[parent], nodes[i])
    return graph


def test_two_hundred_nodes_stand_apart_and_edges_pass_between_them():
    graph = layered(200, 10)
    picture = graph.to_svg()
    _, boxes, paths = pictured(picture)
    assert len(boxes) == 200 and len(paths) == len(graph.edges)
    assert not any(overlap(one, other) for one, other in itertools.combinations(boxes, 2))
    lefts = {(box[0], (box[1] + box[3]) / 2) for box in boxes}
    rights = {(box[2], (box[1] + box[3]) / 2) for box in boxes}
    for path in paths:
        points = [(float(x), float(y)) for x, y in re.findall(r"(-?[0-9.]+) (-?[0-9.]+)", path)]
        assert any(abs(points[0][0] - x) < 0.2 and abs(points[0][1] - y) < 0.2 for x, y in rights)
        assert any(abs(points[-1][0] - x) < 0.2 and abs(points[-1][1] - y) < 0.2 for x, y in lefts)
        # Where an edge passes a layer it goes straight, in the room between boxes.
        for x, y in points[1:-1]:
            assert not any(box[0] < x < box[2] and box[1] < y < box[3] for box in boxes)
    assert layered(200, 10).to_svg() == picture


def test_a_deep_chain_is_one_line():
    graph = ab.Pipeline("chain")
    nodes = [ab.OrNode(f"step {i}", StandardScaler()) for i in range(200)]
    for source, target in itertools.pairwise(nodes):
        graph.add_edge(source, target)
    _, boxes, _ = pictured(graph.to_svg())
    assert len({box[1] for box in boxes}) == 1 and [box[0] for box in boxes] == sorted(box[0] for box in boxes)


def test_edges_that_need_not_cross_do_not():
    first = [ab.OrNode(name, StandardScaler()) for name in "abc"]
    second = [ab.OrNode(name.upper(), StandardScaler()) for name in "cba"]
    graph = ab.Pipeline("twisted")
    for node in [*first, *second]:
        graph.add_node(node)
    for node in first:
        graph.add_edge(node, graph[node.name.upper()])
    layers = layering_of(graph).layers
    assert [cell.node.name for cell in layers[1]] == [cell.node.name.upper() for cell in layers[0]]


def test_long_names_are_shortened_and_whole_in_the_tooltip():
    name = "x" * 5000
    root, boxes, _ = pictured(ab.Pipeline("long", ab.OrNode(name, StandardScaler())).to_svg())
    assert boxes[0][2] - boxes[0][0] < 500
    texts = {kind: [n.text for n in root.iter() if n.tag.endswith(kind)] for kind in ("text", "title")}
    assert all(len(text) <= 42 for text in texts["text"]) and any(name in text for text in texts["title"])


def test_names_are_text_wherever_they_are_shown():
    # What a key could not be read back with cannot be in a name.
    name = HOSTILE.translate(dict.fromkeys(map(ord, "[]=,:{}")))
    graph = ab.Pipeline(HOSTILE, ab.OrNode(name, StandardScaler()) >> ab.OrNode("b", StandardScaler()))
    ET.fromstring(graph.to_svg())
    summary = Summary([Row(HOSTILE, 1, 3, 1, 1, 0, True)], 2.0)
    for page in (graph._repr_html_(), graph._repr_svg_(), summary_to_html(summary, HOSTILE)):
        page.encode()
        shown = Tags(page)
        assert shown.tags <= HARMLESS and "<script>alert(1)</script>" in shown.text
    assert Tags(ab.Pipeline(HOSTILE)._repr_html_()).tags == {"pre"}
