"""The wheel of `make wheel`, installed where there is nothing else: no checkout, no program on PATH."""

from __future__ import annotations

import os
import pathlib
import subprocess
import venv

import pytest

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

PIPELINE = """
nodes:
  scale: sklearn.preprocessing.StandardScaler
  model: sklearn.linear_model.LogisticRegression
edges:
  - scale >> model
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> pathlib.Path:
    """The `bin` folder of a fresh virtual environment that has the wheel."""
    (wheel,) = (CHECKOUT / "dist").glob("anabranch-*.whl")
    environment = tmp_path_factory.mktemp("clean")
    venv.create(environment, with_pip=True)
    install = [environment / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, f"{wheel}[all]"], check=True, timeout=600)
    return environment / "bin"


def run(installed: pathlib.Path, directory: pathlib.Path, *command: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANABRANCH_", "PYTHON"))}
    environment["PATH"] = f"{installed}{os.pathsep}/usr/bin{os.pathsep}/bin"
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


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
