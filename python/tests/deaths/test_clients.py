"""A client is killed or stopped: what was its own goes, what others have goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from cluster import PATIENCE, Cluster, Observer, standing

from workloads import called

pytestmark = pytest.mark.leaves("children", "descriptors")

CLIENT = """
import sys, cloudpickle, workloads
import anabranch as ab
cloudpickle.register_pickle_by_value(workloads)
ab.init(sys.argv[1])
"""

DOOMED = (
    CLIENT
    + """
ex = ab.Executor()
held = ex.submit(workloads._array, 1).result()
mine = ab.put(held * 2)
run = workloads.graph(0.3).fit(*workloads.table(), partitions=8, wait=False)
calls = [ex.submit(workloads._grow, mine, 600) for _ in range(50)]
print("ready", flush=True)
run.wait()
"""
)

STOPPED = (
    CLIENT
    + """
print("ready", flush=True)
print(workloads.called(0.3))
"""
)


@pytest.fixture
def cluster():
    with standing() as one:
        yield one


def client(cluster: Cluster, code: str) -> subprocess.Popen:
    """Another client, which has said that it is ready."""
    one = cluster.spawn(sys.executable, "-c", code, cluster.address, stdout=subprocess.PIPE, text=True)
    assert one.stdout is not None and one.stdout.readline() == "ready\n"
    return one


def test_a_client_may_take_its_time_between_welcome_and_lock(cluster):
    """Its lock is looked for from its welcome on, and what takes the lock may have to be imported first."""
    slow = Observer(cluster.address, writer=77)
    try:
        # Each is what follows a look at the lock, which is not there.
        for _ in range(3):
            assert slow.pushed().WhichOneof("body") == "release_objects"
        assert slow.status().workers
    finally:
        slow.close()


def test_a_killed_client_takes_its_own_with_it(cluster, undisturbed):
    assert called(0.0) == undisturbed["calls"]
    observer = cluster.observe()
    # What stays are the functions that this process has sent, for their next call.
    before = observer.until(lambda s: not s.runs and s.objects <= 4, "a store without values").objects
    doomed = client(cluster, DOOMED)
    observer.until(
        lambda s: len(s.runs) == 2 and s.objects > before and any(w.running for w in s.workers), "its work begun"
    )
    doomed.kill()
    doomed.wait(PATIENCE)
    doomed.stdout.close()
    observer.until(
        lambda s: not s.runs and s.objects <= before and not s.queued and not any(w.running for w in s.workers),
        "all of the dead client's gone",
    )
    assert called(0.0) == undisturbed["calls"]


def test_a_client_that_is_stopped_finds_its_results(cluster, undisturbed):
    """As long as Ctrl-Z lasts: nothing on the way to it is given up because it does not answer."""
    stopped = client(cluster, STOPPED)
    cluster.observe().until(lambda s: any(w.running for w in s.workers), "its work begun")
    stopped.send_signal(signal.SIGSTOP)
    try:
        # Longer than libraries are used to wait before they take a peer for dead.
        time.sleep(12)
    finally:
        stopped.send_signal(signal.SIGCONT)
    said, _ = stopped.communicate(timeout=PATIENCE)
    assert stopped.returncode == 0 and said.rstrip("\n") == undisturbed["calls"]
