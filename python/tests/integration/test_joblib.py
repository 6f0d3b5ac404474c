"""`joblib.parallel_config("anabranch")`: what users of joblib and scikit-learn's `n_jobs` see."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import joblib
import numpy as np
import pandas as pd
import psutil
import pytest
import scipy.sparse
import sklearn.model_selection
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.linear_model import SGDClassifier

import anabranch as ab
from anabranch.joblib_backend import AnabranchBackend
from anabranch.v1 import control_pb2

pytestmark = [pytest.mark.usefixtures("pool"), pytest.mark.versions]


def square(number):
    return number * number


def fails_at(number, wrong):
    if number == wrong:
        raise LookupError(f"no {number}")
    return number


def dies_once(flag):
    if not os.path.exists(flag):
        open(flag, "w").close()
        os._exit(3)
    return "alive"


def nested(number):
    workers = Parallel(n_jobs=-1)._effective_n_jobs()
    return os.getpid(), set(Parallel(n_jobs=4)(delayed(os.getpid)() for _ in range(4))), workers


def store_bytes():
    from anabranch.process_client import current

    return current().ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest())).status.store_bytes


@pytest.mark.parametrize(
    "order",
    [
        "import anabranch, joblib",
        "import joblib, anabranch",
        "import anabranch, importlib.util\nfor _ in (1, 2): importlib.util.find_spec('joblib')\nimport joblib",
    ],
)
def test_joblib_knows_the_backend_whatever_is_imported_first(order):
    program = f"{order}\nwith joblib.parallel_config('anabranch') as used: print(type(used['backend']).__name__)"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == AnabranchBackend.__name__


def test_importing_anabranch_does_not_import_joblib():
    program = "import anabranch, sys; sys.exit('joblib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0


class Placed(ClassifierMixin, BaseEstimator):
    """Knows the process in which it was fitted."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.process_ = os.getpid()
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)


def test_what_scikit_learn_parallelises_is_fitted_in_the_pools_processes():
    X, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
    with joblib.parallel_config("anabranch"):
        bag = BaggingClassifier(Placed(), 8, n_jobs=2, random_state=0).fit(X, y)
        vote = VotingClassifier([("a", Placed()), ("b", Placed())], n_jobs=2).fit(X, y)
        folds = sklearn.model_selection.cross_validate(Placed(), X, y, cv=4, n_jobs=2, return_estimator=True)
    for fitted in (bag.estimators_, vote.estimators_, folds["estimator"]):
        processes = {one.process_ for one in fitted}
        assert processes and processes <= runtimes() and os.getpid() not in processes


def runtimes():
    """Return the processes below this one's pool."""
    return {os.getpid(), *(process.pid for process in psutil.Process().children(recursive=True))}


@pytest.mark.parametrize("return_as", ["list", "generator", "generator_unordered"])
def test_results_in_every_form(return_as):
    with joblib.parallel_config("anabranch"):
        got = list(Parallel(return_as=return_as)(delayed(square)(number) for number in range(300)))
    assert (sorted(got) if return_as == "generator_unordered" else got) == [number**2 for number in range(300)]


def test_one_parallel_serves_several_calls():
    with joblib.parallel_config("anabranch"), Parallel(n_jobs=2) as parallel:
        for start in range(3):
            assert parallel(delayed(square)(start + number) for number in range(9)) == [
                (start + number) ** 2 for number in range(9)
            ]


def test_tiny_calls_travel_in_batches():
    backend = AnabranchBackend()
    sizes = []
    for _ in range(20):
        sizes.append(backend.compute_batch_size())
        backend.batch_completed(sizes[-1], 1e-6 * sizes[-1])
    assert sizes[0] == 1 and sizes[-1] == 1024 and sizes == sorted(sizes)
    for _ in range(40):
        backend.batch_completed(backend.compute_batch_size(), 1.0 * backend.compute_batch_size())
    assert backend.compute_batch_size() == 1


def test_an_exception_comes_back_with_its_remote_traceback_and_the_backend_goes_on():
    with joblib.parallel_config("anabranch"):
        with pytest.raises(LookupError, match="no 7") as raised:
            Parallel()(delayed(fails_at)(number, 7) for number in range(50))
        assert "fails_at" in str(raised.value.__cause__)
        assert Parallel()(delayed(square)(number) for number in range(4)) == [0, 1, 4, 9]


def test_a_call_whose_process_dies_is_named_or_tried_again(tmp_path):
    calls = [delayed(dies_once)(str(tmp_path / "once")), delayed(square)(3)]
    with joblib.parallel_config("anabranch"), pytest.raises(ab.TaskKilled, match="3"):
        Parallel(n_jobs=2)(calls)
    (tmp_path / "once").unlink()
    with joblib.parallel_config("anabranch", retries=1):
        assert Parallel(n_jobs=2)(calls) == ["alive", 9]


def test_joblibs_timeout_stops_what_runs():
    with joblib.parallel_config("anabranch"):
        with pytest.raises(multiprocessing.TimeoutError):
            Parallel(n_jobs=2, timeout=0.2)(delayed(time.sleep)(60) for _ in range(4))
        assert Parallel(n_jobs=2)(delayed(square)(number) for number in range(4)) == [0, 1, 4, 9]


def test_the_backends_timeout_names_its_limit():
    with joblib.parallel_config("anabranch", timeout=0.2), pytest.raises(ab.TaskTimeout, match="200 ms"):
        Parallel(n_jobs=2)(delayed(time.sleep)(60) for _ in range(2))


@pytest.mark.parametrize("kind", ["array", "frame", "sparse"])
def test_a_large_argument_is_stored_once_for_all_tasks(kind):
    array = np.arange(1_000_000.0)
    value = {"array": lambda: array, "frame": lambda: pd.DataFrame({"a": array}), "sparse": lambda: _diagonal(array)}
    large = value[kind]()
    before = store_bytes()
    seen = []

    def watched():
        for number in range(12):
            seen.append(store_bytes() - before)
            yield delayed(_total)(large, number)

    with joblib.parallel_config("anabranch"):
        got = Parallel(n_jobs=2, batch_size=1)(watched())
    assert got == [array.sum() + number for number in range(12)]
    size = 8_000_000 if kind != "sparse" else 16_000_000
    assert size <= max(seen) < 2 * size


def _diagonal(array):
    return scipy.sparse.csr_matrix(scipy.sparse.diags(array))


def _total(value, number):
    return float(np.asarray(value.sum()).sum()) + number


def test_a_large_argument_changed_between_calls_is_stored_anew():
    array = np.zeros(100_000)
    with joblib.parallel_config("anabranch"), Parallel(n_jobs=2) as parallel:
        assert parallel(delayed(_total)(array, number) for number in range(2)) == [0.0, 1.0]
        array[:] = 1.0
        assert parallel(delayed(_total)(array, number) for number in range(2)) == [100_000.0, 100_001.0]


@pytest.mark.parametrize("size", [10, 100_000])
def test_results_are_the_callers_own(size):
    with joblib.parallel_config("anabranch"):
        (array, again), frame = Parallel(n_jobs=2)([delayed(_twice)(size), delayed(_frame)(size)])
    array += 1
    assert array.sum() == size and again is array
    frame.loc[0, "a"] = 7.0
    assert frame["a"].sum() == 7.0


def _twice(size):
    array = np.zeros(size)
    return array, array


def _frame(size):
    return pd.DataFrame({"a": np.zeros(size)})


def test_models_that_were_fitted_on_the_pool_can_be_fitted_further():
    X, y = load_iris(return_X_y=True)
    members = [(str(number), SGDClassifier(random_state=number)) for number in range(3)]
    with joblib.parallel_config("anabranch"):
        vote = VotingClassifier(members, n_jobs=2).fit(X, y)
    serial = VotingClassifier(members).fit(X, y)
    for model, other in zip(vote.estimators_, serial.estimators_):
        np.testing.assert_array_equal(model.partial_fit(X, y).coef_, other.partial_fit(X, y).coef_)


def _name(value):
    return value.__name__


def test_classes_are_arguments_like_any_other():
    classes = [pd.DataFrame, np.ndarray, scipy.sparse.csr_matrix, pd.Series]
    with joblib.parallel_config("anabranch"):
        assert Parallel(n_jobs=2)(delayed(_name)(one) for one in classes) == [one.__name__ for one in classes]


def test_parallel_within_a_task_runs_where_it_is():
    with joblib.parallel_config("anabranch"):
        for process, inner, workers in Parallel(n_jobs=2)(delayed(nested)(number) for number in range(4)):
            assert process != os.getpid()
            assert inner == {process} and workers == 1


def test_counting_jobs_as_joblib_does():
    with joblib.parallel_config("anabranch"):
        assert joblib.effective_n_jobs() == 2
        assert joblib.effective_n_jobs(-1) == 2
        assert joblib.effective_n_jobs(-2) == 1
        assert joblib.effective_n_jobs(5) == 5
        with pytest.raises(ValueError, match="n_jobs == 0"):
            joblib.effective_n_jobs(0)


def test_scikit_learns_n_jobs_gives_equal_results():
    from sklearn.datasets import load_iris
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import GridSearchCV, cross_val_score

    X, y = load_iris(return_X_y=True)
    forest = RandomForestClassifier(n_estimators=10, random_state=0, n_jobs=-1)
    search = GridSearchCV(forest, {"max_depth": [1, 2]}, n_jobs=-1, cv=3)
    with joblib.parallel_config("anabranch"):
        scores = cross_val_score(forest, X, y, n_jobs=-1)
        ours = search.fit(X, y).cv_results_["mean_test_score"]
        proba = forest.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(scores, cross_val_score(forest, X, y))
    np.testing.assert_array_equal(ours, search.set_params(n_jobs=1).fit(X, y).cv_results_["mean_test_score"])
    np.testing.assert_array_equal(proba, forest.fit(X, y).predict_proba(X))


def test_ctrl_c_stops_the_tasks_and_leaves_the_pool(tmp_path):
    program = """
import os, time
import anabranch as ab, joblib
from joblib import Parallel, delayed

def told(number):
    open(os.environ["FLAG"], "a").close()
    time.sleep(300)

ab.init(slots=2)
with joblib.parallel_config("anabranch"):
    try:
        Parallel(n_jobs=2)(delayed(told)(number) for number in range(4))
    except KeyboardInterrupt:
        print(Parallel(n_jobs=2)(delayed(abs)(-number) for number in range(3)), flush=True)
"""
    flag = tmp_path / "flag"
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env={**os.environ, "FLAG": str(flag)}
    )
    deadline = time.monotonic() + 60
    while not flag.exists():
        assert child.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=60)
    assert "[0, 1, 2]" in out and child.returncode == 0
