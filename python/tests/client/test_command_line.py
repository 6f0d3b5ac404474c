"""The command line's Python half: files, YAML, data, errors. What needs no pool."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest

import anabranch as ab
from anabranch.cli import main
from anabranch.cli.datafiles import read_data
from anabranch.cli.loading import load_pipeline
from anabranch.cli.request import CommandError

EXAMPLES = pathlib.Path(__file__).resolve().parents[3] / "examples"


def command(**fields):
    return main(["--request", json.dumps(fields)])


@pytest.fixture
def file(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


GRAPH = """
import anabranch as ab
from sklearn.preprocessing import StandardScaler
{name} = ab.Pipeline("from file", ab.OrNode("scale", StandardScaler()))
"""


def test_python_files(file):
    assert load_pipeline(file("one.py", GRAPH.format(name="anything"))).graph.name == "from file"
    named = file("two.py", GRAPH.format(name="a") + GRAPH.format(name="b"))
    assert load_pipeline(f"{named}:b").graph.name == "from file"
    with pytest.raises(CommandError, match="several pipelines, a, b: name one"):
        load_pipeline(named)
    with pytest.raises(CommandError, match="has no 'c'; its pipelines: a, b"):
        load_pipeline(f"{named}:c")
    built = file("three.py", "def build():" + GRAPH.format(name="g").replace("\n", "\n    ") + "return g\n")
    assert load_pipeline(f"{built}:build").graph.name == "from file"


def test_wrong_files(file, tmp_path):
    for name, text, message in [
        ("empty.py", "", "holds no ab.Pipeline"),
        ("broken.py", "x = (", "broken.py, line 1: SyntaxError"),
        (
            "imports.py",
            "\nimport nowhere_to_be_found",
            "line 2: ModuleNotFoundError: No module named 'nowhere_to_be_found'",
        ),
        ("quits.py", "raise SystemExit(3)", "it ended the program"),
        ("number.py:x", "x = 3", "is a int; an ab.Pipeline, an estimator or a search"),
    ]:
        path, colon, attribute = name.partition(":")
        with pytest.raises(CommandError, match=message):
            load_pipeline(file(path, text) + colon + attribute)
    with pytest.raises(CommandError, match="no such file"):
        load_pipeline(str(tmp_path / "nothing.py"))
    with pytest.raises(CommandError, match="no such file, and no module"):
        load_pipeline("no_module_of_that_name")


def test_scikit_learn_pipelines_become_chains(file):
    text = """
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
model = make_pipeline(StandardScaler(), KMeans(3), "passthrough", LogisticRegression())
"""
    graph = load_pipeline(file("pipe.py", text)).graph
    assert [(n.name, n.role.name) for n in graph.nodes] == [
        ("standardscaler", "TRANSFORMER"), ("kmeans", "TRANSFORMER"), ("logisticregression", "PREDICTOR"),
    ]  # fmt: skip


def test_searches_become_variants(file):
    text = """
from sklearn.pipeline import make_pipeline
from sklearn.decomposition import PCA
from sklearn.svm import SVC
from sklearn.model_selection import GridSearchCV
grid = [{"svc__C": [1, 2], "svc__kernel": ["rbf"]}, {"pca__n_components": [2], "svc__kernel": ["linear"]}]
search = GridSearchCV(make_pipeline(PCA(), SVC()), grid, cv=4, scoring="f1")
"""
    loaded = load_pipeline(file("search.py", text))
    assert loaded.cv == 4 and loaded.scoring == "f1"
    assert loaded.graph["pca"].variants == [{}, {"n_components": 2}]
    assert loaded.graph["svc"].variants == [{"C": 1, "kernel": "rbf"}, {"C": 2, "kernel": "rbf"}, {"kernel": "linear"}]
    assert loaded.candidates == [{"pca": 0, "svc": 0}, {"pca": 0, "svc": 1}, {"pca": 1, "svc": 2}]


def test_the_yaml_example():
    loaded = load_pipeline(str(EXAMPLES / "late_flights.yaml"))
    assert [node.name for node in loaded.graph.nodes] == ["preprocess", "tree", "forest", "boost", "vote"]
    assert len(loaded.graph.edges) == 6 and loaded.scoring == ["accuracy", "f1"]
    transformers = loaded.graph["preprocess"].step.transformers
    assert [name for name, _, _ in transformers] == ["numbers", "texts"]
    assert transformers[0][1].steps[0][1].strategy == "median"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nodes: [", "is no YAML"),
        ("[]", "a mapping with nodes and edges"),
        ("nodes: {}", "nodes: a mapping of name to node"),
        ("nodes: {a: {estimatr: x}}", "nodes: a: there is no field 'estimatr'"),
        ("nodes: {a: sklearn.tree.Nothing}", "module sklearn.tree has no 'Nothing'"),
        ("nodes: {a: nowhere.at_all.Thing}", "ModuleNotFoundError"),
        (
            "nodes: {a: {estimator: sklearn.tree.DecisionTreeClassifier, params: {depth: 3}}}",
            "unexpected keyword argument 'depth'",
        ),
        ("nodes: {a: sklearn.preprocessing.StandardScaler}\nedges: [a >> b]", "there is no node 'b'; nodes: a"),
        ("nodes: {a: sklearn.preprocessing.StandardScaler}\nedges: [3]", "3 is neither"),
        ("nodes: {a: sklearn.preprocessing.StandardScaler}\nedges: [[a, a]]", "closes a cycle: a -> a"),
        ("nodes: {a: sklearn.preprocessing.StandardScaler}\ndata: {file: x}", "there is no field 'file'"),
    ],
)
def test_wrong_yaml(file, text, message):
    with pytest.raises(CommandError, match=message):
        load_pipeline(file("bad.yaml", text))


def test_pictures(file, capsys):
    path = file("one.py", GRAPH.format(name="g"))
    for form, beginning in [("text", "from file"), ("mermaid", "flowchart"), ("dot", "digraph"), ("svg", "<svg")]:
        assert command(command="graph", file=path, format=form) == 0
        assert capsys.readouterr().out.startswith(beginning)


def test_a_picture_in_a_file(file, tmp_path, capsys):
    path, out = file("one.py", GRAPH.format(name="g")), tmp_path / "g.svg"
    assert command(command="graph", file=path, svg=str(out)) == 0
    assert out.read_text().startswith("<svg") and not capsys.readouterr().out
    assert command(command="graph", file=path, svg=str(tmp_path / "none" / "g.svg")) == 2
    assert "g.svg: No such file or directory" in capsys.readouterr().err


def test_data_files(tmp_path):
    import pandas as pd
    import pyarrow.feather

    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"], "y": [0, 1, 0]})
    frame.to_csv(tmp_path / "d.csv", index=False)
    frame.to_parquet(tmp_path / "d.parquet")
    pyarrow.feather.write_feather(frame, str(tmp_path / "d.arrow"))
    for name in ("d.csv", "d.parquet", "d.arrow"):
        (table,) = read_data(str(tmp_path / name), "y")
        assert list(table.X.columns) == ["a", "b"] and table.y.tolist() == [0, 1, 0]
    np.save(tmp_path / "d.npy", np.arange(6.0).reshape(3, 2))
    (table,) = read_data(str(tmp_path / "d.npy"), "1")
    assert table.X.tolist() == [[0], [2], [4]] and table.y.tolist() == [1, 3, 5]
    np.savez(tmp_path / "d.npz", X=np.zeros((3, 2)), y=np.ones(3))
    (table,) = read_data(str(tmp_path / "d.npz"), None)
    assert table.X.shape == (3, 2) and table.y.sum() == 3
    parts = tmp_path / "parts"
    parts.mkdir()
    for index in range(3):
        frame.to_csv(parts / f"{index}.csv", index=False)
    assert len(read_data(str(parts), "y")) == 3


def test_wrong_data(tmp_path, file):
    (tmp_path / "empty").mkdir()
    for path, target, message in [
        (str(tmp_path / "none.csv"), None, "none.csv: no such file"),
        (file("zero.csv", ""), None, "zero.csv is empty"),
        (file("head.csv", "a,b\n"), None, "head.csv has no rows"),
        (file("d.csv", "a,b\n1,2\n"), "c", "has no column 'c'; its columns: a, b"),
        (file("only.csv", "a\n1\n"), "a", "no column besides the target"),
        (file("d.txt", "x"), None, "files that end in .csv"),
        (file("d.parquet", "no parquet"), None, "d.parquet cannot be read"),
        (file("d.npy", "no numpy"), None, "d.npy cannot be read"),
        (str(tmp_path / "empty"), None, "holds no data file"),
    ]:
        with pytest.raises(CommandError, match=message):
            read_data(path, target)


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"command": "dance"}, 2, "no command 'dance'"),
        ({"command": "run"}, 2, "--file is missing"),
        ({"command": "run", "file": "{graph}"}, 2, "--data is missing"),
        ({"command": "run", "file": "{graph}", "data": "nothing.csv"}, 2, "nothing.csv: no such file"),
        ({"command": "run", "file": "{graph}", "data": "{data}", "model": "7"}, 2, "run ids are for submit"),
        ({"command": "submit", "file": "{graph}", "data": "{data}"}, 2, "--address is missing"),
        (
            {"command": "submit", "file": "{graph}", "data": "{data}", "address": "ipc:///none.sock"},
            3,
            "does not exist",
        ),
        ({"command": "results", "run": 1, "address": "ipc:///none.sock"}, 3, "no coordinator at"),
        ({"command": "run", "file": 3}, 2, "--file: a text is needed"),
        ({"command": "run", "file": "{graph}", "data": "{data}", "out": "{data}"}, 2, "it is a file; a directory"),
        (
            {"command": "run", "file": "{graph}", "data": "{data}", "out": "/proc/nowhere/x"},
            2,
            "/proc cannot be written to",
        ),
    ],
)
def test_one_message_and_a_status(file, capsys, fields, status, message):
    graph, data = file("g.py", GRAPH.format(name="g")), file("d.csv", "a,b\n1,2\n3,4\n")
    filled = {k: v.format(graph=graph, data=data) if isinstance(v, str) else v for k, v in fields.items()}
    assert command(**filled) == status
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1 and not captured.out


def test_a_bad_document(capsys):
    assert main([]) == 2 and main(["--request", "{"]) == 2 and main(["--request", "[]"]) == 2
    assert capsys.readouterr().err.count("anabranch: ") == 3


def test_from_sklearn_refuses_what_is_none():
    with pytest.raises(ab.GraphError, match="is no estimator"):
        ab.from_sklearn(3)
