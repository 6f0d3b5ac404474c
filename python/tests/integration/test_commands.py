"""The whole command line: the program, its Python half, embedded and standing pools."""

from __future__ import annotations

import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys

import joblib
import numpy as np
import psutil
import pytest
from sklearn.datasets import load_iris
from timelines import load, tasks

import anabranch as ab
from anabranch.binary import find_binary

PIPELINE = """
import time
import anabranch as ab
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))

class Slow(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        open(STARTED, "w").close()
        time.sleep(600)
    def predict(self, X):
        return X

slow = ab.Pipeline("slow", ab.OrNode("slow", Slow()))

class Picky(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        if len(set(y)) < 3:
            raise ValueError("too few classes")
        self.classes_ = [0, 1, 2]
        return self
    def predict(self, X):
        return [0] * len(X)

picky = ab.Pipeline("picky", ab.OrNode("picky", Picky()))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    directory = tmp_path_factory.mktemp("commands")
    started = directory / "started"
    (directory / "pipe.py").write_text(f"STARTED = {str(started)!r}\n{PIPELINE}")
    frame = load_iris(as_frame=True).frame
    frame.to_csv(directory / "iris.csv", index=False)
    frame.drop(columns="target").to_parquet(directory / "new.parquet")
    return directory


def environment():
    package = str(pathlib.Path(ab.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": package, "ANABRANCH_BINARY": find_binary(), "ANABRANCH_PYTHON": sys.executable}


def call(place, *arguments, status=0):
    done = subprocess.run(
        [find_binary(), *arguments], cwd=place, env=environment(), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == status, done.stderr
    return done


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


def opened_by_a_writer(fifo, seconds):
    """Whether someone opens (and closes) the other end in time."""
    descriptor = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLHUP)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(descriptor)


def test_ctrl_c_is_status_130_and_leaves_nothing(place):
    (place / "started").unlink(missing_ok=True)
    os.mkfifo(place / "started")
    command = [
        find_binary(),
        "run",
        "pipe.py:slow",
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
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130 and said == "anabranch: interrupted\n"
    assert not psutil.wait_procs(family, timeout=20)[1]
    assert not (place / "none").exists() and not list(place.glob(".anabranch-out-*"))


@pytest.fixture(scope="module")
def standing(place):
    coordinator = subprocess.Popen(
        [find_binary(), "coordinator", "--bind", "tcp://127.0.0.1:*"],
        stdout=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    worker = None
    try:
        assert coordinator.stdout is not None
        address = coordinator.stdout.readline().split()[1]
        worker = subprocess.Popen(
            [find_binary(), "worker", "--slots", "2", "--address", address, "--python", sys.executable],
            env=environment(),
            cwd="/",
        )
        yield address
    finally:
        for process in (worker, coordinator):
            if process is not None:
                process.terminate()
                process.wait(60)
        coordinator.stdout.close()


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
