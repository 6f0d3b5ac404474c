"""A user's directory with pipelines and data, and a standing cluster beside it."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest
from commanding import GROUPS, environment
from sklearn.datasets import load_iris

from anabranch.binary import find_binary

PIPELINE = """
import anabranch as ab
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))

class Deaf(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        import ctypes, signal
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        open(STARTED, "w").close()
        while True:
            # Keeps the interpreter's lock: no thread of the task's process hears of anything.
            ctypes.PyDLL(None).sleep(600)
    def predict(self, X):
        return X

deaf = ab.Pipeline("deaf", ab.OrNode("deaf", Deaf()))

class Picky(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        if len(set(y)) < 3:
            raise ValueError("too few classes")
        self.classes_ = [0, 1, 2]
        return self
    def predict(self, X):
        return [0] * len(X)

picky = ab.Pipeline("picky", ab.OrNode("picky", Picky()))

from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

def square(X):
    print("squared", len(X))
    return X * X

# The vote reads the edges in another order than that in which the nodes joined, and the weights tell them apart.
voting = ab.Pipeline("voting")
t, nb = ab.OrNode("t", DecisionTreeClassifier(max_depth=1, random_state=0)), ab.OrNode("nb", GaussianNB())
voting.add(ab.OrNode("square", square) >> ab.OrNode("scale", StandardScaler()) >> [t, nb])
vote = ab.AndNode("vote", ab.nodes.Vote([3, 1]))
voting.add_edge(nb, vote)
voting.add_edge(t, vote)
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


@pytest.fixture(scope="module")
def grouped(place):
    """A pipeline in YAML whose models differ by group, and its data, which the file cuts in another way."""
    rows = [{"size": size, "g": group, "kind": kind} for group, kind in GROUPS.items() for size in range(4)]
    pd.DataFrame(rows).to_csv(place / "groups.csv", index=False)
    (place / "groups.yaml").write_text(
        "nodes: {m: sklearn.dummy.DummyClassifier}\ndata: {path: groups.csv, target: kind, partitions: 3}\n"
    )
    return "groups.yaml"
