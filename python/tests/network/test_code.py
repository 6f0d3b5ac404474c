"""Code of the user's own on a standing cluster: modules travel, and what a worker lacks is refused by name."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest
from cluster import PATIENCE

from anabranch.binary import find_binary

PROGRAM = """
import numpy as np
from sklearn.tree import DecisionTreeClassifier
import anabranch as ab
import beside
from steps.scaling import Halve
from steps import names

X, y = np.arange(40.0).reshape(-1, 2), np.arange(20) % 2
graph = ab.Pipeline("own", ab.OrNode("halve", Halve()) >> ab.OrNode("tree", DecisionTreeClassifier(random_state=0)))

if __name__ == "__main__":
    run = graph.fit(X, y, progress=False)
    assert not run.failed, run.failed[0].error.describe()
    assert type(run["halve"][0].model) is Halve
    with ab.Executor() as executor:
        print(executor.submit(beside.twice, 4).result(), executor.submit(names.long, "a").result())
"""

FILES = {
    "program.py": PROGRAM,
    "beside.py": "import constants\n\ndef twice(x):\n    return x * constants.TWO\n",
    "constants.py": "TWO = 2\n",
    "steps/__init__.py": "",
    "steps/names.py": "from steps.inner import deep\n\ndef long(name):\n    return deep.PREFIX + name\n",
    "steps/inner/__init__.py": "",
    "steps/inner/deep.py": "PREFIX = 'long '\n",
    "steps/scaling.py": (
        "from sklearn.base import BaseEstimator, TransformerMixin\n\n"
        "class Halve(TransformerMixin, BaseEstimator):\n"
        "    def fit(self, X, y=None):\n        self.fitted_ = True\n        return self\n"
        "    def transform(self, X):\n        return X / 2\n"
    ),
    "graph.yaml": (
        "nodes:\n  halve: {estimator: steps.scaling.Halve}\n  tree: sklearn.tree.DecisionTreeClassifier\n"
        "edges: ['halve >> tree']\ndata: {path: table.csv, target: y}\n"
    ),
    "table.csv": "a,y\n" + "".join(f"{i},{i % 2}\n" for i in range(20)),
    "elsewhere/site-packages/onlyhere/__init__.py": "def here():\n    return 1\n",
    "elsewhere/site-packages/onlyhere-4.5.6.dist-info/METADATA": (
        "Metadata-Version: 2.1\nName: onlyhere\nVersion: 4.5.6\n"
    ),
    "other/site-packages/scikit_learn-0.1.2.dist-info/METADATA": (
        "Metadata-Version: 2.1\nName: scikit-learn\nVersion: 0.1.2\n"
    ),
    "../outside/loose.py": "def loose():\n    return 1\n",
}


@pytest.fixture
def own(tmp_path) -> pathlib.Path:
    """A user's directory; the workers are in `/`."""
    directory = tmp_path / "own"
    directory.mkdir()
    for name, text in FILES.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return directory


@pytest.fixture
def cluster(start):
    return start(keyed=False)


@pytest.fixture
def run(cluster, own):
    def run(*command: str, path: str = "", status: int = 0) -> str:
        environment = {**cluster.environment, "ANABRANCH_ADDRESS": cluster.address}
        environment["PYTHONPATH"] = f"{own / path}:{environment['PYTHONPATH']}" if path else environment["PYTHONPATH"]
        done = subprocess.run(
            command, cwd=own, env=environment, capture_output=True, text=True, timeout=PATIENCE
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        return done.stderr if status else done.stdout

    return run


def test_modules_and_packages_beside_a_program_travel(run):
    assert run(sys.executable, "program.py").split("\n")[0] == "8 long a"


def test_modules_of_the_working_directory_travel(run):
    assert run(sys.executable, "-c", PROGRAM).split("\n")[0] == "8 long a"


@pytest.mark.parametrize("file", ["program.py", "program", "graph.yaml"])
def test_a_submission_takes_along_what_stands_beside_its_file(run, file):
    told = json.loads(
        run(find_binary(), "submit", file, "--data", "table.csv", "--target", "y", "--wait", "--json", "--quiet")
    )
    assert {(e["node"], e["state"]) for e in told["entries"]} == {("halve", "succeeded"), ("tree", "succeeded")}


CALL = "import anabranch as ab, {0}\nwith ab.Executor() as ex: ex.submit({0}.{1}).result()"


def test_a_package_that_no_worker_has_is_refused_with_its_name_and_the_worker(run):
    said = run(sys.executable, "-c", CALL.format("onlyhere", "here"), path="elsewhere/site-packages", status=1)
    assert "RequestError: what is submitted needs onlyhere 4.5.6, which worker " in said


def test_another_version_is_refused_with_both(run):
    import sklearn

    said = run(sys.executable, "program.py", path="other/site-packages", status=1)
    assert "was made with scikit-learn 0.1.2, and worker " in said
    assert f"has scikit-learn {sklearn.__version__}" in said


def test_each_worker_is_asked_and_the_one_that_differs_is_named(run, cluster, own):
    python = own / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{own}/other/site-packages:$PYTHONPATH" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    other = cluster.join(slots=1, options=("--python", str(python)))
    number = next(one.worker for one in cluster.observe().status().workers if one.pid == other)
    said = run(sys.executable, "program.py", status=1)
    assert f"and worker {number} on " in said and "has scikit-learn 0.1.2" in said
    assert said.count("what is submitted") == 1
    cluster.signal(other, 9)
    cluster.observe().until(lambda s: cluster.state(s, other) != "active", "the worker gone")
    assert run(sys.executable, "program.py").split("\n")[0] == "8 long a"


BROKEN = """
import numpy as np
import anabranch as ab
from sklearn.linear_model import Ridge

X, y = np.arange(40.0).reshape(-1, 2), np.arange(20.0)
ridges = ab.OrNode("ridge", Ridge(), params={"alpha": [float(i) for i in range(1, 9)]})
run = ab.Pipeline(ridges).fit(X, y, progress=False)
assert len(run["ridge"]) == 8
for entry in run.failed:
    assert "ended with status 1" in entry.error.message, entry.error.message
"""


def test_a_worker_whose_interpreter_does_not_run_stops_no_submission(run, cluster, own):
    python = own / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    cluster.join(slots=1, options=("--python", str(python)))
    run(sys.executable, "-c", BROKEN)


def test_a_module_that_is_nowhere_to_be_found_is_refused(run):
    said = run(sys.executable, "-c", CALL.format("loose", "loose"), path="../outside", status=1)
    assert "what is submitted needs the module loose (" in said and "outside/loose.py), which worker " in said


def test_what_is_installed_is_asked_for_once(run):
    program = (
        "import anabranch as ab, sklearn.tree\n"
        "from anabranch import requirements\n"
        "asked, ask = [], requirements.Requirements._asked\n"
        "def counting(self, wanted):\n    asked.append(wanted)\n    return ask(self, wanted)\n"
        "requirements.Requirements._asked = counting\n"
        "for _ in range(3):\n"
        "    with ab.Executor() as ex: ex.submit(sklearn.tree.DecisionTreeClassifier).result()\n"
        "assert [[name for name, *_ in one] for one in asked] == [['python', 'sklearn']], asked\n"
    )
    run(sys.executable, "-c", program)
