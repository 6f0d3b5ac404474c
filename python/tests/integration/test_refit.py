"""A search's refit is a task of the pool too: it may die, and what it gives is what a fit in this process gives."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import threading
import time
import warnings

import numpy as np
import pytest
import sklearn.model_selection as theirs
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import anabranch as ab

pytestmark = [pytest.mark.usefixtures("pool"), pytest.mark.versions]

ours = ab.model_selection
X, Y = make_classification(120, 8, n_informative=5, n_classes=3, random_state=0)
ROWS = len(X)


class OfAllRows(ClassifierMixin, BaseEstimator):
    """Does something when it is fitted on all rows, as in a refit."""

    def __init__(self, does="nothing", number=0):
        self.does = does
        self.number = number

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.process_ = os.getpid()
        if len(X) == ROWS:
            getattr(self, self.does)()
        return self

    def nothing(self):
        pass

    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def hang(self):
        time.sleep(600)

    def allocate(self):
        self.much_ = np.ones(1 << 30)

    def lock(self):
        self.lock_ = threading.Lock()

    def draw(self):
        self.drawn_ = np.random.normal(size=3)

    def speak(self):
        print("as one says")
        warnings.warn("beware", UserWarning, stacklevel=1)

    def fail(self):
        raise KeyError("what is missing")

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def search_of(does, **options):
    return ours.GridSearchCV(OfAllRows(does), {"number": [0, 1]}, cv=2, **options)


def test_a_refit_that_dies_is_an_error_that_names_it():
    search = search_of("die")
    with pytest.raises(ab.TaskKilled, match=r"^candidate \{'number': 0\}, refit: .*SIGKILL"):
        search.fit(X, Y)
    # It can be fitted again, by hand too.
    assert "fit" not in vars(search.best_estimator_)
    assert search.set_params(estimator__does="nothing").fit(X, Y).best_estimator_.process_ != os.getpid()


@pytest.mark.parametrize(
    ("does", "limits", "error"),
    [("hang", {"timeout": 3.0}, ab.TaskTimeout), ("allocate", {"memory": "2G"}, ab.TaskOutOfMemory)],
)
def test_limits_hold_for_the_refit(does, limits, error):
    with ours.options(**limits), pytest.raises(error, match=r"^candidate \{'number': 0\}, refit: "):
        search_of(does).fit(X, Y)


def test_an_exception_is_raised_as_it_was():
    with pytest.raises(KeyError, match="what is missing") as raised:
        search_of("fail").fit(X, Y)
    assert raised.value.args == ("what is missing",)


@pytest.mark.parametrize("where", ["pool", "here", "auto"])
def test_it_is_fitted_where_the_candidates_were(where):
    with ours.options(where=where):
        search = search_of("nothing").fit(X, Y)
    assert (search.best_estimator_.process_ == os.getpid()) == (where == "here")
    assert search.refit_time_ >= 0


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), LogisticRegression()),
        make_pipeline(StandardScaler(copy=False), LogisticRegression()),
        RandomForestClassifier(10, random_state=np.random.RandomState(3), n_jobs=2),
    ],
    ids=["pipeline", "writes to its input", "forest"],
)
@pytest.mark.parametrize("rows", [X, np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2]], ids=["C", "F", "strided"])
def test_the_fitted_estimator_has_the_bits_of_one_fitted_here(estimator, rows):
    grid = {"max_depth": [3]} if hasattr(estimator, "n_estimators") else {"logisticregression__C": [1.0]}
    search = ours.GridSearchCV(estimator, grid, cv=2).fit(rows, Y)
    (name, values), *_ = grid.items()
    expected = clone(estimator).set_params(**{name: values[0]}).fit(rows.copy(order="K"), Y)
    np.testing.assert_array_equal(rows, X)
    last, expected_last = (one[-1] if hasattr(one, "steps") else one for one in (search.best_estimator_, expected))
    for fitted, other in zip(
        getattr(last, "estimators_", [last]), getattr(expected_last, "estimators_", [expected_last])
    ):
        np.testing.assert_array_equal(fitted.predict_proba(rows), other.predict_proba(rows))


def test_the_fitted_estimator_is_its_users_own():
    model = SGDClassifier(random_state=0)
    large = np.random.default_rng(0).normal(size=(200, 5000))
    labels = (large[:, 0] > 0).astype(int)
    search = ours.GridSearchCV(model, {"alpha": [0.1]}, cv=2).fit(large, labels)
    gc.collect()
    fitted = search.best_estimator_
    assert fitted.coef_.flags.writeable and fitted.coef_.nbytes > 16384
    fitted.partial_fit(large, labels)
    assert pickle.loads(pickle.dumps(search)).best_estimator_.coef_.shape == (1, 5000)


def test_what_was_the_users_is_still_that():
    def halve(values):
        return values / 2

    pipeline = make_pipeline(FunctionTransformer(halve), KNeighborsClassifier(algorithm="brute"))
    search = ours.GridSearchCV(pipeline, {"kneighborsclassifier__n_neighbors": [3]}, cv=2).fit(X, Y)
    assert search.best_estimator_[0].func is halve
    # A model that keeps its rows keeps those of its user, as in this process.
    plain = ours.GridSearchCV(KNeighborsClassifier(algorithm="brute"), {"n_neighbors": [3]}, cv=2).fit(X, Y)
    assert plain.best_estimator_._fit_X is X


def test_what_cannot_come_back_is_fitted_here_unless_it_is_held_to_limits():
    search = search_of("lock").fit(X, Y)
    assert search.best_estimator_.process_ == os.getpid()
    message = r"candidate \{'number': 0\}, refit: the fitted estimator cannot come back .*limits"
    with ours.options(timeout=60.0), pytest.raises(TypeError, match=message):
        search_of("lock").fit(X, Y)


def test_what_it_says_is_heard_here(capsys):
    with pytest.warns(UserWarning, match="beware"):
        search_of("speak").fit(X, Y)
    assert capsys.readouterr().out == "as one says\n"
    with warnings.catch_warnings(), pytest.raises(UserWarning, match="beware"):
        warnings.simplefilter("error")
        search_of("speak").fit(X, Y)


def test_it_draws_from_this_processs_generators():
    np.random.seed(5)
    search = search_of("draw").fit(X, Y)
    after = np.random.normal()
    np.random.seed(5)
    np.testing.assert_array_equal(search.best_estimator_.drawn_, np.random.normal(size=3))
    assert after == np.random.normal()


def test_fit_parameters_and_configuration_hold():
    import sklearn

    weights = np.arange(len(Y), dtype=float)
    given = {"sample_weight": weights}
    grid = {"C": [1.0]}
    with sklearn.config_context(assume_finite=True):
        search = ours.GridSearchCV(LogisticRegression(), grid, cv=2).fit(X, Y, **given)
        expected = theirs.GridSearchCV(LogisticRegression(), grid, cv=2).fit(X, Y, **given)
    np.testing.assert_array_equal(search.best_estimator_.coef_, expected.best_estimator_.coef_)


def test_it_shows_itself_when_asked(capsys):
    with ours.options(progress=True):
        search_of("nothing").fit(X, Y)
    shown = capsys.readouterr().err.splitlines()[-1]
    assert shown.startswith("OfAllRows, refit: ") and "1 of 1 refits" in shown
