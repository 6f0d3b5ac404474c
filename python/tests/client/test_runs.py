"""Relations, tables and lineage over updates made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from made_runs import FOLDS, TREE, Clientless, cross_validated, run_of, small_graph, update

import anabranch as ab
from anabranch.cli.report import document, table
from anabranch.codec import key_from_message, key_to_message
from anabranch.keys import DATA, PARTITION, Dimension, Key
from anabranch.v1 import control_pb2, task_pb2


@pytest.fixture
def graph():
    return small_graph()


def test_keys_survive_the_message():
    key = Key([(PARTITION, 3), (Dimension(DATA, "carrier"), "AA"), (TREE, 1)])
    assert key_from_message(key_to_message(key)) == key


def test_one_entry_per_key(graph):
    run = cross_validated(graph)
    assert len(run["scale"]) == 2 and len(run["tree"]) == 4
    entry = run["tree"].where(fold=1, tree=0).only()
    assert entry.key == {"partition": 0, "fold": 1, "tree": 0}
    assert entry.score == 0.51 and entry.params == {"max_depth": 2}
    assert entry.model == "tree10" and entry.fit_seconds == 0.5 and entry.seconds == 1.0 and entry.bytes == 200
    assert entry.state == "succeeded" and entry.error is None


def test_filters_and_their_errors(graph):
    relation = cross_validated(graph)["tree"]
    assert len(relation.where(tree=1)) == 2 and len(relation.where({"variant:tree": 1}, fold=0)) == 1
    assert [e.key["fold"] for e in relation[:2]] == [0, 0]
    with pytest.raises(
        ab.RequestError, match=r"no dimension 'carrier'; its dimensions: data:partition\[\], fold:cv, variant:tree"
    ):
        relation.where(carrier="AA")
    with pytest.raises(ab.RequestError, match="4 entries, one was expected: partition=0,fold=0,tree=0; "):
        relation.only()
    with pytest.raises(IndexError, match="has 4 entries, none at 9"):
        relation[9]


def test_best_first(graph):
    run = cross_validated(graph)
    assert [entry.score for entry in run.top(3)] == [0.61, 0.6, 0.51]
    with pytest.raises(ab.RequestError, match="no entry has a score 'f1'; scores: score"):
        run.top(by="f1")


def test_tables(graph):
    run = cross_validated(graph)
    frame = run.to_frame()
    assert list(frame.columns) == [
        "node", "partition", "fold", "tree", "tree__max_depth", "state", "score", "attempts", "seconds",
        "fit_seconds", "score_seconds", "bytes", "bytes_copied", "peak_memory", "worker", "slot", "error",
    ]  # fmt: skip
    assert frame["fit_seconds"].sum() == 3.0 and frame["score_seconds"].sum() == 2.0 and frame["worker"].isna().all()
    assert len(run["tree"].to_frame()) == 4
    assert len(frame) == 6 and frame["tree"].dtype == "Int64"
    assert run.cv_results("tree")["test_score"].tolist() == [0.5, 0.6, 0.51, 0.61]
    head, cells = table(run)
    assert head == ["node", "tree", "score", "folds", "seconds", "state"]
    assert ["tree", "max_depth=4", "0.6050 ± 0.0050", "2", "2.00", "ok"] in cells
    assert document(run)["entries"][2]["params"] == {"max_depth": 2}


def test_a_failed_fit_and_the_score_that_it_cost_are_one_entry(graph):
    key = [(PARTITION, 0), (FOLDS, 0)]
    failure = task_pb2.Failure(kind=task_pb2.FAILURE_KIND_EXCEPTION, type="ValueError", message="bad", node="scale")
    failed, skipped = control_pb2.ENTRY_STATE_FAILED, control_pb2.ENTRY_STATE_SKIPPED
    cause = task_pb2.Failure(kind=task_pb2.FAILURE_KIND_SKIPPED, message="its model failed")
    run = run_of(
        graph,
        [
            update(2, 0, control_pb2.PHASE_SCORE, key, state=skipped, failure=cause),
            update(1, 0, control_pb2.PHASE_FIT, key, state=failed, failure=failure),
        ],
        state=control_pb2.RUN_STATE_FAILED,
    )
    entry = run["scale"].only()
    assert entry.state == "failed" and entry.error.kind == "exception"
    assert entry.error.describe() == "ValueError: bad (node 'scale')"
    with pytest.raises(ab.RequestError, match="has no model: it failed"):
        _ = entry.model
    with pytest.raises(ab.RunError, match="ValueError: bad"):
        run.raise_if_failed()


def test_a_fit_over_a_list_shows_with_its_outputs(graph):
    client = Clientless()
    updates = [update(1, 0, control_pb2.PHASE_FIT, [], model=client.ref("one"))]
    for part in range(3):
        updates.append(update(2 + part, 0, control_pb2.PHASE_FIT + 1, [(PARTITION, part)], model_entry=1))
    relation = run_of(graph, updates, client=client)["scale"]
    assert len(relation) == 3 and all(entry.model == "one" for entry in relation)


def test_internal_entries_are_not_shown(graph):
    assert not run_of(graph, [update(1, 0, control_pb2.PHASE_FIT, [], internal=True)])["scale"]


def test_nothing_is_lost_of_a_path_in_a_file(graph, tmp_path):
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    client = Clientless()
    scale, tree = (
        graph["scale"].step.fit(X),
        graph["tree"].step.set_params(max_depth=4).fit(graph["scale"].step.transform(X), y),
    )
    key = [(PARTITION, 0)]
    run = run_of(
        graph,
        [
            update(1, 0, control_pb2.PHASE_FIT, key, model=client.ref(scale)),
            update(2, 1, control_pb2.PHASE_FIT, [*key, (TREE, 1)], model=client.ref(tree), inputs=[1]),
        ],
        client=client,
    )
    path = run.select(run["tree"].only())
    assert repr(path) == "Path(scale > tree, partition=0,tree=1)"
    expected = tree.predict(scale.transform(X))
    assert np.array_equal(path.predict(X), expected) and path.score(X, y) == (expected == y).mean()
    assert set(path.score(X, y, scoring=["accuracy", "f1_macro"])) == {"accuracy", "f1_macro"}
    file = tmp_path / "path.anabranch"
    path.save(file)
    again = ab.load(file)
    assert np.array_equal(again.predict_proba(X), path.predict_proba(X)) and again.key == path.key
    with pytest.raises(ab.RequestError, match="ends in 'tree', which predicts"):
        path.transform(X)
    with pytest.raises(ab.SaveError, match="no such file"):
        ab.load(tmp_path / "nothing")
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(ab.SaveError, match="not a saved path, or is damaged"):
        ab.load(file)
    with pytest.raises(ab.SaveError, match="cannot write"):
        path.save(tmp_path / "no" / "where")


def test_flags_that_only_some_nodes_have_stay_flags():
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    model = ab.OrNode("tree", LogisticRegression(), params={"fit_intercept": [True, False]})
    graph = ab.Pipeline("small", ab.OrNode("scale", StandardScaler()) >> model)
    keys = [[(PARTITION, 0)], [(PARTITION, 0), (TREE, 0)], [(PARTITION, 0), (TREE, 1)]]
    updates = [update(n + 1, min(n, 1), control_pb2.PHASE_FIT, key) for n, key in enumerate(keys)]
    flags = run_of(graph, updates).to_frame()["tree__fit_intercept"]
    assert flags.dtype == "boolean" and flags.isna().tolist() == [True, False, False]
    assert flags.tolist()[1:] == [True, False]


def test_names_of_columns_are_never_taken_twice(graph):
    key = [(PARTITION, 0), (Dimension(DATA, "state"), "NY")]
    usage = task_pb2.Usage(
        started_us=5, arrived_us=9, worker=3, slot=1, peak_memory_bytes=1 << 20, bytes_copied=77
    )  # fmt: skip
    scores = {"seconds": 0.5, "state": 0.25}
    run = run_of(graph, [update(1, 1, control_pb2.PHASE_SCORE, key, scores=scores, usage=usage, attempts=2)])
    frame = run.to_frame()
    assert frame.columns.is_unique
    row = frame.iloc[0]
    assert row["data:state"] == "NY" and row["state"] == "succeeded" and row["test_seconds"] == 0.5
    assert row["test_state"] == 0.25 and row["seconds"] == 0.0
    assert (row["worker"], row["slot"], row["attempts"], row["peak_memory"]) == (3, 1, 2, 1 << 20)
    assert run.entries[0].bytes_copied == row["bytes_copied"] == document(run)["entries"][0]["bytes_copied"] == 77
