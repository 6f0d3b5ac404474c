"""Plots of searches: what is drawn, and what is said when it cannot be."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.neighbors import KNeighborsClassifier

import anabranch as ab

matplotlib = pytest.importorskip("matplotlib")
X, Y = make_classification(60, 4, random_state=0)


@pytest.fixture(scope="module", autouse=True)
def without_windows():
    from matplotlib import pyplot

    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    # Fonts are opened once in a process, and stay open.
    figure, ax = pyplot.subplots()
    ax.set_xlim(0.1, 100)
    ax.set_xscale("log")
    ax.set_title("powers of ten … and text")
    figure.canvas.draw()
    yield
    matplotlib.use(before)


@pytest.fixture(autouse=True)
def no_figures_left(without_windows):
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def plot(search, **options):
    display = ab.plotting.SearchResultsDisplay.from_search(search, **options)
    # Everything is laid out, so that labels which matplotlib cannot show are met.
    display.figure_.canvas.draw()
    return display


class Fitted(BaseEstimator):
    """Stands for a fitted search with these parameters; scores are random."""

    refit = True

    def __init__(self, params, best=0, **results):
        scores = np.random.default_rng(0).random(len(params))
        self.cv_results_ = {
            "params": params, "mean_test_score": scores, "std_test_score": scores / 10, **results,
        }  # fmt: skip
        self.best_index_ = best

    def fit(self, X):
        return self


def test_scores_along_a_parameter_and_a_line_for_each_setting():
    grid = {"C": [100.0, 0.01, 1.0], "fit_intercept": [True, False], "max_iter": [1000]}
    search = GridSearchCV(LogisticRegression(), grid, cv=3).fit(X, Y)
    display = plot(search)
    assert display.param_name == "C" and display.score_name == "score"
    assert [line.label for line in display.lines] == ["fit_intercept=True", "fit_intercept=False"]
    results = search.cv_results_
    for line, intercept in zip(display.lines, (True, False)):
        assert list(line.x) == [0.01, 1.0, 100.0]
        for value, mean, std in zip(line.x, line.mean, line.std):
            row = results["params"].index({"C": value, "fit_intercept": intercept, "max_iter": 1000})
            assert (mean, std) == (results["mean_test_score"][row], results["std_test_score"][row])
    ax = display.ax_
    assert ax.get_xscale() == "log" and ax.get_xlabel() == "C" and ax.get_ylabel() == "mean test score"
    drawn = display.errorbars_[0].lines[0]
    assert drawn.get_xdata().tolist() == [0.01, 1.0, 100.0] and drawn.get_ydata().tolist() == list(
        display.lines[0].mean
    )
    assert display.best == (search.best_params_["C"], search.best_score_)


def test_axes_of_ones_own_and_a_chosen_parameter():
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 3], "weights": ["uniform", "distance"]}, cv=2)
    display = plot(search.fit(X, Y), param_name="weights", ax=ax, marker="s")
    assert display.ax_ is ax and display.figure_ is ax.figure
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["uniform", "distance"]
    assert display.errorbars_[0].lines[0].get_marker() == "s"


def test_several_scores_are_told_apart():
    search = GridSearchCV(LogisticRegression(), {"C": [1, 2]}, scoring=["accuracy", "f1"], refit="f1", cv=2).fit(X, Y)
    assert plot(search).score_name == "f1" and plot(search, score_name="accuracy").score_name == "accuracy"
    with pytest.raises(ab.RequestError, match="no score 'auc'; scores: accuracy, f1"):
        plot(search, score_name="auc")
    search = clone(search).set_params(refit=False).fit(X, Y)
    with pytest.raises(ab.RequestError, match="several scores, accuracy, f1: choose one with score_name="):
        plot(search)
    assert plot(search, score_name="f1").best is None


def test_a_halving_searchs_candidates_count_once():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = HalvingGridSearchCV(LogisticRegression(), {"C": [0.1, 1, 10, 100]}, cv=2, random_state=0).fit(X, Y)
    (line,) = plot(search).lines
    assert list(line.x) == [0.1, 1, 10, 100] and len(search.cv_results_["params"]) > 4


def test_of_many_settings_the_best_is_drawn():
    params = [{"a": a, "b": b} for a in range(20) for b in range(30)]
    search = Fitted(params)
    display = plot(search)
    assert display.param_name == "b" and len(display.others) == 600
    (line,) = display.lines
    assert line.label == "best of 20 settings" and len(line.x) == 30
    scores = search.cv_results_["mean_test_score"].reshape(20, 30)
    assert list(line.mean) == scores.max(axis=0).tolist()


def test_failed_fits_leave_a_gap():
    search = Fitted([{"a": 1}, {"a": 2}, {"a": 3}])
    search.cv_results_["mean_test_score"][1] = np.nan
    assert np.isnan(plot(search).lines[0].mean[1])


def test_any_name_and_value_is_shown_as_text():
    values = ["$x_{", "_hidden", "<b>", "a" * 4000, "a" * 4000 + "b", None, LogisticRegression(), "line\nbreak"]
    display = plot(Fitted([{"$p_{": value, "_q": other} for value in values for other in (0, 1)]), param_name="$p_{")
    assert len(display.lines) == 2 and len(display.lines[0].x) == len(values)
    labels = [tick.get_text() for tick in display.ax_.get_xticklabels()]
    assert len(labels) == len(values) and all(len(label) < 30 for label in labels)
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == [" _q=0", " _q=1"]


def test_candidates_without_the_parameter_are_left_out():
    display = plot(Fitted([{"kernel": "rbf", "gamma": 1}, {"kernel": "rbf", "gamma": 2}, {"kernel": "linear"}], best=2))
    assert (
        display.param_name == "gamma" and [list(line.x) for line in display.lines] == [[1, 2]] and display.best is None
    )


def test_a_search_over_nothing_is_one_point():
    display = plot(Fitted([{}]))
    assert display.param_name is None and len(display.lines) == 1 and len(display.lines[0].x) == 1


def test_what_cannot_be_plotted_is_said():
    search = GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=2)
    with pytest.raises(NotFittedError):
        plot(search)
    with pytest.raises(ab.RequestError, match="no parameter 'D'; parameters: C"):
        plot(search.fit(X, Y), param_name="D")


def test_matplotlib_may_be_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    with pytest.raises(ImportError, match=r'plots need matplotlib.*pip install "anabranch\[plot\]"'):
        ab.plotting.SearchResultsDisplay.from_search(Fitted([{}]))
