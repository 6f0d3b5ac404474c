"""What notebooks show of runs, relations and entries."""

from __future__ import annotations

import pytest
from made_runs import TREE, Clientless, cross_validated, run_of, small_graph, update
from markup import HARMLESS, HOSTILE, Tags

from anabranch.keys import PARTITION
from anabranch.v1 import control_pb2, task_pb2


@pytest.fixture
def graph():
    return small_graph()


def failure(message, **fields):
    return task_pb2.Failure(kind=task_pb2.FAILURE_KIND_EXCEPTION, type="builtins.ValueError", message=message, **fields)


def test_a_run_shows_counts_time_bytes_and_its_graph(graph):
    run = cross_validated(graph)
    shown = Tags(run._repr_html_())
    assert shown.tags <= HARMLESS and "svg" in shown.tags
    assert (
        "succeeded" in shown.text and "small" in shown.text and "800 B" in shown.text and "StandardScaler" in shown.text
    )


def test_a_run_shows_its_first_failures_as_text(graph):
    updates = [
        update(
            number,
            1,
            control_pb2.PHASE_FIT,
            [(PARTITION, number), (TREE, 0)],
            state=control_pb2.ENTRY_STATE_FAILED,
            failure=failure(HOSTILE.replace("\ud800", ""), node="tree", traceback="<b>line 3</b>"),
        )
        for number in range(8)
    ]
    shown = Tags(run_of(graph, updates)._repr_html_())
    assert shown.tags <= HARMLESS
    assert shown.text.count("<b>line 3</b>") == 5 and "and 3 more failed keys" in shown.text
    assert "<script>alert(1)</script>" in shown.text


def test_a_run_that_goes_on_says_what_is_planned(graph):
    run = run_of(graph, [], state=control_pb2.RUN_STATE_RUNNING)
    run.feed.push(
        control_pb2.RunUpdate(
            run=1, progress=[control_pb2.NodeProgress(node=1, planned=9, succeeded=4, running=2, open=True)]
        )
    )
    text = Tags(run._repr_html_()).text
    assert "running" in text and "4 of 9+ keys" in text and "4/9+" in text


def test_relations_and_entries_are_tables(graph):
    relation = cross_validated(graph)["tree"]
    shown = Tags(relation._repr_html_())
    assert shown.tags <= HARMLESS and "4 entries" in shown.text and "tree__max_depth" in shown.text
    assert "0.61" in shown.text and "error" not in shown.text
    page = relation[0]._repr_html_()
    assert "0.5" in Tags(page).text and all(f">{name}</th>" in page for name in ("partition", "fold", "tree"))
    assert "worker" not in page


def test_long_relations_are_cut(graph):
    updates = [
        update(number, 1, control_pb2.PHASE_SCORE, [(PARTITION, number)], scores={"score": 0.5}) for number in range(90)
    ]
    page = run_of(graph, updates, client=Clientless())["tree"]._repr_html_()
    assert "90 entries, the first 30 shown" in page and page.count("<tr>") == 31
