"""What a search on the pool adds to scikit-learn's: sharing, and fits that die alone."""

from __future__ import annotations

import gc
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import sklearn.model_selection as theirs
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.datasets import make_classification
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from threadpoolctl import threadpool_limits

import anabranch as ab

pytestmark = pytest.mark.versions

ours = ab.model_selection

X, Y = make_classification(120, 8, n_informative=5, n_classes=3, random_state=0)


class Diary(TransformerMixin, BaseEstimator):
    """Writes a line for each of its fits and transforms into a file."""

    def __init__(self, path="", name="", shift=0.0):
        self.path = path
        self.name = name
        self.shift = shift

    def _write(self, what, X):
        with open(self.path, "a") as file:
            file.write(f"{what} {self.name} {self.shift} {len(X)}\n")

    def fit(self, X, y=None):
        self._write("fit", X)
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X):
        self._write("transform", X)
        return X - self.mean_ + self.shift

    def fit_transform(self, X, y=None):
        self._write("fit", X)
        self.mean_ = X.mean(axis=0)
        return X - self.mean_ + self.shift


class Noise(TransformerMixin, BaseEstimator):
    """Adds what its random state draws."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y=None):
        from sklearn.utils import check_random_state

        self.noise_ = check_random_state(self.random_state).normal(size=X.shape[1])
        return self

    def transform(self, X):
        return X + self.noise_


class Mortal(ClassifierMixin, BaseEstimator):
    """Ends its process, or never ends."""

    def __init__(self, fate="lives", path=""):
        self.fate = fate
        self.path = path

    def fit(self, X, y):
        if self.fate == "dies" and X[0, 0] == X[:, 0].min():
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fate == "hangs":
            if self.path:
                pathlib.Path(self.path, str(os.getpid())).touch()
            time.sleep(600)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


class MortalScaler(TransformerMixin, Mortal):
    def transform(self, X):
        return X


def digits_like(tmp_path):
    return Pipeline(
        [
            ("scale", Diary(str(tmp_path / "diary"), "scale")),
            ("pca", Diary(str(tmp_path / "diary"), "pca")),
            ("clf", LogisticRegression(max_iter=20)),
        ]
    )


def lines(tmp_path):
    return [line.split()[:2] for line in (tmp_path / "diary").read_text().splitlines()]


def test_each_distinct_step_is_fitted_once_for_each_fold(pool, tmp_path):
    grid = {"pca__shift": [0.0, 1.0], "clf__C": np.logspace(-3, 3, 8)}
    search = ours.GridSearchCV(digits_like(tmp_path), grid, cv=5, refit=False).fit(X, Y)
    written = [" ".join(words) for words in lines(tmp_path)]
    counts = {text: written.count(text) for text in sorted(set(written))}
    # Two settings of the second step: transforms in scoring are as many as distinct (prefix, fold) pairs.
    assert counts == {"fit scale": 5, "fit pca": 10, "transform scale": 5, "transform pca": 10}
    assert search.sharing_.fits == {"scale": 5, "pca": 10, "clf": 80}
    assert search.sharing_.transforms == {"scale": 5, "pca": 10}
    assert search.sharing_.fits_alone == {"scale": 80, "pca": 80, "clf": 80}
    assert search.sharing_.to_frame().loc["pca"].tolist() == [10, 80, 10]


@pytest.mark.parametrize("train_scores", [False, True])
def test_steps_within_nested_pipelines_are_shared(pool, tmp_path, train_scores):
    path = str(tmp_path / "diary")

    def nested(name):
        return Diary(path, name)

    inner = Pipeline(
        [("a", nested("a")), ("b", Pipeline([("c", nested("c")), ("d", nested("d"))])), ("e", nested("e"))]
    )
    pipeline = Pipeline([("first", nested("first")), ("inner", inner), ("clf", GaussianNB())])
    grid = {"inner__b__d__shift": [0.0, 1.0], "inner__e__shift": [0.0, 1.0], "clf__var_smoothing": [1e-9, 1e-3]}
    options = {"cv": 2, "refit": False, "return_train_score": train_scores}
    search = ours.GridSearchCV(pipeline, grid, **options).fit(X, Y)
    written = [" ".join(words) for words in lines(tmp_path)]
    sides = 2 if train_scores else 1
    settings = {"first": 1, "a": 1, "c": 1, "d": 2, "e": 4}
    assert {name: written.count(f"fit {name}") for name in settings} == {name: 2 * n for name, n in settings.items()}
    assert {name: written.count(f"transform {name}") for name in settings} == {
        name: 2 * n * sides for name, n in settings.items()
    }
    # A nested pipeline's last step is the pipeline's own.
    fits = {"first": 2, "inner__a": 2, "inner__b__c": 2, "inner__b": 4, "inner": 8, "clf": 16}
    assert search.sharing_.fits == fits
    expected = theirs.GridSearchCV(pipeline, grid, **options).fit(X, Y).cv_results_
    for key in expected:
        if key.endswith("score"):
            np.testing.assert_array_equal(search.cv_results_[key], expected[key], key)


def test_train_scores_apply_each_model_once_more(pool, tmp_path):
    grid = {"pca__shift": [0.0, 1.0], "clf__C": [0.1, 1.0]}
    search = ours.GridSearchCV(
        digits_like(tmp_path), grid, cv=3, refit=False, return_train_score=True, scoring=["accuracy", "f1_macro"]
    ).fit(X, Y)
    assert search.sharing_.fits == {"scale": 3, "pca": 6, "clf": 12}
    assert search.sharing_.transforms == {"scale": 6, "pca": 12}


def test_what_is_not_common_is_not_shared(pool, tmp_path):
    candidates = [{"scale__shift": [0.0], "clf__C": [0.1, 1.0]}, {"scale__shift": [1.0], "clf__C": [0.1]}]
    search = ours.GridSearchCV(digits_like(tmp_path), candidates, cv=2, refit=False).fit(X, Y)
    assert search.sharing_.fits == {"scale": 4, "pca": 4, "clf": 6}
    single = ours.GridSearchCV(digits_like(tmp_path), {"clf__C": [0.1]}, cv=2, refit=False).fit(X, Y)
    assert single.sharing_.fits == single.sharing_.fits_alone == {"scale": 2, "pca": 2, "clf": 2}


def test_a_candidates_time_has_what_it_shares(pool):
    class Slow(StandardScaler):
        def fit(self, X, y=None, sample_weight=None):
            time.sleep(0.05)
            return super().fit(X, y)

    search = ours.GridSearchCV(make_pipeline(Slow(), GaussianNB()), {"gaussiannb__var_smoothing": [1e-9, 1e-3]}, cv=2)
    search.fit(X, Y)
    assert search.sharing_.fits["slow"] == 2
    assert (search.cv_results_["mean_fit_time"] >= 0.05).all()


def test_an_unseeded_step_is_shared_unless_it_is_to_be_apart(pool):
    class Seen(ClassifierMixin, BaseEstimator):
        def __init__(self, number=0):
            self.number = number

        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def score(self, X, y):
            return float(X[0, 0])

    grid = {"seen__number": [0, 1]}

    def scores(random_state):
        search = ours.GridSearchCV(make_pipeline(Noise(random_state), Seen()), grid, cv=2, refit=False).fit(X, Y)
        return search.cv_results_["mean_test_score"]

    assert len(set(scores(None))) == 1
    assert len(set(scores(7))) == 1
    with ours.options(unseeded="apart"):
        assert len(set(scores(None))) == 2
        assert len(set(scores(7))) == 1
    with pytest.raises(ab.RequestError, match="use 'share' or 'apart'"), ours.options(unseeded="maybe"):
        pass


@pytest.mark.parametrize("limits", [{}, {"timeout": 30.0}])
def test_a_fit_that_dies_costs_its_cell_only(pool, limits):
    pipeline = make_pipeline(StandardScaler(), Mortal())
    # One fold of three has the row with the least value in front.
    order = np.argsort(StandardScaler().fit_transform(X)[:, 0])
    rows, labels = X[order], Y[order]
    search = ours.GridSearchCV(
        pipeline, {"mortal__fate": ["lives", "dies"]}, cv=theirs.KFold(3), error_score=-1.0, refit=False
    )
    with ours.options(**limits), pytest.warns(FitFailedWarning, match="(?s)candidate.*'dies'.*fold"):
        search.fit(rows, labels)
    results = search.cv_results_
    dead = np.array([[results[f"split{i}_test_score"][j] for i in range(3)] for j in range(2)]) == -1.0
    assert not dead[0].any() and dead[1].any()
    alive = theirs.cross_val_score(pipeline, rows, labels, cv=theirs.KFold(3))
    assert results["mean_test_score"][0] == alive.mean()


def test_a_fit_that_dies_is_raised_by_name(pool):
    search = ours.GridSearchCV(Mortal(), {"fate": ["dies"]}, cv=2, error_score="raise")
    with pytest.raises(ab.TaskKilled, match=r"candidate \{'fate': 'dies'\}, fold"):
        search.fit(np.sort(X, axis=0), Y)


def test_a_shared_step_that_dies_costs_its_candidates(pool):
    pipeline = Pipeline([("scale", MortalScaler()), ("clf", GaussianNB())])
    grid = {"scale__fate": ["lives", "dies"], "clf__var_smoothing": [1e-9, 1e-3]}
    search = ours.GridSearchCV(pipeline, grid, cv=theirs.KFold(2), error_score=-1.0, refit=False)
    with pytest.warns(FitFailedWarning, match="step 'scale', which it shares"):
        search.fit(np.sort(X, axis=0), Y)
    failed = search.cv_results_["mean_test_score"] == -1.0
    assert failed.tolist() == [fate == "dies" for fate in search.cv_results_["param_scale__fate"]]


def test_a_fit_past_its_limit_is_stopped(pool):
    search = ours.GridSearchCV(Mortal(), {"fate": ["lives", "hangs"]}, cv=2, error_score=0.0, refit=False)
    # Long enough for the fit that lives, on a machine so busy that its runtime imports scikit-learn for seconds.
    with ours.options(timeout=5.0), pytest.warns(FitFailedWarning, match="TaskTimeout"):
        search.fit(X, Y)
    assert search.cv_results_["mean_test_score"][1] == 0.0 < search.cv_results_["mean_test_score"][0]


def test_what_cannot_be_pickled_is_named(pool):
    class Locked(GaussianNB):
        def __init__(self, var_smoothing=1e-9, lock=None):
            super().__init__(var_smoothing=var_smoothing)
            self.lock = lock

        def __deepcopy__(self, memo):
            return self

    search = ours.GridSearchCV(Locked(lock=print), {"lock": [sys.stdout]}, cv=2)
    with pytest.raises(TypeError, match=r"candidate \{'lock': <.*: it cannot be sent to the pool: "):
        search.fit(X, Y)


def test_an_interrupted_search_leaves_nothing_behind(pool, tmp_path):
    search = ours.GridSearchCV(
        make_pipeline(StandardScaler(), Mortal("hangs", str(tmp_path))), {"mortal__fate": ["hangs"] * 4}, cv=2
    )
    before = objects()

    def interrupt():
        while not any(tmp_path.iterdir()):
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, Y)
    thread.join()
    assert time.monotonic() - begun < 60
    for pid in [int(path.name) for path in tmp_path.iterdir()]:
        wait_until(lambda pid=pid: has_ended(pid))
    wait_until(lambda: objects() <= before)
    assert not hasattr(search, "cv_results_")
    assert ours.GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9]}, cv=2).fit(X, Y).best_score_ > 0.3


@pytest.mark.leaves("children", "descriptors")
def test_a_pool_that_is_gone_is_an_error(pool, tmp_path):
    from anabranch.process_client import current

    search = ours.GridSearchCV(Mortal("hangs", str(tmp_path)), {"fate": ["hangs"]}, cv=2, error_score=0.0)

    def end_the_pool():
        wait_until(lambda: any(tmp_path.iterdir()))
        current().pool._process.kill()

    thread = threading.Thread(target=end_the_pool)
    thread.start()
    with pytest.raises(ab.ConnectionFailed):
        search.fit(X, Y)
    thread.join()
    ab.shutdown()
    ab.init(slots=2)  # the other tests' pool
    assert not hasattr(search, "cv_results_")


def has_ended(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        # It may go between the opening of the file and its reading.
        return True
    return state == "Z"


def status():
    from anabranch.process_client import current
    from anabranch.v1 import control_pb2

    return current().ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest())).status


def objects():
    gc.collect()
    return status().objects


def wait_until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_rows_stand_in_the_store_once(pool):
    rows = np.random.default_rng(0).normal(size=(4000, 250))  # 8 MB
    labels = (rows[:, 0] > 0).astype(int)
    pipeline = make_pipeline(StandardScaler(), GaussianNB())
    most = 0

    def watch():
        nonlocal most
        while not ended.wait(0.005):
            most = max(most, status().store_bytes)

    wait_until(lambda: objects() == 0)
    ended = threading.Event()
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        search = ours.GridSearchCV(pipeline, {"gaussiannb__var_smoothing": [1e-9, 1e-6, 1e-3]}, cv=8, refit=False)
        search.fit(rows, labels)
    finally:
        ended.set()
        thread.join()
    assert search.sharing_.fits["standardscaler"] == 8
    # The rows once, and what the scaler made of the rows in slots + 1 folds, with some room for small objects.
    assert rows.nbytes < most <= rows.nbytes * (1 + 3) * 1.1
    wait_until(lambda: objects() == 0)


def test_a_driver_proposes_candidates_by_the_scores_so_far(pool):
    told = []

    def halve(evaluate):
        low, high = 1e-6, 1.0
        for _ in range(3):
            scores = evaluate([{"clf__var_smoothing": low}, {"clf__var_smoothing": high}])["mean_test_score"]
            told.append(scores.tolist())
            low, high = (low, high / 10) if scores[-2] >= scores[-1] else (low * 10, high)

    pipeline = Pipeline([("scale", StandardScaler()), ("clf", GaussianNB())])
    search = ours.DrivenSearchCV(pipeline, halve, cv=3).fit(X, Y)
    assert [len(scores) for scores in told] == [2, 4, 6]
    results = search.cv_results_
    assert told[-1] == results["mean_test_score"].tolist()
    for params, score in zip(results["params"], results["mean_test_score"]):
        assert score == theirs.cross_val_score(clone(pipeline).set_params(**params), X, Y, cv=3).mean()
    assert search.sharing_.fits == {"scale": 9, "clf": 18}
    assert search.best_score_ == max(told[-1])
    assert clone(search).driver is not None and "driver" in search.get_params()
    with pytest.raises(ValueError, match=r"No fits|not.*empty|iterable|results"):
        ours.DrivenSearchCV(pipeline, lambda evaluate: evaluate([]), cv=3).fit(X, Y)
    with pytest.raises(ValueError, match="without a candidate"):
        ours.DrivenSearchCV(pipeline, lambda evaluate: None, cv=3).fit(X, Y)


def test_a_search_shows_its_fits_when_asked(pool, capsys):
    search = ours.GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-8, "no number"]}, cv=4, refit=False)
    with warnings.catch_warnings(), ours.options(progress=True):
        warnings.simplefilter("ignore", FitFailedWarning)
        warnings.simplefilter("ignore", UserWarning)
        search.fit(X, Y)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("GaussianNB: ") and "12 of 12 fits" in last and last.endswith(", 4 failed")
    search.set_params(param_grid={"var_smoothing": [1e-9]}).fit(X, Y)
    assert capsys.readouterr().err == ""


def test_a_search_within_a_search(pool):
    inner = ours.GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-1]}, cv=2)
    expected = theirs.cross_val_score(
        theirs.GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-1]}, cv=2), X, Y, cv=3
    )
    np.testing.assert_array_equal(ours.cross_val_score(inner, X, Y, cv=3), expected)


@pytest.mark.parametrize("name", ["GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV"])
def test_searches_are_found_in_the_package_itself(name):
    assert getattr(ab, name) is getattr(ours, name) and name in ab.__all__


def test_as_an_estimator(pool):
    pipeline = make_pipeline(StandardScaler(), GaussianNB())
    search = ours.GridSearchCV(pipeline, {"gaussiannb__var_smoothing": [1e-9, 1e-3]})
    assert repr(search) == repr(theirs.GridSearchCV(search.estimator, search.param_grid))
    assert "GridSearchCV" in search._repr_html_()
    assert search.get_params().keys() == theirs.GridSearchCV(search.estimator, {}).get_params().keys()
    fitted = clone(search).set_params(cv=2).fit(X, Y)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert again.sharing_.fits == fitted.sharing_.fits
    assert hasattr(search, "predict") and not hasattr(search, "classes_")


@pytest.mark.parametrize("name", ["GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV"])
def test_scikit_learns_own_checks(name, pool):
    options = {"cv": 2, "error_score": "raise"}
    if "Halving" in name:
        options |= {"random_state": 0, "min_resources": "smallest", "error_score": np.nan}
    if name == "RandomizedSearchCV":
        options |= {"n_iter": 2, "random_state": 0}

    def search(module):
        return getattr(module, name)(LogisticRegression(max_iter=50), {"C": [0.1, 1.0]}, **options)

    failed = failed_checks(search(ours))
    # What fails must fail for scikit-learn's too, and in the same way.
    assert failed_checks(search(theirs), only=failed) == failed


def failed_checks(search, only=None):
    failed = {}
    if hasattr(estimator_checks, "estimator_checks_generator"):
        checks = estimator_checks.estimator_checks_generator(search)
    else:  # before scikit-learn 1.6
        checks = estimator_checks.check_estimator(search, generate_only=True)
    for estimator, check in checks:
        name = getattr(getattr(check, "func", check), "__name__", str(check))
        if only is not None and name not in only:
            continue
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore")
            try:
                check(estimator)
            except Exception as error:
                failed[name] = type(error).__name__
    return failed


def test_anabranch_does_not_import_scikit_learn():
    code = "import anabranch, sys; anabranch.Executor; assert 'sklearn' not in sys.modules; anabranch.model_selection"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": ":".join(sys.path)})
