"""``anabranch submit``, ``results`` and ``export`` on a standing cluster."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from commanding import call, environment
from sklearn.datasets import load_iris


def test_submit_results_export(place, standing):
    flags = ("--data", "iris.csv", "--target", "target", "--address", standing)
    run = call(place, "submit", "pipe.py:model", *flags).stdout.strip()
    followed = call(place, "submit", "pipe.py:model", *flags, "--mode", "score", "--model", run, "--wait", "--json")
    score = json.loads(followed.stdout)["entries"][-1]["scores"]["score"]
    table = call(place, "results", run, "--address", standing)
    assert "logisticregression" in table.stdout
    call(place, "export", run, "logisticregression", "partition=0", "--address", standing, "--out", "model.joblib")
    model = joblib.load(place / "model.joblib")
    X, y = load_iris(return_X_y=True, as_frame=True)
    assert model.score(X, y) == score and np.asarray(model.predict_proba(X)).shape == (150, 3)
    refused = call(place, "export", run, "svm", "--address", standing, status=2)
    assert "no node 'svm'; its nodes: standardscaler, logisticregression" in refused.stderr
    unknown = call(place, "results", "77", "--address", standing, status=2)
    assert "77" in unknown.stderr
    call(place, "status", "--worker", socket.gethostname(), "--address", standing)
    elsewhere = call(place, "status", "--worker", "elsewhere", "--address", standing, status=3)
    assert elsewhere.stderr == "anabranch: no active worker on host elsewhere\n"


def test_what_stands_beside_the_file_travels(place, standing):
    (place / "beside.py").write_text("def double(X):\n    return X * 2\n")
    (place / "uses.py").write_text(
        "import anabranch as ab\nimport beside\n"
        "from sklearn.tree import DecisionTreeClassifier\n"
        "g = ab.Pipeline('uses', ab.OrNode('double', beside.double) >> ab.OrNode('tree', DecisionTreeClassifier()))\n"
    )
    done = call(
        place,
        "submit",
        "uses.py",
        "--data",
        "iris.csv",
        "--target",
        "target",
        "--address",
        standing,
        "--wait",
        "--json",
    )
    assert json.loads(done.stdout)["state"] == "succeeded"


def test_a_class_of_the_users_own_file_is_exported_whole(place, standing):
    (place / "own.py").write_text(
        "import anabranch as ab\n"
        "from sklearn.preprocessing import StandardScaler\n"
        "class Own(StandardScaler):\n    pass\n"
        "graph = ab.Pipeline('own')\n"
        "graph.add_node(ab.OrNode('own', Own()))\n"
    )
    flags = ("--data", "iris.csv", "--target", "target", "--address", standing)
    run = call(place, "submit", "own.py", *flags, "--wait", "--json")
    number = str(json.loads(run.stdout)["run"])
    call(place, "export", number, "own", "--address", standing, "--out", "own.joblib")
    X, _ = load_iris(return_X_y=True, as_frame=True)
    assert np.asarray(joblib.load(place / "own.joblib").transform(X)).shape == (150, 4)
    assert not (place / "own.joblib.part").exists()


def load_again(place, *files):
    """What saved paths predict in a process that has not loaded the file of the pipeline."""
    code = (
        "import sys, json, joblib, pandas\n"
        "import anabranch as ab\n"
        "new = pandas.read_parquet('new.parquet')\n"
        "read = {True: joblib.load, False: ab.load}\n"
        "said = [[str(p) for p in read[f.endswith('joblib')](f).predict(new)] for f in sys.argv[1:]]\n"
        "print(json.dumps(said))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *files], cwd=place, env=environment(), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    # Its function prints, too.
    return json.loads(done.stdout.splitlines()[-1])


def test_a_graph_with_functions_and_a_vote_is_exported_as_it_was_submitted(place, standing):
    flags = ("--data", "iris.csv", "--target", "target")
    run = call(place, "submit", "pipe.py:voting", *flags, "--address", standing, "--wait", "--json")
    number = str(json.loads(run.stdout)["run"])
    call(place, "run", "pipe.py:voting", *flags, "--quiet", "--out", "voted")
    (saved,) = (place / "voted" / "paths").glob("vote*.anabranch")
    files = ["vote.anabranch", "vote.joblib", "t.joblib"]
    for file in files:
        node, form = file.split(".")
        call(place, "export", number, node, "--format", form, "--address", standing, "--out", file)
    expected, vote, same_vote, tree = load_again(place, str(saved), *files)
    assert vote == same_vote == expected
    # The tree alone tells two classes apart; naive Bayes, with three votes of four, all three.
    assert len(set(tree)) == 2 and len(set(vote)) == 3
    shown = call(place, "results", number, "--address", standing, "--json")
    assert json.loads(shown.stdout)["mode"] == "fit"
    square = call(place, "export", number, "square", "--format", "anabranch", "--address", standing)
    assert square.stdout.strip() == "square.anabranch"


def test_submit_applies_a_saved_path(place, standing):
    flags = ("--data", "iris.csv", "--target", "target")
    call(place, "run", "pipe.py:voting", *flags, "--quiet", "--out", "applied")
    (saved,) = (place / "applied" / "paths").glob("vote*.anabranch")
    to = ("--address", standing, "--model", str(saved), "--wait")
    call(place, "submit", "pipe.py:voting", "--data", "new.parquet", *to, "--mode", "predict", "--out", "far")
    call(
        place, "run", "pipe.py:voting", "--data", "new.parquet", "--model", str(saved), "--mode", "predict",
        "--out", "near",
    )  # fmt: skip
    far, near = (pd.read_csv(place / out / "predictions.csv") for out in ("far", "near"))
    assert len(far) == 150 and list(far["prediction"]) == list(near["prediction"])
    scored = call(place, "submit", "pipe.py:voting", *flags, *to, "--mode", "score", "--scoring", "accuracy", "--json")
    right = np.mean(np.asarray(near["prediction"]) == load_iris().target)
    (entry,) = json.loads(scored.stdout)["entries"]
    assert entry["node"] == "vote" and entry["scores"]["score"] == pytest.approx(right)
    # Partitions, on all of which the one model is applied.
    parts = call(
        place, "submit", "pipe.py:voting", "--data", "new.parquet", *to, "--mode", "predict", "--partitions", "3",
        "--json",
    )  # fmt: skip
    assert [entry["key"] for entry in json.loads(parts.stdout)["entries"]] == [{"partition": i} for i in range(3)]
    for wrong, said in [
        (
            ("--model", "none.anabranch", "--mode", "predict"),
            "--model none.anabranch: no such file; give a run's number",
        ),
        (("--model", str(saved), "--mode", "fit"), "--model goes with --mode score, predict or transform"),
        (("--model", "iris.csv", "--mode", "predict"), "iris.csv is not a saved path"),
    ]:
        refused = call(place, "submit", "pipe.py:voting", *flags, "--address", standing, *wrong, status=2)
        assert said in refused.stderr


def test_a_saved_transformer_is_applied_by_transform(place, standing):
    flags = ("--data", "iris.csv", "--target", "target", "--address", standing)
    number = str(json.loads(call(place, "submit", "pipe.py:voting", *flags, "--wait", "--json").stdout)["run"])
    export = ("export", number, "scale", "--format", "anabranch", "--address", standing, "--out", "scale.anabranch")
    call(place, *export)
    new = ("--data", "new.parquet", "--address", standing, "--model", "scale.anabranch")
    made = call(place, "submit", "pipe.py:voting", *new, "--mode", "transform", "--wait", "--out", "scaled")
    assert "scale" in made.stdout
    frame = pd.read_csv(place / "scaled" / "predictions.csv")
    assert len(frame) == 150 and abs(frame.iloc[:, -1].mean()) < 1e-9
    refused = call(place, "submit", "pipe.py:voting", *new, "--mode", "predict", status=2)
    assert "the path ends in 'scale', which transforms; use --mode transform" in refused.stderr


def test_a_key_whose_label_has_a_comma_is_exported(place, grouped, standing):
    number = call(place, "submit", grouped, "--by", "g", "--address", standing).stdout.strip()
    export = ("export", number, "m", "--address", standing, "--out", "group.joblib")
    call(place, *export, 'g="c=d, e"')
    assert joblib.load(place / "group.joblib").predict(pd.DataFrame({"size": [0], "g": [""]}))[0] == 4
    refused = call(place, *export, "g=nope", status=2)
    assert 'm has no g=nope; its keys: g=a b; g=a/b; g=a_b; g="c=d, e"; ' in refused.stderr
