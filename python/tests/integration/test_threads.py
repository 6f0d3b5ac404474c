"""Threads of all slots never exceed the pool's cores, whatever the estimators ask for."""

import os
import sys
import threading
import time
from contextlib import contextmanager, suppress

import cloudpickle
import numpy as np
import psutil
import pytest
from sklearn.ensemble import RandomForestClassifier, _forest
from sklearn.preprocessing import StandardScaler

import anabranch as ab
from anabranch.cores import available_cores
from anabranch.slots import pool_slots

CORES = 4


class Counter:
    """Counts how many of its calls are under way at once."""

    def __init__(self, function):
        self.function = function
        self.now = self.most = 0
        self.lock = threading.Lock()

    def __call__(self, *args, **kwargs):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            return self.function(*args, **kwargs)
        finally:
            with self.lock:
                self.now -= 1


def threads_of_a_fit(fit):
    """Return when `fit` ran and how many threads it could have: trees at once, n_jobs, and every native pool."""
    import joblib
    from threadpoolctl import threadpool_info

    counter = Counter(_forest._parallel_build_trees)
    _forest._parallel_build_trees = counter
    begun = time.monotonic()
    try:
        fit()
    finally:
        _forest._parallel_build_trees = counter.function
    pools = [pool["num_threads"] for pool in threadpool_info()]
    assert pools, "scikit-learn brings OpenMP at least"
    with joblib.Parallel(n_jobs=-1, prefer="threads") as parallel:
        workers = parallel._effective_n_jobs()
    return begun, time.monotonic(), float(max(counter.most, workers, *pools))


class Forest(RandomForestClassifier):
    """A forest that remembers when it was fitted, and with how many threads."""

    def fit(self, X, y):
        self.measured_ = threads_of_a_fit(lambda: super(Forest, self).fit(X, y))
        return self


def begun(model, X, y):
    return model.measured_[0]


def ended(model, X, y):
    return model.measured_[1]


def threads(model, X, y):
    return model.measured_[2]


def forest_in_a_call(X, y, n_jobs):
    return threads_of_a_fit(lambda: RandomForestClassifier(20, n_jobs=n_jobs, random_state=0).fit(X, y))


@contextmanager
def a_pool(slots):
    """A pool of `CORES` cores, whatever the machine has."""
    module = sys.modules[__name__]
    ab.shutdown()
    cloudpickle.register_pickle_by_value(module)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ANABRANCH_THREADS_PER_SLOT", str(CORES // slots))
            ab.init(slots=slots)
            yield
    finally:
        ab.shutdown()
        cloudpickle.unregister_pickle_by_value(module)


def most_at_once(measured):
    """Return the largest sum of threads of fits that were under way at the same moment."""
    changes = sorted([(end, -count) for _, end, count in measured] + [(start, count) for start, _, count in measured])
    return max(np.cumsum([change for _, change in changes]))


@pytest.fixture(scope="module")
def data():
    X = np.random.default_rng(0).normal(size=(600, 10))
    return X, (X[:, 0] > 0).astype(int)


@pytest.mark.parametrize("slots", [2, 4])
def test_forests_within_a_cross_validation_have_the_cores_of_their_slots(data, slots):
    with a_pool(slots):
        forest = ab.OrNode("forest", Forest(20, n_jobs=-1), params={"max_depth": [2, 4, 8]})
        wide = ab.OrNode("wide", Forest(20, n_jobs=-1), params={"max_depth": [2, 4]}, threads=CORES)
        scoring = {"begun": begun, "ended": ended, "threads": threads}
        graph = ab.Pipeline(chain=ab.OrNode("scale", StandardScaler()) >> [forest, wide])
        run = graph.cross_validate(*data, cv=3, scoring=scoring)
        found = {name: [entry.scores for entry in run[name]] for name in ("forest", "wide")}
    assert len(found["forest"]) == 9 and len(found["wide"]) == 6
    measured = {
        name: [tuple(scores[what] for what in scoring) for scores in entries] for name, entries in found.items()
    }
    assert {count for *_, count in measured["forest"]} == {CORES // slots}
    assert {count for *_, count in measured["wide"]} == {CORES}, "they had what they asked for"
    assert most_at_once(measured["forest"] + measured["wide"]) <= CORES


@pytest.mark.parametrize("n_jobs", [-1, 8])
def test_calls_with_threads_share_the_cores(data, n_jobs):
    with a_pool(4), ab.Executor() as narrow, ab.Executor(threads=2) as wide:
        executors = [narrow, wide, narrow] * 4
        futures = [executor.submit(forest_in_a_call, *data, n_jobs) for executor in executors]
        measured = [future.result(120) for future in futures]
    assert [count for *_, count in measured] == [1, 2, 1] * 4
    assert most_at_once(measured) <= CORES


def test_more_threads_than_the_pool_has_is_an_error_that_names_them():
    refusal = r"asks for 5 threads .* 4 cores \(--slots 2, --threads-per-slot 2\)"
    with a_pool(2), ab.Executor(threads=5) as executor, pytest.raises(Exception, match=refusal):
        executor.submit(abs, 1).result(60)


def threads_there():
    """Return the threads that the kernel knows of this process and of all that it has started, whoever made them."""
    count = 0
    for pid in (os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))):
        with suppress(FileNotFoundError):
            count += len(os.listdir(f"/proc/{pid}/task"))
    return count


class Crowd(RandomForestClassifier):
    """A forest that counts threads while its trees are built, after work of OpenMP and BLAS, whose pools stay."""

    def fit(self, X, y):
        from sklearn.ensemble import HistGradientBoostingClassifier

        counts = []
        build = _forest._parallel_build_trees

        def counted(*args, **kwargs):
            counts.append(threads_there())
            return build(*args, **kwargs)

        begun = time.monotonic()
        HistGradientBoostingClassifier(max_iter=2).fit(X, y)
        np.linalg.svd(np.ones((300, 300)) @ np.ones((300, 300)))
        counts.append(threads_there())
        _forest._parallel_build_trees = counted
        try:
            super().fit(X, y)
        finally:
            _forest._parallel_build_trees = build
        assert len(counts) == 1 + self.n_estimators
        self.measured_ = begun, time.monotonic(), float(max(counts))
        return self


def test_the_threads_of_all_slots_never_exceed_the_cores_unless_told_otherwise(data, monkeypatch):
    """With nothing set: as the kernel counts them, in forests with n_jobs=-1 within a cross validation."""
    # The measure sees what is too many: this process, which no pool holds back. One that stands would be counted, too.
    ab.shutdown()
    idle = threads_there()
    assert Crowd(20, n_jobs=3).fit(*data).measured_[2] >= idle + 3
    for name in ("ANABRANCH_THREADS_PER_SLOT", "ANABRANCH_SLOTS"):
        monkeypatch.delenv(name, raising=False)
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        ab.init()
        cores = available_cores()
        assert pool_slots() == cores
        forest = ab.OrNode("forest", Crowd(20, n_jobs=-1), params={"max_depth": [2, 4, 8]})
        scoring = {"begun": begun, "ended": ended, "threads": threads}
        graph = ab.Pipeline(chain=ab.OrNode("scale", StandardScaler()) >> forest)
        run = graph.cross_validate(*data, cv=3, scoring=scoring)
        measured = [tuple(entry.scores[what] for what in scoring) for entry in run["forest"]]
    finally:
        ab.shutdown()
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert len(measured) == 9
    assert {count for *_, count in measured} == {1}
    assert most_at_once(measured) <= cores
