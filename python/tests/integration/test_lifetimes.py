"""What is left of a pool: nothing, however its client ended."""

from __future__ import annotations

import gc
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading

import numpy as np
import psutil
import pytest

import anabranch as ab
from anabranch.process_client import current
from anabranch.v1 import control_pb2

CLIENT = """
import sys, time
import anabranch as ab
from anabranch.process_client import current
ab.init(slots=1)
ex = ab.Executor()
ex.submit(abs, 1).result(60)
ex.submit(time.sleep, 600)
print(current().pool.pid, current().welcome.store, flush=True)
{ending}
"""


@pytest.mark.parametrize(
    ("ending", "kill"),
    [
        ("time.sleep(600)", signal.SIGKILL),
        ("time.sleep(600)", signal.SIGTERM),
        ("import os; os._exit(3)", None),
        # Without that it waits for its calls, as with other executors.
        ("ex.shutdown(cancel_futures=True); sys.exit(0)", None),
    ],
    ids=["killed", "terminated", "gone without a word", "exits"],
)
def test_the_pool_ends_with_its_client(ending, kill):
    code = textwrap.dedent(CLIENT).format(ending=ending)
    client = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    assert client.stdout is not None
    with client.stdout:
        pid, store = client.stdout.readline().split()
        pool = psutil.Process(int(pid))
        family = [pool, *pool.children(recursive=True)]
        if kill is not None:
            client.send_signal(kill)
        client.wait(60)
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive, alive
    assert not pathlib.Path(store).exists()


def test_ctrl_c_cleans_up():
    code = textwrap.dedent(CLIENT).format(ending="ex.shutdown()")
    client = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert client.stdout is not None
    pid, store = client.stdout.readline().split()
    pool = psutil.Process(int(pid))
    client.send_signal(signal.SIGINT)
    client.communicate(timeout=60)
    psutil.wait_procs([pool], timeout=20)
    assert not pool.is_running() and not pathlib.Path(store).exists()


def test_pools_come_and_go_without_a_trace():
    code = """
        import gc, os, pathlib, anabranch as ab
        from anabranch.process_client import current
        def once():
            ab.init(slots=1)
            with ab.Executor() as ex:
                ex.submit(abs, 1).result(60)
            store = current().welcome.store
            ab.shutdown()
            assert not os.path.exists(store), store
            # Client and connection know each other; the connection's last descriptor goes with them.
            gc.collect()
            return len(os.listdir("/proc/self/fd"))
        once()
        assert once() == once()
        """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, timeout=120)


def objects():
    answer = current().ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest()))
    return answer.status.objects


def test_the_store_comes_back_to_its_baseline(pool):
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    gc.collect()
    before = objects()
    X = np.random.default_rng(0).normal(size=(2000, 20))
    y = (X[:, 0] > 0).astype(int)
    g = ab.Pipeline(chain=ab.OrNode("scale", StandardScaler()) >> ab.OrNode("model", DecisionTreeClassifier()))
    for _ in range(3):
        run = g.fit(X, y, partitions=4)
        scored = run.score(X, y)
        assert not run.failed and not scored.failed
        entry = run["model"][0]
        assert entry.model.tree_.node_count > 0
    with ab.Executor() as ex:
        assert len(ex.submit(np.zeros, 50_000).result(60)) == 50_000
    assert objects() > before
    del run, scored, entry, ex
    gc.collect()
    # A question is answered behind what was given back before it; workers report their views a heartbeat later.
    for _ in range(200):
        if objects() <= before:
            break
        threading.Event().wait(0.1)
    assert objects() <= before
