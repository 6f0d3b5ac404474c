"""The fork server that runtimes come from: what ends it, and what does not."""

from __future__ import annotations

import importlib
import os
import sys
import time

import cloudpickle
import numpy as np
import pytest
from rogues import LIMIT, gone, kill_self, nothing_is_left, square, worker_process
from sklearn.base import BaseEstimator

import anabranch as ab


def fork_servers():
    """A runtime leads its session, and a child in reserve no group."""
    worker = worker_process()
    groups = [child for child in worker.children() if os.getpgid(child.pid) == child.pid]
    return [child for child in groups if os.getsid(child.pid) == os.getsid(worker.pid)]


def test_the_pool_outlives_its_fork_server(pool):
    with ab.Executor() as ex:
        # A new runtime has a fork server.
        assert isinstance(ex.submit(kill_self).exception(LIMIT), ab.TaskKilled)
        runtime = ex.submit(os.getpid).result(LIMIT)
        # The other slot may have answered, while the first one's server begins.
        deadline = time.monotonic() + LIMIT
        while not (servers := fork_servers()):
            assert time.monotonic() < deadline, "no fork server"
            time.sleep(0.02)
        (server,) = servers
        server.kill()
        gone([server.pid])
        assert ex.submit(square, 8).result(LIMIT) == 64
        # Each death needs a new runtime, and with it a new fork server.
        for _ in range(3):
            assert isinstance(ex.submit(kill_self).exception(LIMIT), ab.TaskKilled)
        assert ex.submit(square, 9).result(LIMIT) == 81
    assert runtime != server.pid
    nothing_is_left()


class Imports(BaseEstimator):
    """Needs a module for its fit."""

    def __init__(self, name=None):
        self.name = name

    def fit(self, X, y=None):
        importlib.import_module(self.name)
        return self

    def transform(self, X):
        return X


@pytest.mark.leaves("children", "descriptors")
def test_libraries_that_start_threads_do_not_cost_the_fork_server(session_pool, tmp_path, monkeypatch):
    installed = tmp_path / "site-packages"
    installed.mkdir()
    names = ["threads_one", "threads_two", "threads_three"]
    for name in names:
        (installed / f"{name}.py").write_text(
            "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        )
    monkeypatch.syspath_prepend(str(installed))
    here = [sys.modules[name] for name in (__name__, kill_self.__module__)]
    for module in here:
        cloudpickle.register_pickle_by_value(module)
    ab.shutdown()
    ab.init(slots=1)
    try:
        with ab.Executor() as ex:
            for name in names:
                assert not ab.Pipeline(chain=ab.OrNode("model", Imports(name))).fit(np.ones((3, 2))).failed
            # Each is tried in a fork server, which is given up for it; the last one does without all of them.
            for _ in [*names, "the last"]:
                assert isinstance(ex.submit(kill_self).exception(LIMIT), ab.TaskKilled)
                ex.submit(square, 1).result(LIMIT)
            assert len(fork_servers()) == 1
    finally:
        ab.shutdown()
        for module in here:
            cloudpickle.unregister_pickle_by_value(module)
