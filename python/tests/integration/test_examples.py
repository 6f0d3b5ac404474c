"""The examples run as they stand, each in a process and a pool of its own."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).parents[3] / "examples"
#: What an example prints when it has done its work.
SAID = {
    "halving_search.py": "best {'clf__C'",
    "optuna_search.py": "16 trials, best",
}


@pytest.mark.parametrize("name", SAID)
def test_an_example_runs(name):
    ran = subprocess.run([sys.executable, str(EXAMPLES / name)], capture_output=True, text=True, timeout=240)
    assert ran.returncode == 0, ran.stderr
    if ran.stdout.startswith("skipped"):
        pytest.skip(ran.stdout.strip())
    assert SAID[name] in ran.stdout
