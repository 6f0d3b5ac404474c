"""Graphs: building, operators, validation, roles, variants."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

import anabranch as ab
from anabranch.parameters import expand_grid
from anabranch.roles import Role


def scaler():
    from sklearn.preprocessing import StandardScaler

    return StandardScaler()


def tree():
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier()


def edges_of(graph):
    return [(source.name, target.name) for source, target in graph.edges]


def test_importing_the_package_imports_no_library():
    code = (
        "import sys, anabranch; print([m for m in ('numpy', 'sklearn', 'pandas', 'zmq', 'google') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_add_edge_adds_nodes_in_order():
    g = ab.Pipeline("flights")
    pre, left, right = ab.OrNode("pre", scaler()), ab.OrNode("left", tree()), ab.OrNode("right", tree())
    g.add_edge(pre, left)
    g.add_edge(pre, right)
    assert [node.name for node in g.nodes] == ["pre", "left", "right"]
    assert edges_of(g) == [("pre", "left"), ("pre", "right")]
    assert [node.name for node in g.sources] == ["pre"]
    assert [node.name for node in g.sinks] == ["left", "right"]


def test_operators_draw_the_same_edges():
    pre, a, b = ab.OrNode("pre", scaler()), ab.OrNode("a", tree()), ab.OrNode("b", tree())
    vote = ab.AndNode("vote", ab.nodes.Vote())
    g = ab.Pipeline("flights").add(pre >> [a, b] >> vote)
    assert edges_of(g) == [("pre", "a"), ("pre", "b"), ("a", "vote"), ("b", "vote")]


def test_lists_stand_on_either_side():
    s1, s2, a = ab.OrNode("s1", scaler()), ab.OrNode("s2", scaler()), ab.OrNode("a", tree())
    assert edges_of(ab.Pipeline(chain=[s1, s2] >> a)) == [("s1", "a"), ("s2", "a")]


def test_an_empty_graph_takes_the_edges_drawn_after_it():
    older = ab.OrNode("x", scaler()) >> ab.OrNode("y", tree())
    g = ab.Pipeline("flights")
    pre, a = ab.OrNode("pre", scaler()), ab.OrNode("a", tree())
    pre >> a
    assert edges_of(g) == [("pre", "a")]
    assert edges_of(ab.Pipeline(chain=older)) == [("x", "y")]


def test_a_graph_takes_the_loose_edges_that_touch_it_and_no_others():
    g = ab.Pipeline()
    a, b, c = ab.OrNode("a", scaler()), ab.OrNode("b", scaler()), ab.OrNode("c", tree())
    g.add_edge(a, b)
    b >> c
    other = ab.OrNode("p", scaler()) >> ab.OrNode("q", tree())
    assert edges_of(g) == [("a", "b"), ("b", "c")]
    assert len(other.edges) == 1


def test_loose_edges_end_with_their_nodes():
    ab.OrNode("gone", scaler()) >> ab.OrNode("gone too", tree())
    gc.collect()
    g = ab.Pipeline()
    assert len(g) == 0


def test_two_nodes_with_one_name_are_refused():
    g = ab.Pipeline()
    g.add_node(ab.OrNode("a", scaler()))
    with pytest.raises(ab.GraphError, match="two nodes are called 'a'") as raised:
        g.add_node(ab.OrNode("a", tree()))
    assert raised.value.node == "a"


def test_a_cycle_is_named():
    g = ab.Pipeline()
    a, b, c = (ab.OrNode(name, scaler()) for name in "abc")
    g.add_edge(a, b)
    g.add_edge(b, c)
    with pytest.raises(ab.GraphError, match="closes a cycle: c -> a -> b -> c"):
        g.add_edge(c, a)
    with pytest.raises(ab.GraphError, match="closes a cycle: a -> a"):
        g.add_edge(a, a)


def test_an_edge_stands_once():
    g = ab.Pipeline()
    a, b = ab.OrNode("a", scaler()), ab.OrNode("b", scaler())
    g.add_edge(a, b)
    with pytest.raises(ab.GraphError, match="stands twice"):
        g.add_edge(a, b)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda g: None, "has no nodes"),
        (lambda g: [g.add_node(ab.OrNode(n, scaler())) for n in "ab"], "'a' is not connected"),
        (
            lambda g: g.add_edge(ab.OrNode("a", scaler()), ab.AndNode("v", ab.nodes.Vote())),
            "one incoming edge and no over=",
        ),
        (lambda g: g.add_node(ab.AndNode("v", ab.nodes.Vote(), over="partition")), "has no incoming edge"),
    ],
)
def test_validation_names_the_culprit(build, message):
    g = ab.Pipeline("bad")
    build(g)
    with pytest.raises(ab.GraphError, match=message):
        g.validate()


def test_a_chain_may_stand_without_a_name():
    a, b = ab.OrNode("a", scaler()), ab.OrNode("b", scaler())
    g = ab.Pipeline(a >> b)
    assert g.name == "" and g["a"] is a and g["b"] is b
    g.validate()
    with pytest.raises(ab.GraphError, match=r"ab.Pipeline\(name, chain\)"):
        ab.Pipeline(ab.OrNode("c", scaler()), "c")
    with pytest.raises(ab.GraphError, match="joins nodes"):
        ab.Pipeline([("scale", scaler())])


def test_unknown_names_list_the_known_ones():
    g = ab.Pipeline("small", ab.OrNode("a", scaler()))
    with pytest.raises(ab.GraphError, match="no node 'b'; its nodes: 'a'"):
        g["b"]


@pytest.mark.parametrize("name", ["", "a=b", "a,b", "a:b", "{a}", "a[0]", 3])
def test_names_that_keys_could_not_spell_are_refused(name):
    with pytest.raises(ab.GraphError, match="cannot name a node"):
        ab.OrNode(name, scaler())


def test_roles():
    from sklearn.cluster import DBSCAN, KMeans
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline

    assert ab.OrNode("n", scaler()).role is Role.TRANSFORMER
    assert ab.OrNode("n", LinearRegression()).role is Role.PREDICTOR
    assert ab.OrNode("n", LinearDiscriminantAnalysis()).role is Role.PREDICTOR
    assert ab.OrNode("n", LinearDiscriminantAnalysis(), role="transformer").role is Role.TRANSFORMER
    assert ab.OrNode("n", KMeans()).role is Role.TRANSFORMER
    assert ab.OrNode("n", KMeans(), role="predictor").role is Role.PREDICTOR
    assert ab.OrNode("n", make_pipeline(scaler(), tree())).role is Role.PREDICTOR
    assert ab.OrNode("n", make_pipeline(scaler(), scaler())).role is Role.TRANSFORMER
    assert ab.OrNode("n", lambda X: X).role is Role.FUNCTION
    assert ab.OrNode("n", ab.native("rows.identity")).role is Role.NATIVE
    assert ab.OrNode("n", ab.nodes.GroupBy("carrier")).role is Role.SPLITTER
    with pytest.raises(ab.GraphError, match="DBSCAN is neither a function nor an estimator"):
        ab.OrNode("n", DBSCAN())
    with pytest.raises(ab.GraphError, match=r"give an instance, KMeans\(\)"):
        ab.OrNode("n", KMeans)


def test_who_needs_y():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import TargetEncoder

    assert ab.OrNode("n", tree()).needs_y
    assert not ab.OrNode("n", scaler()).needs_y
    assert ab.OrNode("n", TargetEncoder()).needs_y
    assert ab.OrNode("n", make_pipeline(scaler(), tree())).needs_y
    assert not ab.OrNode("n", make_pipeline(scaler(), "passthrough")).needs_y
    assert ab.OrNode("n", lambda X, y: X).needs_y
    assert not ab.OrNode("n", lambda X, y=None: X).needs_y


def test_outputs():
    from sklearn.linear_model import LinearRegression
    from sklearn.svm import LinearSVC

    assert ab.OrNode("n", tree()).output == "predict"
    assert ab.OrNode("n", scaler()).output == ""
    assert ab.OrNode("n", LinearSVC(), output="decision_function").output == "decision_function"
    with pytest.raises(ab.GraphError, match="LinearRegression has no predict_proba"):
        ab.OrNode("n", LinearRegression(), output="predict_proba")
    with pytest.raises(ab.GraphError, match="for nodes that predict"):
        ab.OrNode("n", scaler(), output="predict")


def test_grids_expand_as_in_scikit_learn():
    from sklearn.model_selection import ParameterGrid

    grids = [{"C": [1, 10], "kernel": ["linear"]}, {"gamma": [0.1, 0.2], "C": [3, 4], "a": [None]}]
    assert expand_grid(grids, "n") == list(ParameterGrid(grids))
    assert expand_grid(grids[1], "n") == list(ParameterGrid(grids[1]))
    assert expand_grid({}, "n") == [{}]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"max_depth": 3}, "give a list of choices"),
        ({"max_depth": []}, "no choice for 'max_depth'"),
        ({"depth": [3]}, "DecisionTreeClassifier has no parameter 'depth'; it has: .*max_depth"),
        ([], "a dict of lists"),
        ([3], "holds int"),
    ],
)
def test_wrong_grids_are_refused(params, message):
    with pytest.raises(ab.GraphError, match=message):
        ab.OrNode("n", tree(), params=params)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fit": "some"}, "use each, all or sequential"),
        ({"fit": "sequential"}, "needs partial_fit"),
        ({"timeout": 0}, "must be positive"),
        ({"memory": "lots"}, "not a number of bytes"),
        ({"retries": -1}, "must not be negative"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ab.GraphError, match=message):
        ab.OrNode("n", tree(), **options)


def test_memory_takes_suffixes():
    assert ab.OrNode("n", tree(), memory="1.5G").memory == 3 << 29
    assert ab.OrNode("n", tree(), memory=1000).memory == 1000
