"""Installations where there is nothing else: the wheel of `make wheel`, and the package without the program."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import venv

import pytest

from anabranch.binary import find_binary

pytestmark = pytest.mark.wheel

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]

PROGRAM = """
import pathlib
import anabranch as ab
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

X, y = load_iris(return_X_y=True)
scale, model = ab.OrNode("scale", StandardScaler()), ab.OrNode("model", LogisticRegression())
g = ab.Pipeline("iris")
g.add(scale >> model)
run = g.fit(X, y)
assert (run.select(run[model][0]).predict(X) == run[model][0].model.predict(run[scale][0].model.transform(X))).all()
with ab.Executor() as executor:
    assert list(executor.map(abs, [-1, -2])) == [1, 2]
print(pathlib.Path(ab.__file__).parent)
"""

SEARCH = """
import pathlib
import numpy as np
import anabranch as ab
import sklearn.model_selection
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X, y = load_iris(return_X_y=True)
searches = [
    module.GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [0.1, 1.0]})
    for module in (ab, sklearn.model_selection)
]
with ab.model_selection.options(where=WHERE):
    ours, theirs = (search.fit(X, y).cv_results_["mean_test_score"] for search in searches)
np.testing.assert_array_equal(ours, theirs)
print(pathlib.Path(ab.__file__).parent)
"""

PIPELINE = """
nodes:
  scale: sklearn.preprocessing.StandardScaler
  model: sklearn.linear_model.LogisticRegression
edges:
  - scale >> model
"""


def environment_with(directory: pathlib.Path, what: str) -> pathlib.Path:
    """Return the `bin` folder of a fresh virtual environment that has what pip was told to install."""
    venv.create(directory, with_pip=True)
    install = [directory / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # What this interpreter finds by PYTHONPATH is not installed there.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run([*install, what], check=True, timeout=600, env=environment)
    return directory / "bin"


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> pathlib.Path:
    """An environment with the wheel."""
    (wheel,) = (CHECKOUT / "dist").glob("anabranch-*.whl")
    return environment_with(tmp_path_factory.mktemp("clean"), f"{wheel}[all]")


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> pathlib.Path:
    """An environment with the package of a checkout that was not built: ``pip install ./python``, no extras."""
    checkout = tmp_path_factory.mktemp("checkout")
    (checkout / "Package.swift").touch()
    unwanted = shutil.ignore_patterns("__pycache__", "tests", "bin", "build", "*.egg-info")
    shutil.copytree(CHECKOUT / "python", checkout / "python", ignore=unwanted)
    return environment_with(tmp_path_factory.mktemp("plain"), str(checkout / "python"))


def run(installed: pathlib.Path, directory: pathlib.Path, *command: str, code: int = 0, **variables: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANABRANCH_", "PYTHON"))}
    environment["PATH"] = f"{installed}{os.pathsep}/usr/bin{os.pathsep}/bin"
    environment.pop("VIRTUAL_ENV", None)
    environment.update(variables)
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout if code == 0 else done.stderr


def search(installed: pathlib.Path, directory: pathlib.Path, where: str = "pool", **more) -> str:
    program = f"WHERE = {where!r}\n{SEARCH}"
    return run(installed, directory, str(installed / "python"), "-c", program, **more)


@pytest.mark.parametrize("where", ["pool", "auto"])
def test_a_search_runs_on_the_wheels_own_program(installed, tmp_path, where):
    assert search(installed, tmp_path, where).strip().startswith(str(installed.parent))


def test_a_plain_installation_needs_no_program_for_a_small_search(plain, tmp_path):
    assert search(plain, tmp_path, "auto").strip().startswith(str(plain.parent))


def test_a_plain_installation_says_how_to_come_by_the_program(plain, tmp_path):
    said = search(plain, tmp_path, code=1).splitlines()[-1]
    assert "ConnectionFailed: the anabranch program was not found" in said
    assert "run `make setup` in " in said and f"{plain}/anabranch only looks for it" in said
    assert run(plain, tmp_path, "anabranch", "--version", code=2).startswith("anabranch: the anabranch program was not")


def test_a_plain_installation_takes_the_program_that_is_named(plain, tmp_path):
    search(plain, tmp_path, ANABRANCH_BINARY=find_binary())


def test_a_plain_installation_finds_the_program_on_path_behind_its_own_command(plain, tmp_path):
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "anabranch").symlink_to(find_binary())
    path = os.pathsep.join([str(plain), str(tmp_path / "programs"), "/usr/bin", "/bin"])
    search(plain, tmp_path, PATH=path)
    run(plain, tmp_path, "anabranch", "--version", PATH=path)


def test_a_python_program_runs_on_the_wheels_own_program(installed, tmp_path):
    out = run(installed, tmp_path, str(installed / "python"), "-c", PROGRAM)
    assert out.strip().startswith(str(installed.parent))


def test_the_command_line_runs_with_the_environments_python(installed, tmp_path):
    run(installed, tmp_path, "anabranch", "--version")
    (tmp_path / "iris.yaml").write_text(PIPELINE)
    write = "from sklearn.datasets import load_iris; load_iris(as_frame=True).frame.to_csv('iris.csv', index=False)"
    run(installed, tmp_path, "python", "-c", write)
    out = run(installed, tmp_path, "anabranch", "run", "iris.yaml", "--data", "iris.csv", "--target", "target")
    assert "model" in out


def test_the_wheel_is_for_any_python_3_and_names_its_libraries(installed):
    (wheel,) = (CHECKOUT / "dist").glob("anabranch-*.whl")
    assert "-py3-none-manylinux_" in wheel.name
    (program,) = installed.parent.glob("lib/python*/site-packages/anabranch/bin/anabranch")
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    libraries = [line for line in linked.splitlines() if "libzmq" in line or "libprotobuf-c" in line]
    assert len(libraries) == 2 and all("anabranch.libs" in line for line in libraries), linked
