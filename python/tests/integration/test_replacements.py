"""A runtime that is killed is replaced by a fork of a process that has imported what tasks need: without an import."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import anabranch as ab

PATIENCE = 60
#: What the graph needs, as an interpreter that begins with nothing gets it.
IMPORT = "import time, sklearn.linear_model, sklearn.preprocessing; print(time.process_time())"


def look() -> tuple[int, float, list[str]]:
    """Return the process, the processor time that it has had in all, and which of the libraries are loaded."""
    return os.getpid(), time.process_time(), [name for name in LIBRARIES if name in sys.modules]


LIBRARIES = ("numpy", "scipy", "sklearn", "sklearn.linear_model", "sklearn.preprocessing")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def is_forked(process: psutil.Process) -> bool:
    """Whether it came of a fork server, whose words it has then: an interpreter of its own has others."""
    return "--fork-server" in process.cmdline()


@pytest.mark.leaves("children", "descriptors")
def test_a_replacement_has_imported_nothing(pool):
    ab.shutdown()
    ab.init(slots=1)
    X = np.random.default_rng(0).normal(size=(60, 4))
    graph = ab.Pipeline(chain=ab.OrNode("scale", StandardScaler()) >> ab.OrNode("model", LogisticRegression()))
    assert not graph.fit(X, X[:, 0] > 0).failed
    with ab.Executor() as ex:
        before, *_ = ex.submit(look).result(PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while True:
            with pytest.raises(ab.TaskKilled):
                ex.submit(die).result(PATIENCE)
            after, seconds, loaded = ex.submit(look).result(PATIENCE)
            assert after != before and is_forked(psutil.Process(after))
            assert loaded[:3] == ["numpy", "scipy", "sklearn"], "there before its first task could have imported any"
            if loaded == list(LIBRARIES):
                break
            # What the graph imported beyond them is imported by the fork server when the slot is idle.
            assert time.monotonic() < deadline, f"only {loaded} come with a fork"
            before = after
    fresh = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True)
    # Processor time of a process begins with its fork: however long it had to wait for a core.
    assert seconds < float(fresh.stdout) / 5, (seconds, fresh.stdout)
    ab.shutdown()
