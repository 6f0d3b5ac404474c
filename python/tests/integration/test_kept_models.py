"""The best candidates of a search keep the models that were scored in its folds."""

from __future__ import annotations

import os
import pathlib
import pickle
import uuid

import numpy as np
import pytest
import sklearn.model_selection as theirs
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import anabranch as ab

pytestmark = [pytest.mark.usefixtures("pool"), pytest.mark.versions]

ours = ab.model_selection
X, Y = make_classification(90, 6, random_state=0)
PIPELINE = Pipeline([("pca", PCA(random_state=0)), ("model", LogisticRegression())])
GRID = {"pca__n_components": [2, 4], "model__C": [0.01, 1.0]}


@pytest.mark.parametrize(
    "estimator, grid", [(PIPELINE, GRID), (LogisticRegression(), {"C": [0.01, 1.0]})], ids=["pipeline", "estimator"]
)
def test_the_kept_models_are_those_of_scikit_learns_folds(estimator, grid):
    with ours.options(top_k=2):
        search = ours.GridSearchCV(estimator, grid, cv=3).fit(X, Y)
    assert search.top_k_[0].index == search.best_index_ and len(search.top_k_) == 2
    for kept in pickle.loads(pickle.dumps(search)).top_k_:
        assert kept.mean_test_score == search.cv_results_["mean_test_score"][kept.index]
        same = clone(estimator).set_params(**kept.params)
        expected = theirs.cross_validate(same, X, Y, cv=3, return_estimator=True)["estimator"]
        assert len(kept.models) == 3
        for model, other in zip(kept.models, expected):
            assert getattr(model, "memory", None) is None
            np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))


def test_candidates_that_failed_are_not_kept():
    grid = {"C": [1.0, -1.0]}
    with ours.options(top_k=5), pytest.warns((FitFailedWarning, UserWarning), match="fits failed|non-finite"):
        search = ours.GridSearchCV(LogisticRegression(), grid, cv=3).fit(X, Y)
    assert [kept.params for kept in search.top_k_] == [{"C": 1.0}]


def test_a_fit_without_the_option_keeps_no_models():
    search = ours.GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=3)
    with ours.options(top_k=1):
        search.fit(X, Y)
    search.fit(X, Y)
    assert not hasattr(search, "top_k_")


def test_several_metrics_need_one_that_ranks():
    search = ours.GridSearchCV(LogisticRegression(), {"C": [1.0]}, scoring=["accuracy", "f1"], refit=False, cv=3)
    with ours.options(top_k=1), pytest.raises(ab.RequestError, match="refit must name"):
        search.fit(X, Y)


def test_what_ranks_by_nothing_is_refused_before_a_fit(tmp_path):
    seen = tmp_path / "fits"

    class Counted(GaussianNB):
        def fit(self, X, y):
            seen.touch()
            return super().fit(X, y)

    for scoring in (["accuracy", "f1"], {"a": "accuracy"}, ("accuracy",)):
        search = ours.GridSearchCV(Counted(), {"var_smoothing": [1e-9]}, scoring=scoring, refit=False, cv=3)
        with ours.options(top_k=1), pytest.raises(ab.RequestError, match="refit must name"):
            search.fit(X, Y)
    assert not seen.exists()


class Read(GaussianNB):
    """Notes when it is unpickled, and in which process."""

    def __init__(self, seen="", var_smoothing=1e-9):
        super().__init__(var_smoothing=var_smoothing)
        self.seen = seen

    def __setstate__(self, state):
        super().__setstate__(state)
        if hasattr(self, "theta_"):
            pathlib.Path(self.seen, f"{os.getpid()}-{uuid.uuid4()}").touch()


def test_models_are_made_here_when_they_are_read(tmp_path):
    def made_here():
        return len(list(tmp_path.glob(f"{os.getpid()}-*")))

    search = ours.GridSearchCV(Read(str(tmp_path)), {"var_smoothing": [1e-9, 1e-1]}, cv=3, refit=False)
    with ours.options(top_k=2):
        search.fit(X, Y)
    content = pickle.dumps(search)
    again = pickle.loads(content)
    assert made_here() == 0
    models = search.top_k_[1].models
    made = made_here()
    assert made and search.top_k_[1].models is models and made_here() == made
    for model, other in zip(models, again.top_k_[1].models):
        np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))


WIDE, LABELS = make_classification(300, 1500, random_state=0)


def go_on(model):
    """Fit a model further, in place, as its user may."""
    step = model[-1] if isinstance(model, Pipeline) else model
    step.partial_fit(WIDE[:50], LABELS[:50])
    step.coef_ *= 2
    if isinstance(model, Pipeline):
        model[0].scale_ /= 2
    return model


@pytest.mark.parametrize("last_only", [True, False])
def test_models_can_be_fitted_further_and_changed(last_only):
    model = SGDClassifier(random_state=0)
    estimator = model if last_only else Pipeline([("scale", StandardScaler()), ("model", model)])
    expected = theirs.cross_validate(estimator, WIDE, LABELS, cv=3, return_estimator=True)["estimator"]
    given = ours.cross_validate(estimator, WIDE, LABELS, cv=3, return_estimator=True)["estimator"]
    with ours.options(top_k=1):
        grid = {"alpha" if last_only else "model__alpha": [1e-4, 1e-3]}
        best = ours.GridSearchCV(estimator, grid, cv=3).fit(WIDE, LABELS).top_k_[0]
    same = clone(estimator).set_params(**best.params)
    kept = theirs.cross_validate(same, WIDE, LABELS, cv=3, return_estimator=True)["estimator"]
    for one, other in [*zip(given, expected), *zip(best.models, kept)]:
        mine, theirs_ = go_on(one).decision_function(WIDE), go_on(other).decision_function(WIDE)
        np.testing.assert_array_equal(mine, theirs_)


def test_a_number_of_candidates_is_asked_for():
    with pytest.raises(ab.RequestError, match="top_k=-1"), ours.options(top_k=-1):
        pass
