"""A graph comes back from its message as it was submitted."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

import anabranch as ab
from anabranch.decoding import Unreadable, decode_graph
from anabranch.encoding import encode_graph
from anabranch.errors import RequestError
from anabranch.process_client import current


def double(X):
    return X * 2


def everything():
    """Every kind of node and every option that a message carries; `ab.OrNode` keeps its edges' order."""
    parts = ab.OrNode("parts", ab.nodes.Splitter(ab.native("partition", count=2), "half"))
    twice = ab.OrNode("twice", double, timeout=1.5, memory="2M", threads=2, retries=3, executor="ray")
    scale = ab.OrNode("scale", StandardScaler(), fit="all", keep_output=True)
    other = ab.OrNode("other", FunctionTransformer(), params={"validate": [False, True]})
    join = ab.AndNode("join", ab.nodes.ColumnConcat(), join="product", missing="drop")
    model = ab.OrNode("model", LogisticRegression(), params={"C": [1, 2]}, output="predict_proba", cv=GroupKFold(3))
    plain = ab.OrNode("plain", LogisticRegression(), in_sample=True)
    mean = ab.AndNode("mean", ab.native("mean", weights=[1, 2]), emits_predictions=True)
    vote = ab.AndNode("vote", ab.nodes.Vote([2, 1]), over=("partition", "half"))
    g = ab.Pipeline("everything")
    g.add(parts >> twice >> [scale, other])
    # Not the order in which the nodes joined.
    for source in (other, scale):
        g.add_edge(source, join)
    g.add(join >> [model, plain])
    for source in (plain, model):
        g.add_edge(source, mean)
    g.add_edge(mean, vote)
    return g


def test_a_graph_survives_the_way_there_and_back(coordinator):
    graph = everything()
    sent = encode_graph(current(), graph)
    back = decode_graph(current(), sent.message)
    again = encode_graph(current(), back)
    for message in (sent.message, again.message):
        for node in message.nodes:
            for field in ("payload", "variants", "oof_splitter"):
                if node.HasField(field):
                    getattr(node, field).Clear()
    assert again.message == sent.message
    assert [node.name for node in back.parents("join")] == ["other", "scale"]
    assert [node.name for node in back.parents("mean")] == ["plain", "model"]
    assert back["model"].variants == [{"C": 1}, {"C": 2}] and back["model"].cv.get_n_splits() == 3
    assert back["twice"].step(np.ones(1)) == 2 and back["vote"].step.weights == [2, 1]
    assert back["scale"].step.get_params() == StandardScaler().get_params()
    assert back["parts"].step.splits == "half" and back["mean"].step.parameters == {"weights": [1, 2]}


def test_what_cannot_be_unpickled_here_spoils_its_own_node_alone(coordinator, monkeypatch):
    # Pickled by reference, and gone where it is read.
    monkeypatch.setattr("anabranch.nodes.choose.double", double, raising=False)
    monkeypatch.setattr(double, "__module__", "anabranch.nodes.choose")
    graph = ab.Pipeline("gone", ab.OrNode("scale", MinMaxScaler()) >> ab.OrNode("double", double))
    sent = encode_graph(current(), graph)
    monkeypatch.delattr("anabranch.nodes.choose.double")
    back = decode_graph(current(), sent.message)
    assert isinstance(back["scale"].step, MinMaxScaler) and isinstance(back["double"].step, Unreadable)
    with pytest.raises(RequestError, match="node 'double': what was submitted cannot be read here: AttributeError"):
        back["double"].step(1)


def test_objects_that_were_handed_out_are_given_back(coordinator):
    sent = encode_graph(current(), everything())
    identifiers = [(node.payload.writer, node.payload.sequence) for node in sent.message.nodes if node.payload.segment]
    assert identifiers
    # The coordinator counts a holding for each object that it names.
    coordinator.wait_for(lambda: all(coordinator.holdings[i] for i in identifiers))
    before = dict(coordinator.holdings)
    coordinator.holdings.update(identifiers)
    graph = decode_graph(current(), sent.message)
    assert coordinator.wait_for(lambda: all(coordinator.holdings[i] == before[i] for i in identifiers))
    assert graph.nodes and sent.refs
