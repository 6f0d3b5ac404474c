"""Corners where ours and scikit-learn's are equal too: steps that change their input, odd errors, scorers, filters."""

from __future__ import annotations

import copy
import subprocess
import sys
import threading
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import sklearn
import sklearn.model_selection as theirs
from same_search import assert_same, assert_same_search, first_words, fitted
from search_cases import TWO, X
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.utils.parallel import _FuncWrapper

import anabranch as ab

pytestmark = [pytest.mark.usefixtures("pool"), pytest.mark.versions]

ours = ab.model_selection
FRAME = pd.DataFrame(X[:, :4], columns=list("abcd"))


@pytest.fixture(params=["pool", "here"])
def anywhere(request):
    with ours.options(where=request.param):
        yield


def assert_equal(name, estimator, grid, X, y, **options):
    """Both kinds of a search find the same, and the fits of both succeed."""
    other, said_there = fitted(getattr(theirs, name)(clone(estimator), grid, cv=3, **options), copy.deepcopy(X), y)
    mine, said_here = fitted(getattr(ours, name)(clone(estimator), grid, cv=3, **options), copy.deepcopy(X), y)
    assert not isinstance(other, Exception), other
    if isinstance(mine, Exception):
        raise mine
    if options.get("refit", True):
        assert_same_search(mine, other, X)
    else:
        assert_same(mine.cv_results_, other.cv_results_)
    assert said_here == said_there == []


def without_a(X, times=1):
    X.pop("a")
    return X


class Narrow(GaussianNB):
    """Takes a column out of its input, in its fit and whenever it predicts."""

    def __init__(self, priors=None, var_smoothing=1e-9, name=""):
        super().__init__(priors=priors, var_smoothing=var_smoothing)
        self.name = name

    def fit(self, X, y):
        return super().fit(without_a(X), y)

    def predict(self, X):
        return super().predict(without_a(X))


def scaled(**steps):
    return Pipeline([("scale", StandardScaler().set_output(transform="pandas")), *steps.items()])


#: More than a few, so that fits are fused into tasks.
NAMES = [{"times": number} for number in range(24)]


@pytest.mark.parametrize("scoring", [["accuracy", "roc_auc"], "accuracy"])
@pytest.mark.parametrize(
    ("estimator", "grid"),
    [
        (scaled(pop=FunctionTransformer(without_a), clf=GaussianNB()), {"pop__kw_args": NAMES}),
        (
            Pipeline([("pre", scaled(pop=FunctionTransformer(without_a))), ("clf", GaussianNB())]),
            {"pre__pop__kw_args": NAMES[:8], "clf__var_smoothing": [1e-9, 1e-3]},
        ),
    ],
    ids=["step", "nested"],
)
def test_a_step_that_changes_its_input_is_seen_by_no_other_reader(estimator, grid, scoring, anywhere):
    assert_equal(
        "GridSearchCV",
        estimator,
        grid,
        FRAME,
        TWO,
        scoring=scoring,
        return_train_score=True,
        refit=scoring == "accuracy",
    )


def test_a_last_step_that_changes_its_input_is_seen_by_no_other_reader(anywhere):
    scoring = {"first": "accuracy", "second": "f1"}
    assert_equal(
        "GridSearchCV", scaled(clf=Narrow()), {"clf__name": range(24)}, FRAME, TWO, scoring=scoring, refit=False
    )


class OddError(Exception):
    """Cannot be unpickled by itself."""

    def __init__(self, code, place):
        super().__init__(f"{code} at {place}")
        self.code = code


class OddWarning(UserWarning):
    """As the error."""

    def __init__(self, code, place):
        super().__init__(f"{code} at {place}")


class HoldingError(ValueError):
    """Cannot be pickled by itself."""

    def __init__(self, message):
        super().__init__(message)
        self.lock = threading.Lock()


class HoldingWarning(UserWarning):
    """As the error."""

    def __init__(self, message):
        super().__init__(message)
        self.lock = threading.Lock()


class Odd(BaseEstimator):
    """Raises, or warns, what is not easily sent."""

    def __init__(self, how="", when="fit", number=0):
        self.how = how
        self.when = when
        self.number = number

    def fit(self, X, y=None):
        self.classes_ = np.unique(y)
        if self.when == "fit" or (self.when == "refit" and len(X) == len(TWO)):
            self._act()
        return self

    def _act(self):
        if self.how == "odd":
            raise OddError(3, "home")
        if self.how == "holding":
            raise HoldingError("not now")
        if self.how == "warning":
            warnings.warn(OddWarning(3, "home"), stacklevel=2)
            warnings.warn(HoldingWarning("not now"), stacklevel=2)
        if self.how == "all":
            print("fitted", self.number)
            warnings.warn("beware", UserWarning, stacklevel=2)
            raise HoldingError("not now")
        if self.how == "print":
            print("fitted", self.number)


class OddStep(TransformerMixin, Odd):
    def transform(self, X):
        if self.when == "transform" and len(X) < 60:
            self._act()
        return X


class OddLast(ClassifierMixin, Odd):
    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def chain(step="", last="", when="fit"):
    return Pipeline([("step", OddStep(step, when)), ("last", OddLast(last))])


@pytest.mark.parametrize("error_score", [0.5, "raise"])
@pytest.mark.parametrize("how", ["odd", "holding", "warning"])
@pytest.mark.parametrize(
    ("estimator", "name"),
    [(chain(), "last__how"), (chain(), "step__how"), (chain(when="transform"), "step__how")],
    ids=["last", "step", "transform"],
)
def test_errors_and_warnings_that_are_not_easily_sent(estimator, name, how, error_score, anywhere):
    grid = {name: ["", how], "last__number": [0, 1]}
    options = {"cv": 3, "error_score": error_score, "refit": False}
    other, said_there = fitted(theirs.GridSearchCV(clone(estimator), grid, **options), X, TWO)
    mine, said_here = fitted(ours.GridSearchCV(clone(estimator), grid, **options), X, TWO)
    assert type(mine).__name__ == type(other).__name__, mine
    if isinstance(other, Exception):
        assert type(mine) is type(other) and mine.args == other.args
    else:
        assert_same(mine.cv_results_, other.cv_results_)
    assert said_here == said_there


@pytest.mark.parametrize("how", ["odd", "holding"])
def test_a_refit_or_a_prediction_that_raises_what_is_not_easily_sent(how):
    with pytest.raises((OddError, HoldingError), match=r"3 at home|not now"):
        ours.GridSearchCV(OddLast(how, when="refit"), {"number": [0]}, cv=2).fit(X, TWO)
    with pytest.raises((OddError, HoldingError), match=r"3 at home|not now"):
        ours.cross_val_predict(OddLast(how), X, TWO, cv=2)


def test_a_refit_warns_what_is_not_easily_sent():
    with pytest.warns(OddWarning, match="3 at home"), pytest.warns(HoldingWarning, match="not now"):
        ours.GridSearchCV(OddLast("warning"), {"number": [0]}, cv=2).fit(X, TWO)


def test_metadata_that_nobody_asked_for(anywhere):
    with sklearn.config_context(enable_metadata_routing=True):
        asks = LogisticRegression().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        grid = {"logisticregression": [asks, LogisticRegression()]}
        search = ours.GridSearchCV(make_pipeline(scaler, asks), grid, cv=2, error_score="raise")
        with pytest.raises(UnsetMetadataPassedError):
            search.fit(X, TWO, sample_weight=np.ones(len(TWO)))


@pytest.mark.parametrize(
    ("action", "chosen"),
    [
        ("always", {"module": "sklearn"}),
        ("default", {"module": r"sklearn\.linear_model\._logistic"}),
        ("error", {"module": r"sklearn\.linear_model"}),
        ("always", {"module": "elsewhere"}),
    ],
)
@pytest.mark.parametrize("name", ["cross_val_score", "refit"])
def test_filters_know_the_module_that_warns(name, action, chosen, anywhere):
    if action == "error" and not hasattr(_FuncWrapper, "with_config_and_warning_filters"):
        pytest.skip("this scikit-learn hands no filters on to where fits run")

    def heard(module):
        with warnings.catch_warnings(record=True) as log:
            warnings.resetwarnings()
            warnings.simplefilter("ignore")
            warnings.filterwarnings(action, **chosen)
            estimator = LogisticRegression(max_iter=1)
            try:
                if name == "refit":
                    module.GridSearchCV(estimator, {"C": [1.0]}, cv=2).fit(X, TWO)
                else:
                    module.cross_val_score(estimator, X, TWO, cv=3)
            except Exception as error:
                return type(error)
        return {one.category for one in log}

    assert heard(ours) == heard(theirs)


@dataclass(frozen=True)
class Frozen:
    weight: float = 2.0

    def __call__(self, estimator, X, y):
        return self.weight * float((estimator.predict(X) == y).mean())


class Refuses:
    """Is neither written to, copied nor subclassed."""

    def __setattr__(self, name, value):
        raise RuntimeError("never")

    def __copy__(self):
        raise RuntimeError("never")

    def __init_subclass__(cls, *, reason):
        super().__init_subclass__()

    def __call__(self, estimator, X, y):
        return float((estimator.predict(X) == y).mean())


@pytest.mark.parametrize("scorer", [Frozen(), Refuses()])
def test_scorers_that_are_not_written_to(scorer, anywhere):
    estimator = make_pipeline(StandardScaler(), GaussianNB())
    assert_equal("GridSearchCV", estimator, {"gaussiannb__var_smoothing": [1e-9, 1e-3]}, X, TWO, scoring=scorer)


@pytest.mark.parametrize("pre_dispatch", [0, 1, "zz", "n_jobs"])
def test_pre_dispatch_has_no_effect(pre_dispatch, anywhere):
    options = {"cv": 3, "pre_dispatch": pre_dispatch}
    mine, other = (module.cross_val_score(GaussianNB(), X, TWO, **options) for module in (ours, theirs))
    assert_same(mine, other)


@pytest.mark.parametrize("name", ["cross_validate", "cross_val_predict", "learning_curve", "GridSearchCV"])
def test_what_fits_print_is_printed_here(name, anywhere, capsys):
    def printed(module):
        if name == "GridSearchCV":
            module.GridSearchCV(OddLast("print"), {"number": [1, 2]}, cv=2).fit(X, TWO)
        else:
            getattr(module, name)(OddLast("print", number=3), X, TWO, cv=2)
        return sorted(capsys.readouterr().out.splitlines())

    lines = printed(theirs)
    assert lines and printed(ours) == lines


def test_what_a_shared_step_prints_is_printed_once_for_each_fold(anywhere, capsys):
    ours.GridSearchCV(chain("print"), {"last__number": [1, 2]}, cv=2, refit=False).fit(X, TWO)
    assert capsys.readouterr().out == "fitted 0\n" * 2


@pytest.mark.parametrize("name", ["cross_validate", "cross_val_predict", "refit"])
def test_what_is_said_before_an_error_is_heard(name, anywhere, capsys):
    def said(module):
        with warnings.catch_warnings(record=True) as log, pytest.raises(HoldingError) as raised:
            warnings.simplefilter("always")
            if name == "refit":
                module.GridSearchCV(OddLast("all", when="refit"), {"number": [1]}, cv=2).fit(X, TWO)
            else:
                more = {"error_score": "raise"} if name == "cross_validate" else {}
                getattr(module, name)(OddLast("all"), X, TWO, cv=2, **more)
        return [str(one.message) for one in log], capsys.readouterr().out, set(vars(raised.value)) - {"lock"}

    mine, other = said(ours), said(theirs)
    assert mine == other and mine[0] == ["beware"]


def test_a_prediction_warns_before_it_fails(anywhere):
    three = np.r_[np.zeros(44), np.ones(44), [2, 2]].astype(int)
    folds = [(np.arange(45), np.arange(45, 90)), (np.arange(45, 90), np.arange(45))]

    def heard(module):
        with warnings.catch_warnings(record=True) as log, pytest.raises(ValueError) as raised:
            warnings.simplefilter("always")
            module.cross_val_predict(SVC(), X[:90], three, cv=folds, method="decision_function")
        return {first_words(one.message) for one in log}, first_words(raised.value)

    mine, other = heard(ours), heard(theirs)
    assert mine == other and mine[0]


def test_prints_of_a_search_within_a_search_are_printed_once(anywhere, capsys):
    def printed(module):
        inner = module.GridSearchCV(OddLast("print"), {"number": [1, 2]}, cv=2)
        module.cross_validate(inner, X, TWO, cv=2)
        return sorted(capsys.readouterr().out.splitlines())

    lines = printed(theirs)
    assert lines and printed(ours) == lines


class StartsAProcess(OddLast):
    def fit(self, X, y):
        subprocess.run([sys.executable, "-c", "pass"], stdout=sys.stdout, check=True)
        assert sys.stdout.encoding and sys.stdout.buffer.writable()
        return super().fit(X, y)


def test_a_fit_may_hand_its_output_to_a_process(pool):
    ours.cross_validate(StartsAProcess(), X, TWO, cv=2, error_score="raise")


def test_an_error_behind_a_warning_that_cannot_be_pickled_is_the_error(anywhere):
    class Holding(UserWarning):
        def __init__(self, lock):
            super().__init__("beware")
            self.lock = lock

    class WarnsAndFails(OddLast):
        def fit(self, X, y):
            warnings.warn(Holding(threading.Lock()), stacklevel=2)
            raise KeyError("on purpose")

    with warnings.catch_warnings(), pytest.raises(KeyError, match="on purpose"):
        warnings.simplefilter("ignore")
        ours.cross_val_predict(WarnsAndFails(), X, TWO, cv=2)
