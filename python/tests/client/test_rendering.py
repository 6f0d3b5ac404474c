"""Pictures of graphs."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import anabranch as ab


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
    assert "n0 --> n1" in text and "n2 --> n3" in text and "#quot;" in text


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
