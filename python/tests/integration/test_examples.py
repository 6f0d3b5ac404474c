"""The examples, and the README's, run as they stand, each in a process and a pool of its own."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

import anabranch as ab
from anabranch.binary import find_binary
from anabranch.cli.loading import load_pipeline

ROOT = pathlib.Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
#: What an example prints when it has done its work, and the flags that keep it small.
SAID = {
    "halving_search.py": ["best {'clf__C'"],
    "optuna_search.py": ["16 trials, best"],
    "founding_example.py": ["c_a: ", "c_b: ", "c_c: ", "times as fast"],
    "one_model_per_carrier.py": ["16 models"],
}
FLAGS = {"founding_example.py": ["--refits", "2"]}


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT / "python"), "ANABRANCH_BINARY": find_binary()}


def finish(command, cwd=None):
    ran = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment(), capture_output=True, text=True, timeout=240
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def flights_csv(tmp_path_factory):
    """The fixed sample, in which every carrier flies, as the README has it written."""
    path = tmp_path_factory.mktemp("flights") / "flights.csv"
    finish([sys.executable, EXAMPLES / "flights.py", path])
    return path


def run_command(file, *flags):
    return json.loads(
        finish([find_binary(), "run", EXAMPLES / file, "--python", sys.executable, "--quiet", "--json", *flags])
    )


@pytest.mark.parametrize("name", SAID)
def test_an_example_runs(name):
    said = finish([sys.executable, EXAMPLES / name, *FLAGS.get(name, [])])
    if said.startswith("skipped"):
        pytest.skip(said.strip())
    assert [words for words in SAID[name] if words not in said] == []
    assert "DIFFERS" not in said


def test_the_demo_scores_saves_the_best_path_loads_it_and_draws_the_graph(tmp_path):
    said = finish([sys.executable, EXAMPLES / "late_flights.py", "--rows", "4000", "--out", tmp_path])
    for node in ("tree", "forest", "boost", "vote"):
        scores = re.search(rf"^{node} .*?(0\.\d{{4}}) +(0\.\d{{4}}) +(0\.\d{{4}})$", said, re.MULTILINE)
        assert scores and all(0.3 < float(score) < 1 for score in scores.groups()), said
    assert "loaded again, same predictions: True" in said
    assert "<svg" in (tmp_path / "late-flights.svg").read_text()
    assert ab.load(tmp_path / "best.anabranch").steps


def test_one_model_per_carrier_from_the_command_line(flights_csv):
    found = run_command(
        "one_model_per_carrier.py:graph", "--data", flights_csv, "--target", "late", "--by", "carrier"
    )  # fmt: skip
    carriers = [entry["key"]["carrier"] for entry in found["entries"] if entry["node"] == "model"]
    assert found["state"] == "succeeded" and len(set(carriers)) == len(carriers) == 16


def test_the_graph_as_yaml_is_that_of_the_python_example(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import late_flights

    python, yaml = late_flights.build(), load_pipeline(str(EXAMPLES / "late_flights.yaml")).graph
    assert yaml.name == python.name
    assert [node.name for node in yaml.nodes] == [node.name for node in python.nodes]
    drawn = [[(source.name, target.name) for source, target in graph.edges] for graph in (python, yaml)]
    assert drawn[0] == drawn[1]
    for node in python.nodes:
        step = yaml[node.name].step
        # The tree has a grid, one of whose depths is that of the Python file.
        if node.name == "tree":
            assert node.step.max_depth in [variant["max_depth"] for variant in yaml[node.name].variants]
            step = step.set_params(max_depth=node.step.max_depth)
        assert repr(step) == repr(node.step)


def test_the_graph_as_yaml_runs(tmp_path):
    data = tmp_path / "flights.csv"
    finish([sys.executable, EXAMPLES / "flights.py", data, "--rows", "2000"])
    found = run_command("late_flights.yaml", "--data", data, "--target", "late", "--cv", "2")
    # Two folds; the tree has two depths, and each of them a vote with the other two.
    counted = {node: sum(e["node"] == node for e in found["entries"]) for node in ("tree", "forest", "boost", "vote")}
    assert found["state"] == "succeeded" and counted == {"tree": 4, "forest": 2, "boost": 2, "vote": 4}
    assert all(0 < e["scores"]["f1"] <= 1 for e in found["entries"] if e["node"] == "vote")


def test_the_example_of_the_readme_runs(tmp_path):
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (tmp_path / "readme.py").write_text(block)
    said = finish([sys.executable, "readme.py"], cwd=tmp_path)
    # Five folds of the scaler and the forest; of the tree and the vote, in two variants.
    assert "[30 rows x " in said
    assert ab.load(tmp_path / "forest.anabranch").steps
