"""``anabranch run`` and what needs no cluster: prints, files, statuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import psutil
import pytest
from commanding import GROUPS, call, environment, opened_by_a_writer
from timelines import load, tasks

import anabranch as ab
from anabranch.binary import find_binary


def test_run_prints_writes_and_answers(place):
    done = call(
        place, "run", "pipe.py:model", "--data", "iris.csv", "--target", "target", "--cv", "3", "--out", "results",
        "--trace", "trace.json",
    )  # fmt: skip
    assert "logisticregression" in done.stdout and "±" in done.stdout
    written = {str(p.relative_to(place / "results")) for p in (place / "results").rglob("*") if p.is_file()}
    assert {"scores.csv", "scores.parquet", "run.json", "graph.svg", "run.log", "paths/best.anabranch"} <= written
    assert not list(place.glob(".anabranch-out-*"))
    names = {task["name"] for task in tasks(load(place / "trace.json"))}
    assert {"folds split", "standardscaler fit", "logisticregression fit"} <= names

    scored = call(
        place, "run", "pipe.py:model", "--data", "iris.csv", "--target", "target", "--mode", "score",
        "--model", "results/paths/best.anabranch", "--scoring", "accuracy", "--json",
    )  # fmt: skip
    assert json.loads(scored.stdout)["scores"][0]["score"] > 0.9

    call(
        place, "run", "pipe.py:model", "--data", "new.parquet", "--mode", "predict",
        "--model", "results/paths/best.anabranch",
        "--out", "predicted",
    )  # fmt: skip
    lines = (place / "predicted" / "predictions.csv").read_text().splitlines()
    assert lines[0] == "row,prediction" and len(lines) == 151


def test_a_timeline_that_cannot_be_written_is_said_before_the_run(place):
    done = call(
        place, "run", "pipe.py:model", "--data", "iris.csv", "--target", "target", "--trace", "no/trace.json", status=2
    )
    assert "--trace no/trace.json" in done.stderr


@pytest.mark.parametrize("flag", ["--out", "--trace"])
def test_what_nobody_would_stay_to_write_is_refused(place, flag):
    where = ("--data", "iris.csv", "--address", "ipc:///nowhere")
    done = call(place, "submit", "pipe.py:model", *where, flag, "somewhere", status=2)
    assert f"{flag} is written at the run's end: add --wait" in done.stderr


@pytest.mark.parametrize("address", ["localhost:7700", "tcp://localhost", "7700"])
def test_an_address_that_is_none_is_named(place, address):
    for command in (["status"], ["worker", "--slots", "1"], ["submit", "pipe.py:model", "--data", "iris.csv"]):
        done = call(place, *command, "--address", address, status=2)
        assert f"--address {address}: no endpoint" in done.stderr and "tcp://HOST:PORT" in done.stderr


def test_json_is_all_that_stdout_gets(place):
    done = call(place, "run", "pipe.py:model", "--data", "iris.csv", "--target", "target", "--json")
    found = json.loads(done.stdout)
    assert found["state"] == "succeeded" and [e["node"] for e in found["entries"]] == [
        "standardscaler",
        "logisticregression",
    ]


def test_failed_keys_are_status_1(place):
    done = call(
        place,
        "run",
        "pipe.py:picky",
        "--data",
        "iris.csv",
        "--target",
        "target",
        "--partitions",
        "3",
        "--quiet",
        status=1,
    )
    assert "too few classes" in done.stderr and "failed" in done.stdout


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_is_status_130_and_waits_for_no_task(place, times):
    (place / "started").unlink(missing_ok=True)
    os.mkfifo(place / "started")
    command = [
        find_binary(),
        "run",
        "pipe.py:deaf",
        "--data",
        "iris.csv",
        "--target",
        "target",
        "--quiet",
        "--out",
        "none",
    ]
    run = subprocess.Popen(command, cwd=place, env=environment(), stderr=subprocess.PIPE, text=True)
    assert opened_by_a_writer(place / "started", seconds=60)
    family = psutil.Process(run.pid).children(recursive=True)
    assert family
    run.send_signal(signal.SIGINT)
    assert run.stderr is not None
    said = run.stderr.readline()
    if times == 2:
        # It cleans up, or has done so.
        run.send_signal(signal.SIGINT)
    _, more = run.communicate(timeout=60)
    assert run.returncode == 130 and said + more == "anabranch: interrupted\n"
    assert not psutil.wait_procs(family, timeout=60)[1]
    assert not (place / "none").exists() and not list(place.glob(".anabranch-out-*"))


def test_each_groups_path_has_a_file_of_its_own(place, grouped):
    done = call(place, "run", grouped, "--by", "g", "--quiet", "--json", "--out", "oc")
    found = json.loads(done.stdout)
    # The flag wins over the file's partitions.
    assert [entry["key"] for entry in found["entries"]] == [{"g": group} for group in sorted(GROUPS)]
    files = {str(file.relative_to(place / "oc")) for file in (place / "oc" / "paths").iterdir()}
    assert len(found["saved"]) == len(GROUPS) and set(found["saved"]) == files and "paths/m-g=a_b.anabranch" in files
    one = pd.DataFrame({"size": [0], "g": [""]})
    told = [ab.load(place / "oc" / file).predict(one)[0] for file in found["saved"]]
    assert told == [GROUPS[group] for group in sorted(GROUPS)]


def test_a_yaml_file_names_its_splitter(place):
    (place / "split.yaml").write_text(
        "nodes: {m: sklearn.tree.DecisionTreeClassifier}\ndata: {path: iris.csv, target: target}\n"
        "cv: {estimator: sklearn.model_selection.StratifiedKFold, params: {n_splits: 3}}\n"
    )
    found = json.loads(call(place, "run", "split.yaml", "--json").stdout)
    assert found["mode"] == "cross_validate" and [entry["key"]["fold"] for entry in found["entries"]] == [0, 1, 2]
    assert all(entry["scores"]["score"] > 0.8 for entry in found["entries"])


def test_a_newcomers_table_with_texts(place):
    random = np.random.default_rng(0)
    table = pd.DataFrame({"size": random.normal(size=120), "colour": random.choice(["red", "green", "blue"], 120)})
    table["kind"] = np.where((table["colour"] == "red") | (table["size"] > 1), "apple", "pear")
    table.to_csv(place / "fruit.csv", index=False)
    table.drop(columns="kind").head(30).to_csv(place / "basket.csv", index=False)
    (place / "fruit.py").write_text(
        "from sklearn.compose import make_column_transformer\n"
        "from sklearn.pipeline import make_pipeline\n"
        "from sklearn.preprocessing import OneHotEncoder, StandardScaler\n"
        "from sklearn.tree import DecisionTreeClassifier\n"
        "columns = make_column_transformer((StandardScaler(), ['size']), (OneHotEncoder(), ['colour']))\n"
        "model = make_pipeline(columns, DecisionTreeClassifier(random_state=0))\n"
    )
    done = call(
        place, "run", "fruit.py:model", "--data", "fruit.csv", "--target", "kind", "--cv", "3", "--out", "fruits"
    )
    assert "decisiontreeclassifier" in done.stdout
    scores = pd.read_csv(place / "fruits" / "scores.csv")
    assert scores["score"].dropna().mean() > 0.9
    call(
        place, "run", "fruit.py:model", "--data", "basket.csv", "--mode", "predict",
        "--model", "fruits/paths/best.anabranch", "--out", "told",
    )  # fmt: skip
    told = pd.read_csv(place / "told" / "predictions.csv")
    assert list(told["prediction"]) == list(table["kind"].head(30))


def test_doctor_says_what_would_fail(place):
    found = subprocess.run(
        [find_binary(), "doctor", "--json", "--python", sys.executable],
        cwd=place, env=environment(), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    verdicts = {finding["subject"]: finding["verdict"] for finding in json.loads(found.stdout)}
    assert verdicts and found.returncode == int("fails" in verdicts.values())
    disk = json.loads(call(place, "doctor", "--json", "--store-root", str(place)).stdout)
    found = {finding["subject"]: finding for finding in disk}["store"]
    if os.statvfs(place).f_bavail * os.statvfs(place).f_frsize > 1 << 28:
        assert found["verdict"] == "doubtful" and "on a disk" in found["observed"] and "tmpfs" in found["remedy"]
    wrong = call(place, "doctor", "--python", "/nowhere/python", status=1)
    assert "/nowhere/python" in wrong.stdout and "->" in wrong.stdout
