"""Ctrl-C at chosen moments of a command: status 130 by an exit of its own, one line, and nothing is left."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import uuid

import psutil
import pytest
from sklearn.datasets import load_iris

from anabranch.binary import find_binary

HERE = pathlib.Path(__file__).parent
PIPELINE = """
from sklearn.naive_bayes import GaussianNB
model = GaussianNB()
"""
#: One that strikes itself, as it is loaded, and takes the exception for something else.
RENAMES = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
    "".join([])
except KeyboardInterrupt:
    raise ImportError("numpy.core.multiarray failed to import") from None
"""
POOL, CLIENT = "call:anabranch.pool:EmbeddedPool", "call:anabranch.client:Client"
SHUTDOWN = "call:anabranch.process_client:shutdown"


@pytest.fixture
def place(tmp_path):
    (tmp_path / "pipe.py").write_text(PIPELINE)
    (tmp_path / "renames.py").write_text(RENAMES)
    load_iris(as_frame=True).frame.to_csv(tmp_path / "iris.csv", index=False)
    return tmp_path


def of_mark(mark):
    """The processes that carry a mark in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("STRIKE_MARK") == mark:
                found.append(process)
        except psutil.Error:
            continue
    return found


def interrupted(place, moments, file="pipe.py"):
    mark = uuid.uuid4().hex
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(HERE / "striking"), str(HERE.parents[1])]),
        "ANABRANCH_BINARY": find_binary(),
        "ANABRANCH_PYTHON": sys.executable,
        "STRIKE_AT": moments,
        "STRIKE_MARK": mark,
    }
    command = [find_binary(), "run", file, "--data", "iris.csv", "--target", "target", "--quiet", "--out", "out"]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "anabranch: interrupted\n")
    assert not psutil.wait_procs(of_mark(mark), timeout=60)[1]
    assert sorted(path.name for path in place.iterdir() if path.is_dir() and path.name != "__pycache__") == []


@pytest.mark.parametrize(
    "moments",
    [
        "start",
        "import:anabranch.cli.entry",
        "import:anabranch.cli.running",
        "import:pandas",
        f"{POOL}._read_ready",
        f"{CLIENT}.begin_run",
    ],
)
def test_once(place, moments):
    interrupted(place, moments)


@pytest.mark.parametrize(
    "moments",
    [
        "import:sklearn.pipeline,call:anabranch.cli.entry:_say",
        f"{POOL}._read_ready,{POOL}.close",
        f"{CLIENT}.begin_run,{SHUTDOWN},{CLIENT}.close,{POOL}.close",
    ],
)
def test_again_while_it_cleans_up(place, moments):
    interrupted(place, moments)


def test_an_interruption_that_looks_like_an_error(place):
    interrupted(place, "", "renames.py")
