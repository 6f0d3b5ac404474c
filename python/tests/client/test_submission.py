"""What the coordinator is sent."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import anabranch as ab
from anabranch.codec import key_from_message
from anabranch.process_client import current
from anabranch.v1 import graph_pb2


@pytest.fixture
def data():
    return np.zeros((30, 2)), np.arange(30) % 2


def test_a_graph_as_a_message(coordinator, data):
    a, b = ab.OrNode("a", StandardScaler(), timeout=1.5), ab.OrNode("b", ab.native("identity", depth=2))
    join = ab.AndNode("join", ab.nodes.ColumnConcat(), join="product", missing="drop")
    model = ab.OrNode("model", LogisticRegression(), params={"C": [1, 2]}, output="predict_proba", cv=3, memory="1M")
    vote = ab.AndNode("vote", ab.nodes.Mean(), over="partition")
    g = ab.Pipeline("all", [a, b] >> join >> model >> vote)
    g.fit(*data, partitions=3, seed=7, on_error="stop", keep_outputs=True)
    sent = coordinator.submissions[0]
    nodes = {node.name: node for node in sent.graph.nodes}
    assert nodes["a"].role == graph_pb2.NODE_ROLE_TRANSFORMER and nodes["a"].limits.timeout_ms == 1500
    assert nodes["b"].native_function == "identity" and nodes["b"].native_parameters == b'{"depth":2}'
    assert (
        nodes["join"].join == graph_pb2.JOIN_POLICY_PRODUCT and nodes["join"].missing == graph_pb2.MISSING_POLICY_DROP
    )
    assert nodes["model"].variant_count == 2 and nodes["model"].output_method == "predict_proba"
    assert nodes["model"].HasField("oof_splitter") and nodes["model"].limits.memory_bytes == 1 << 20
    assert nodes["model"].needs_y and not nodes["a"].needs_y
    assert list(nodes["vote"].over) == ["partition"] and nodes["vote"].emits_predictions
    names = [node.name for node in sent.graph.nodes]
    assert [(names[e.source], names[e.target]) for e in sent.graph.edges] == [
        ("a", "join"), ("b", "join"), ("join", "model"), ("model", "vote"),
    ]  # fmt: skip
    assert sent.options.seed == 7 and sent.options.on_error == graph_pb2.ON_ERROR_STOP and sent.options.keep_outputs
    inputs = {names[one.node]: one.entries for one in sent.inputs}
    assert set(inputs) == {"a", "b"}
    # X and y stand in the store once, however many nodes read them and parts there are.
    assert len({(e.data.x.object.writer, e.data.x.object.sequence) for es in inputs.values() for e in es}) == 1
    assert len({e.data.x.rows.sequence for e in inputs["a"]}) == 3
    assert [key_from_message(e.key) for e in inputs["b"]] == [{"partition": i} for i in range(3)]


def test_wrong_inputs_are_refused(coordinator, data):
    X, y = data
    g = ab.Pipeline(chain=ab.OrNode("model", LogisticRegression()))
    for arguments, options, message in [
        ((X, y[:-1]), {}, "y has 29 rows, X has 30"),
        ((X[:0],), {}, "X has no rows"),
        ((None,), {}, "X is None"),
        ((X, y), {"partitions": 2, "by": 0}, "partitions= or by=, not both"),
        ((X, y), {"partitions": 31}, "the data has 30 rows"),
        ((X, y), {"by": "carrier"}, "no column 'carrier'"),
        ((X, y), {"on_error": "explode"}, "use continue, stop or raise"),
        ((ab.Xy(X, y), y), {}, "y is given twice"),
        (({"model": []},), {}, "the list of inputs is empty"),
        (({"model": [ab.Xy(X, y[:3])]},), {}, "node 'model', input 0: y has 3 rows"),
        (({"other": [X]},), {}, "no node 'other'"),
        (({"model": [X]}, y), {}, "belongs into each Xy"),
        ((X, y), {"seed": -1}, r"seed=-1 is not in"),
        ((X, y), {"candidates": [{"model": 0}]}, "no variant 0"),
    ]:
        with pytest.raises((ab.RequestError, ab.GraphError), match=message):
            g.fit(*arguments, **options)
    with pytest.raises(ab.RequestError, match="no scorer 'acuracy'; did you mean accuracy"):
        g.cross_validate(X, y, scoring="acuracy")
    with pytest.raises(ab.RequestError, match="cv='many'"):
        g.cross_validate(X, y, cv="many")
    assert not coordinator.submissions


def test_a_source_without_inputs_is_named(coordinator, data):
    a, b = ab.OrNode("a", StandardScaler()), ab.OrNode("b", StandardScaler())
    g = ab.Pipeline(chain=[a, b] >> ab.AndNode("both", ab.nodes.ColumnConcat()))
    with pytest.raises(ab.GraphError, match="'b' has no incoming edge and no inputs"):
        g.fit({a: [data[0]]})


def test_inputs_live_as_long_as_their_run(coordinator):
    import gc

    g = ab.Pipeline(chain=ab.OrNode("scale", StandardScaler()))
    run = g.fit(np.zeros((5000, 2)))
    assert coordinator.wait_for(lambda: sum(coordinator.holdings.values()) == 2)  # X and the estimator
    del run
    gc.collect()
    assert coordinator.wait_for(lambda: not coordinator.holdings)
    assert coordinator.wait_for(lambda: "close_run" in coordinator.received)


def test_a_submission_that_is_interrupted_leaves_no_run(coordinator, data, monkeypatch):
    ab.put(1)
    # Nobody is asked for packages before.
    current().requirements = None

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("anabranch.client.wait_for", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ab.Pipeline("g", ab.OrNode("scale", StandardScaler())).fit(*data)
    assert coordinator.wait_for(lambda: "close_run" in coordinator.received)
    assert coordinator.received.index("cancel_run") < coordinator.received.index("close_run")


def test_a_session_that_is_interrupted_is_closed(coordinator, monkeypatch):
    # The client itself is there already.
    ab.put(1)

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("anabranch.client.wait_for", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ab.Executor()
    assert coordinator.wait_for(lambda: "close_run" in coordinator.received)


def test_an_interruption_behind_the_answer_leaves_no_run(coordinator, data, monkeypatch):
    ab.put(1)

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("anabranch.execution.Run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ab.Pipeline("g", ab.OrNode("scale", StandardScaler())).fit(*data)
    assert coordinator.wait_for(lambda: "close_run" in coordinator.received)
