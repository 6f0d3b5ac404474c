"""The command line's Python half: files, YAML, data, errors. What needs no pool."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest
from made_runs import run_of, small_graph, update

import anabranch as ab
from anabranch.cli import main, running
from anabranch.cli.artefacts import OutputDirectory
from anabranch.cli.datafiles import Table, read_data
from anabranch.cli.loading import Loaded, load_pipeline
from anabranch.cli.remote import chosen
from anabranch.cli.request import CommandError, Request
from anabranch.cli.written_keys import read_key, write_key
from anabranch.keys import DATA, Dimension, Key
from anabranch.v1 import control_pb2

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


SCALER = "nodes: {a: sklearn.preprocessing.StandardScaler}"


def limited(limit):
    return f"nodes: {{a: {{estimator: sklearn.preprocessing.StandardScaler, {limit}}}}}"


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
        (
            "nodes:\n  a: sklearn.preprocessing.StandardScaler\n  a: sklearn.preprocessing.MinMaxScaler",
            r"bad.yaml, line 3: 'a' stands here a second time, after line 2",
        ),
        (f"{SCALER}\ndata: {{partitions: 2, by: b}}", "bad.yaml: data: give partitions or by, not both"),
        (f"{SCALER}\nedges: a >> b", "bad.yaml: edges: a list is needed, .* not 'a >> b'"),
        (f"{SCALER}\nseed: x", "bad.yaml: seed: a whole number is needed, not 'x'"),
        (f"{SCALER}\nseed: true", "seed: a whole number is needed, not True"),
        (f"{SCALER}\ncv: five", "cv: a number of folds from 2 on, or .* of a splitter, is needed, not 'five'"),
        (f"{SCALER}\ncv: 1", "cv: a number of folds from 2 on"),
        (f"{SCALER}\ncv: {{estimator: sklearn.model_selection.Fold}}", "bad.yaml: cv: .* has no 'Fold'"),
        (limited("timeout: soon"), "nodes: a: timeout: a number of seconds is needed, not 'soon'"),
        (limited("memory: [1]"), "nodes: a: memory: a number of bytes such as 500M or 2G is needed"),
        (limited("threads: 1.5"), "nodes: a: threads: a whole number is needed, not 1.5"),
        (limited("retries: often"), "nodes: a: retries: a whole number is needed, not 'often'"),
    ],
)
def test_wrong_yaml(file, text, message):
    with pytest.raises(CommandError, match=message):
        load_pipeline(file("bad.yaml", text))


def test_a_merged_mapping_may_have_a_key_of_its_own(file):
    text = """
nodes:
  a: &a {estimator: sklearn.preprocessing.StandardScaler, timeout: 5, retries:}
  b: {<<: *a, timeout: 2.5}
"""
    graph = load_pipeline(file("merged.yaml", text)).graph
    assert [(node.timeout, node.retries) for node in graph.nodes] == [(5, 0), (2.5, 0)]


def test_the_splitter_of_a_yaml_file_is_made(file):
    made = "{estimator: sklearn.model_selection.StratifiedKFold, params: {n_splits: 3}}"
    cv = load_pipeline(file("split.yaml", f"{SCALER}\ncv: {made}")).cv
    assert type(cv).__name__ == "StratifiedKFold" and cv.n_splits == 3


@pytest.mark.parametrize(
    ("in_file", "flags", "partitions", "by"),
    [
        ("partitions: 3", {"by": "g"}, None, "g"),
        ("by: g", {"partitions": 2}, 2, None),
        ("partitions: 3", {"partitions": 2}, 2, None),
        ("by: g", {}, None, "g"),
    ],
)
def test_a_flag_that_cuts_wins_over_whatever_cuts_in_the_file(file, monkeypatch, in_file, flags, partitions, by):
    loaded = load_pipeline(file("cut.yaml", f"{SCALER}\ndata: {{path: d.csv, {in_file}}}"))
    given = {}
    monkeypatch.setattr(running, "run_graph", lambda *_, **options: given.update(options))
    running._submit(Request({"command": "run", **flags}), loaded, [Table(np.zeros((6, 2)))])
    assert (given["partitions"], given["by"]) == (partitions, by)


def test_a_column_that_cuts_need_not_be_one_of_x(file, monkeypatch):
    data = file("d.csv", "a,b,g,y\n1,2,u,0\n3,4,v,1\n5,6,u,1\n")
    loaded = load_pipeline(file("cut.yaml", f"{SCALER}\ndata: {{path: {data}, target: y, columns: [a, b], by: g}}"))
    request, given = Request({"command": "run"}), {}
    monkeypatch.setattr(running, "run_graph", lambda *_, **options: given.update(options))
    tables = running._tables(request, loaded, data)
    running._submit(request, loaded, tables)
    assert list(tables[0].X.columns) == ["a", "b"]
    assert given["by"].name == "g" and given["by"].tolist() == ["u", "v", "u"]


class Written:
    """Stands for a path: saves its text."""

    def __init__(self, text):
        self.text = text

    def save(self, file):
        pathlib.Path(file).write_text(self.text)


def test_saved_paths_have_files_of_their_own(tmp_path):
    long = "m-g=" + "x" * 300
    names = ["best", "m-g=a_b", "m-g=a/b", "m-g=a b", "m-g=a,h=b,h=c", "m-g=a,h=b,h=c", long, long + "y", "ü" * 300]
    with OutputDirectory(str(tmp_path / "out")) as directory:
        saved = [directory.save(Written(str(index)), name) for index, name in enumerate(names)]
    assert saved[:2] == ["paths/best.anabranch", "paths/m-g=a_b.anabranch"]
    assert [(tmp_path / "out" / file).read_text() for file in saved] == [str(index) for index in range(len(names))]
    assert all(len(pathlib.Path(file).name.encode()) < 150 for file in saved)
    # Names that are no files' own are told which is whose.
    assert f"{saved[2]}: m-g=a/b" in (tmp_path / "out" / "run.log").read_text()


def test_labels_with_commas_are_quoted():
    assert read_key('g="c=d, e", partition=0') == {"g": "c=d, e", "partition": 0}
    assert read_key('"a, b"=x,h="say ""=""",i=5" disk') == {"a, b": "x", "h": 'say "="', "i": '5" disk'}
    assert read_key("{minmax, scale}=scale,fold=-1") == {"{minmax, scale}": "scale", "fold": -1}
    for wrong in ("g=c=d, e", 'g="a, b', '"g=a"'):
        with pytest.raises(CommandError, match=r"is not name=label.* what holds a comma or = is quoted"):
            read_key(wrong)
    key = Key([(Dimension(DATA, "g"), 'c=d, "e"'), (Dimension(DATA, "a, b"), "{"), (Dimension(DATA, "h"), " x")])
    assert read_key(write_key(key)) == dict(key)


def test_a_key_that_there_is_not_is_answered_with_those_that_there_are():
    labels = ["c=d, e", "f"]
    group = Dimension(DATA, "grp")
    updates = [update(i, 0, control_pb2.PHASE_FIT, [(group, label)]) for i, label in enumerate(labels)]
    run = run_of(small_graph(), updates)
    assert chosen(run, "scale", 'grp="c=d, e"').key == {"grp": "c=d, e"}
    with pytest.raises(CommandError, match=r'run 1: scale has no grp=nope; its keys: grp="c=d, e"; grp=f$'):
        chosen(run, "scale", "grp=nope")
    with pytest.raises(CommandError, match="run 1: tree has no entry; its keys: none"):
        chosen(run, "tree", None)
    with pytest.raises(ab.RequestError, match="has 2 entries"):
        chosen(run, "scale", None)


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
        (
            {"command": "run", "file": "{graph}", "data": "{data}", "mode": "score", "cv": 3},
            2,
            "--cv 3 has no effect on --mode score",
        ),
        (
            {"command": "run", "file": "{graph}", "data": "{data}", "scoring": "accuracy"},
            2,
            "--scoring has no effect without folds or --mode score",
        ),
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


@pytest.mark.parametrize(
    ("fields", "folds", "mode"),
    [
        ({}, None, ab.Mode.FIT),
        ({}, 5, ab.Mode.CROSS_VALIDATE),
        ({"mode": "fit"}, 5, ab.Mode.FIT),
        ({"mode": "fit", "cv": 3}, None, ab.Mode.CROSS_VALIDATE),
        ({"mode": "predict"}, 5, ab.Mode.PREDICT),
    ],
)
def test_the_folds_of_a_file_are_for_when_no_mode_is_said(fields, folds, mode):
    assert running._mode(Request(fields), Loaded(ab.Pipeline("g"), cv=folds)) is mode


def test_a_bad_document(capsys):
    assert main([]) == 2 and main(["--request", "{"]) == 2 and main(["--request", "[]"]) == 2
    assert capsys.readouterr().err.count("anabranch: ") == 3


def test_from_sklearn_refuses_what_is_none():
    with pytest.raises(ab.GraphError, match="is no estimator"):
        ab.from_sklearn(3)
