"""Everything dies at random while several kinds of work go on; each result is that of the run that nobody disturbed.

``ANABRANCH_CHAOS_SECONDS`` says for how long (60), ``ANABRANCH_CHAOS_SEED`` repeats a plan; both are printed.
"""

from __future__ import annotations

import gc
import hashlib
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
from cluster import PATIENCE, Cluster, standing
from disturber import Disturber

import anabranch as ab
from workloads import KINDS, RETRIES, _array, _grow

SECONDS = float(os.environ.get("ANABRANCH_CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("ANABRANCH_CHAOS_SEED", str(random.SystemRandom().randrange(1 << 32))))
#: Lives of the coordinator.
ROUNDS = 3


class Views:
    """Arrays of the store that this process keeps, as a program does that goes on with its results."""

    MOST = 40

    def __init__(self) -> None:
        self._kept: list[tuple[np.ndarray, str]] = []

    def keep(self, arrays: list[np.ndarray]) -> None:
        self._kept += [(array, self._sum(array)) for array in arrays]
        # The oldest stay, which have most time to be overwritten; of the others the regions are used again.
        del self._kept[self.MOST // 2 : -self.MOST // 2]

    def check(self) -> int:
        assert all(self._sum(array) == digest for array, digest in self._kept), "bytes of a held view have changed"
        return len(self._kept)

    @staticmethod
    def _sum(array: np.ndarray) -> str:
        return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def arrays(views: Views, rng: random.Random) -> None:
    """Large arrays through the store: made there, held here, passed on as arguments."""
    seeds = [rng.randrange(1000) for _ in range(6)]
    with ab.Executor(retries=RETRIES) as ex:
        made = [ex.submit(_array, seed) for seed in seeds]
        grown = [ex.submit(_grow, future, 0.01) for future in made]
        values = [future.result() for future in (*made, *grown)]
    for seed, small, large in zip(seeds, values[:6], values[6:], strict=True):
        expected = _array(seed)
        assert np.array_equal(small, expected) and np.array_equal(large, _grow(expected, 0))
    views.keep(values)


def work_until(deadline: float, kind: str, undisturbed: dict[str, str]) -> int:
    """Repeat one kind of work; the first result that is not as it should be ends it."""
    count = 0
    while time.monotonic() < deadline:
        got = KINDS[kind](0.02)
        assert got == undisturbed[kind], f"{kind}, repetition {count}"
        count += 1
    return count


def hold_until(deadline: float, views: Views, rng: random.Random) -> int:
    count = 0
    while time.monotonic() < deadline:
        arrays(views, rng)
        count += 1
    return count


def restart(cluster: Cluster) -> None:
    """Kill the coordinator under work; all that belongs to it ends by itself, with a word to its clients."""
    with ab.Executor() as ex:
        doomed = ex.submit(time.sleep, 600)
        cluster.observe().until(lambda s: any(w.running for w in s.workers), "something to lose")
        family = cluster.family()
        cluster.kill_coordinator()
        with pytest.raises(ab.ConnectionFailed):
            doomed.result(PATIENCE)
    _, alive = psutil.wait_procs(family, timeout=PATIENCE)
    assert not alive, f"outlived their coordinator: {alive}"
    for worker in cluster.workers.values():
        worker.wait(PATIENCE)
    cluster.workers.clear()
    cluster.start_coordinator()
    ab.shutdown()
    ab.init(cluster.address)


@pytest.mark.leaves("children", "descriptors")
def test_chaos(undisturbed):
    print(f"\nANABRANCH_CHAOS_SEED={SEED} ANABRANCH_CHAOS_SECONDS={SECONDS:g}")
    rng = random.Random(SEED)
    views = Views()
    with standing(workers=0) as cluster:
        for round in range(ROUNDS):
            if round > 0:
                restart(cluster)
            cluster.join()
            seconds = SECONDS / ROUNDS
            deadline = time.monotonic() + seconds
            with (
                Disturber(cluster, seconds, random.Random(rng.random())) as disturber,
                ThreadPoolExecutor() as threads,
            ):
                works = {kind: threads.submit(work_until, deadline, kind, undisturbed) for kind in KINDS}
                works["arrays"] = threads.submit(hold_until, deadline, views, random.Random(rng.random()))
                counts = {kind: work.result() for kind, work in works.items()}
            print(f"round {round}: {counts} under {dict(disturber.done)}; {views.check()} views unchanged")
            if not cluster.workers:
                cluster.join()
            # Dead clients have been seen to be dead, and nothing of anybody's waits or runs.
            gc.collect()
            cluster.observe().until(lambda s: not s.runs and not s.queued, "an idle pool")
        assert views.check() > 0
        del views
        gc.collect()
