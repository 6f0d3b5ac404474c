"""Everything dies at random while several kinds of work go on; each result is that of the run that nobody disturbed.

``ANABRANCH_CHAOS_SECONDS`` says for how long (60), ``ANABRANCH_CHAOS_SEED`` repeats a plan; both are printed.
"""

from __future__ import annotations

import gc
import hashlib
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import psutil
import pytest
from cluster import PATIENCE, Cluster, standing
from descriptors import await_descriptors, descriptors
from disturber import Disturber
from plan import LEAVES_NOBODY, WEIGHTS, Life, make_plan

import anabranch as ab
from workloads import KINDS, RETRIES, _array, _grow

SECONDS = float(os.environ.get("ANABRANCH_CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("ANABRANCH_CHAOS_SEED", str(random.SystemRandom().randrange(1 << 32))))
#: Each has two lives of the coordinator: one that is killed at a moment of it, and one that has the rest.
ROUNDS = 2


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


class Work:
    """Kinds of work that go on at once, each again and again, until a moment or until the coordinator is gone.

    Parameters
    ----------
    kinds : dict of str to callable
        What each does once; it raises when something is not as it should be.
    deadline : float, optional
        Of `time.monotonic`; the coordinator is killed when there is none.
    """

    def __init__(self, kinds: dict[str, Callable[[], None]], deadline: float | None) -> None:
        self._deadline = deadline
        self._threads = ThreadPoolExecutor(len(kinds))
        self._works = {kind: self._threads.submit(self._repeat, once) for kind, once in kinds.items()}

    def _repeat(self, once: Callable[[], None]) -> tuple[int, BaseException | None]:
        """Return how often it was done, and what it was told when the coordinator died."""
        count = 0
        try:
            while self._deadline is None or time.monotonic() < self._deadline:
                once()
                count += 1
        except ab.ConnectionFailed as error:
            return count, error
        return count, None

    def end(self) -> dict[str, int]:
        """Return how often each was done; those of a killed coordinator have ended with a word."""
        try:
            counts = {}
            for kind, work in self._works.items():
                counts[kind], told = work.result(None if self._deadline else PATIENCE)
                if self._deadline is None:
                    assert isinstance(told, ab.ConnectionFailed), kind
                elif told is not None:
                    raise told
            return counts
        finally:
            self._threads.shutdown(wait=False)


def kinds_of_work(undisturbed: dict[str, str], views: Views, rng: random.Random) -> dict[str, Callable[[], None]]:
    def repeat(kind: str) -> None:
        assert KINDS[kind](0.02) == undisturbed[kind], kind

    return {**{kind: partial(repeat, kind) for kind in KINDS}, "arrays": partial(arrays, views, rng)}


def die(cluster: Cluster, life: Life, kinds: dict[str, Callable[[], None]], undisturbed: dict[str, str]) -> str:
    """A life whose coordinator is killed in the midst of all work: what belongs to it ends by itself, with a word."""
    cluster.join()
    with Disturber(cluster, life, undisturbed) as disturber:
        work = Work(kinds, None)
        disturber.await_end()
        counts = work.end()
    _, alive = psutil.wait_procs(disturber.family, timeout=PATIENCE)
    assert not alive, f"outlived their coordinator: {alive}"
    for worker in cluster.workers.values():
        worker.wait(PATIENCE)
    cluster.workers.clear()
    ab.shutdown()
    return f"{counts}, in other clients {disturber.repetitions}, under {dict(disturber.done)}"


def live(
    cluster: Cluster, life: Life, until: float, kinds: dict[str, Callable[[], None]], undisturbed: dict[str, str]
) -> str:
    """A life whose work comes to its end, and leaves no descriptor where there was none."""
    old = cluster.store
    cluster.start_coordinator()
    assert not old.exists()
    ab.init(cluster.address)
    survivor = cluster.join()
    open_before = at_rest(cluster, survivor, kinds)
    # All of this is of the round's time, but on a loaded machine there has to be something left of it.
    until = max(until, time.monotonic() + life.seconds / 2)
    with Disturber(cluster, life, undisturbed, spared=frozenset({survivor})) as disturber:
        counts = Work(kinds, until).end()
    # Dead clients have been seen to be dead, and nothing of anybody's waits or runs.
    for pid in set(cluster.workers) - {survivor}:
        cluster.workers[pid].terminate()
        cluster.workers.pop(pid).wait(PATIENCE)
    at_rest(cluster, survivor, kinds)
    for whose, (pid, before) in open_before.items():
        await_descriptors(pid, before, whose)
    return f"{counts}, in other clients {disturber.repetitions}, under {dict(disturber.done)}"


def at_rest(cluster: Cluster, worker: int, kinds: dict[str, Callable[[], None]]) -> dict[str, tuple[int, Counter[str]]]:
    """Have one worker do all kinds of work, with all its slots; return what it and the coordinator have open then."""
    for once in kinds.values():
        once()
    gc.collect()
    cluster.observe().until(
        lambda s: not s.runs and not s.queued and [w.pid for w in s.workers if w.state != "lost"] == [worker],
        "an idle pool",
    )
    assert cluster.coordinator is not None
    return {
        "the coordinator": (cluster.coordinator.pid, descriptors(cluster.coordinator.pid)),
        "a worker": (worker, descriptors(worker)),
    }


def test_a_seed_makes_one_plan():
    seconds = 6000.0
    plan = make_plan(7, seconds, 3)
    assert plan == make_plan(7, seconds, 3) != make_plan(8, seconds, 3)
    assert sum(life.seconds for pair in plan for life in pair) == pytest.approx(seconds)
    for doomed, lasting in plan:
        assert doomed.killed and 0 < doomed.seconds < seconds / 3 and not lasting.killed
        assert {one.action for one in doomed.disturbances} == set(WEIGHTS)
        assert not {one.action for one in lasting.disturbances} & set(LEAVES_NOBODY)
    assert all(hasattr(Disturber, action) for action in WEIGHTS)


@pytest.mark.timeout(2 * SECONDS + 480)
@pytest.mark.leaves("children", "descriptors")
def test_chaos(undisturbed, monkeypatch):
    print(f"\nANABRANCH_CHAOS_SEED={SEED} ANABRANCH_CHAOS_SECONDS={SECONDS:g}")
    # A client whose coordinator is gone would start a pool of its own, and get its results there.
    monkeypatch.setenv("ANABRANCH_ADDRESS", "ipc:///nowhere/control.sock")
    plan = make_plan(SEED, SECONDS, ROUNDS)
    rng = random.Random(SEED)
    views = Views()
    with standing(workers=0) as cluster:
        for number, (doomed, lasting) in enumerate(plan):
            until = time.monotonic() + SECONDS / ROUNDS
            kinds = kinds_of_work(undisturbed, views, random.Random(rng.random()))
            print(f"round {number}: {doomed}")
            print(f"  {die(cluster, doomed, kinds, undisturbed)}")
            print(f"round {number}: {lasting}")
            print(f"  {live(cluster, lasting, until, kinds, undisturbed)}; {views.check()} views unchanged")
        assert views.check() > 0
        del views, kinds
        gc.collect()
