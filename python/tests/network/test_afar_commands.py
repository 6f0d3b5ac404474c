"""The command line of a host that shares neither store nor files: a namespace with mounts of its own."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from cluster import PATIENCE
from sklearn.datasets import make_classification

import anabranch as ab
from anabranch.binary import find_binary

#: Runs the command with a /dev/shm of its own, and with what the first argument names hidden.
SCRIPT = 'mount -t tmpfs tmpfs /dev/shm && mount -t tmpfs tmpfs "$1" && cd "$2" && shift 2 && exec "$@"'

PIPELINE = """
import anabranch as ab
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

scale = ab.OrNode("scale", StandardScaler())
tree = ab.OrNode("tree", DecisionTreeClassifier(random_state=0), params={"max_depth": [2, 4]})
graph = ab.Pipeline("flowers", scale >> tree)
"""


class Afar:
    """Another host with a directory of its own, and the workers' directory of data."""

    def __init__(self, cluster, own: pathlib.Path, data: pathlib.Path) -> None:
        self.cluster, self.own, self.data = cluster, own, data

    def __call__(self, *command: str, status: int = 0) -> str:
        """Run a command of the program there, and return what it prints."""
        inside = ["unshare", "--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh"]
        done = subprocess.run(
            [*inside, str(self.data), str(self.own), find_binary(), *command],
            env={**self.cluster.environment, "ANABRANCH_ADDRESS": self.cluster.address, "ANABRANCH_PROGRESS": "0"},
            capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        return done.stderr if status else done.stdout


@pytest.fixture
def afar(start, tmp_path) -> Afar:
    probe = ["unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("no namespace of mounts can be made here")
    own, data = tmp_path / "own", tmp_path / "data"
    own.mkdir()
    data.mkdir()
    X, y = make_classification(30_000, 8, random_state=3)
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(8)]).assign(target=y, group=np.arange(len(y)) % 3)
    frame.to_parquet(own / "table.parquet")
    frame.to_parquet(data / "table.parquet")
    (data / "parts").mkdir()
    for index in range(2):
        frame[index::2].to_parquet(data / "parts" / f"{index}.parquet")
    (own / "pipeline.py").write_text(PIPELINE)
    return Afar(start(keyed=False, workers=1), own, data)


def entries(text: str) -> list:
    return [(e["node"], e["key"], e["state"], e["scores"]) for e in json.loads(text)["entries"]]


def embedded(afar: Afar, *flags: str) -> list:
    command = [find_binary(), "run", *flags, "--json", "--quiet"]
    return entries(
        subprocess.run(
            command, cwd=afar.own, env=afar.cluster.environment, check=True, capture_output=True, text=True
        ).stdout
    )


FLAGS = ("pipeline.py", "--target", "target", "--cv", "3")


def test_a_submission_streams_its_data_and_gets_its_results(afar):
    told = entries(afar("submit", *FLAGS, "--data", "table.parquet", "--wait", "--json", "--out", "out"))
    assert told and told == embedded(afar, *FLAGS, "--data", "table.parquet")
    assert (afar.own / "out").is_dir()
    best = ab.load(next((afar.own / "out").rglob("best*")))
    assert len(best.predict(pd.read_parquet(afar.own / "table.parquet").drop(columns="target"))) == 30_000


def test_results_and_models_of_earlier_runs_are_fetched(afar):
    flags = ("pipeline.py", "--target", "target", "--data", "table.parquet")
    run = afar("submit", *flags, "--quiet").strip()
    afar.cluster.observe().until(lambda s: all(one.state != 1 for one in s.runs if not one.session), "the run ended")
    told = entries(afar("results", run, "--json"))
    assert {node for node, *_ in told} == {"scale", "tree"} and all(state == "succeeded" for *_, state, _ in told)
    assert "tree.joblib" in afar("export", run, "tree", "tree=1", "--format", "joblib")
    assert (afar.own / "tree.joblib").stat().st_size


@pytest.mark.parametrize("cut", [(), ("--partitions", "3"), ("--by", "group")])
def test_workers_read_what_only_they_see(afar, cut):
    flags = (*FLAGS, *cut)
    told = entries(afar("submit", *flags, "--data", f"cluster:{afar.data}/table.parquet", "--wait", "--json"))
    assert told and told == embedded(afar, *flags, "--data", "table.parquet")


def test_a_directory_of_theirs_is_partitions_with_rows_numbered_through(afar):
    parts = f"{afar.data}/parts"
    told = entries(
        afar("submit", "pipeline.py", "--target", "target", "--data", f"cluster:{parts}", "--wait", "--json")
    )
    assert told == embedded(afar, "pipeline.py", "--target", "target", "--data", parts)
    ab.init(afar.cluster.address)
    refs = ab.read(f"cluster:{parts}", "target", row_ids=True)
    assert [ref.get().row_ids[[0, -1]].tolist() for ref in refs] == [[0, 14_999], [15_000, 29_999]]
    with pytest.raises(ab.RequestError, match=r"parts/0\.parquet has no column 'late'.*read by the worker on"):
        ab.read(f"cluster:{parts}", "late")


def test_a_file_that_the_workers_do_not_see_is_an_error_naming_it_and_the_worker(afar):
    said = afar("submit", *FLAGS, "--data", f"cluster:{afar.own}/missing.csv", status=2)
    assert f"cluster:{afar.own}/missing.csv: no such file (looked for by the worker on " in said
    assert sys.executable not in said
