"""Members of votes and base estimators of stacks are fitted once for all candidates that have them."""

from __future__ import annotations

import copy
import os
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
import sklearn.model_selection as theirs
from same_search import assert_same_search, assert_same_warnings, fitted
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification, make_multilabel_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import anabranch as ab

pytestmark = [pytest.mark.usefixtures("pool"), pytest.mark.versions]

ours = ab.model_selection
X, Y = make_classification(120, 8, n_informative=5, n_classes=3, random_state=0)
TWO = (Y > 0).astype(int)
WORDS = np.array(["red", "green", "blue"])[Y]
XR, YR = make_regression(90, 6, noise=4.0, random_state=1)
XM, YM = make_multilabel_classification(100, 6, n_classes=3, random_state=0)
FRAME = pd.DataFrame(X, columns=list("abcdefgh"))
WEIGHTS = np.random.default_rng(2).uniform(0.5, 2.0, len(Y))


class Moody(ClassifierMixin, BaseEstimator):
    """Fails, or ends its process, on request, when it is fitted on all rows of a fold or of an inner one."""

    def __init__(self, mood="good", when="fit"):
        self.mood = mood
        self.when = when

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self._show("fit" if len(X) > 70 else "inner")
        return self

    def predict(self, X):
        self._show("predict")
        return np.full(len(X), self.classes_[0])

    def _show(self, when):
        if self.when == when and self.mood == "bad":
            raise ValueError(f"not today: {when}")
        if self.when == when and self.mood == "deadly":
            os.abort()


class Writing(ClassifierMixin, BaseEstimator):
    """Writes to its input, so that who is fitted behind it sees other rows."""

    def __init__(self, shift=1.0):
        self.shift = shift

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        X += self.shift
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


TREE = DecisionTreeClassifier(random_state=0, max_depth=3)
NEAR = KNeighborsClassifier(5)
FOREST = RandomForestClassifier(5, random_state=0)


def vote(*more, **options):
    return VotingClassifier([("tree", TREE), ("near", NEAR), ("line", LogisticRegression()), *more], **options)


def stack(*more, final=None, **options):
    bases = [("tree", TREE), ("near", NEAR), *more]
    return StackingClassifier(bases, final or LogisticRegression(), **{"cv": 3, **options})


def behind(step, **names):
    return Pipeline([("scale", StandardScaler()), ("pca", PCA(4, random_state=0)), ("vote", step)])


C = {"final_estimator__C": [0.1, 1.0, 10.0]}
CASES = {
    "a final estimator": (stack(), C, X, Y),
    "a final estimator, behind shared steps": (
        behind(stack()),
        {f"vote__{name}": values for name, values in C.items()},
        X,
        Y,
    ),
    "steps before and a member": (
        behind(vote(voting="soft")),
        {"pca__n_components": [3, 4], "vote__tree__max_depth": [1, 2], "vote__weights": [None, [1, 2, 3]]},
        X,
        WORDS,
    ),
    "two members, a hard vote": (vote(), {"tree__max_depth": [1, 3], "near__n_neighbors": [3, 7]}, X, WORDS),
    "kinds of votes": (vote(), {"voting": ["hard", "soft"], "tree__max_depth": [1, 3]}, X, Y),
    "members come and go": (
        vote(("bayes", GaussianNB())),
        {"near": ["drop", NEAR, TREE], "bayes": ["drop", GaussianNB()]},
        X,
        Y,
    ),
    "two classes, all columns": (stack(passthrough=True), {**C, "passthrough": [True, False]}, X, TWO),
    "methods": (
        stack(("svm", SVC())),
        {"stack_method": ["auto", "predict"], "svm__C": [0.1, 1.0], "cv": [2, KFold(3, shuffle=True, random_state=0)]},
        X,
        Y,
    ),
    "final estimators that are ensembles": (
        stack(),
        {"final_estimator": [vote(), stack(), FOREST, make_pipeline(StandardScaler(), LogisticRegression())]},
        X,
        Y,
    ),
    "members that are ensembles and pipelines": (
        vote(("inner", stack()), ("piped", make_pipeline(PCA(3), LogisticRegression())), ("forest", FOREST)),
        {"inner__final_estimator__C": [0.1, 1.0], "piped__pca__n_components": [2, 3]},
        FRAME,
        WORDS,
    ),
    "regressors": (
        VotingRegressor(
            [("line", Ridge()), ("near", KNeighborsRegressor()), ("more", RandomForestRegressor(4, random_state=0))]
        ),
        {"line__alpha": [0.1, 1.0], "weights": [None, [1, 2, 3]]},
        XR,
        YR,
    ),
    "a stack of regressors": (
        make_pipeline(
            StandardScaler(), StackingRegressor([("line", Ridge()), ("near", KNeighborsRegressor())], Ridge(), cv=3)
        ),
        {"stackingregressor__final_estimator__alpha": [0.1, 1.0], "stackingregressor__near__n_neighbors": [3, 5]},
        XR,
        YR,
    ),
    "many labels": (
        StackingClassifier([("tree", TREE), ("near", NEAR)], DecisionTreeClassifier(random_state=0), cv=3),
        {"final_estimator__max_depth": [1, 3], "tree__max_depth": [2, 4]},
        XM,
        YM,
    ),
    "a stack of one fitted member": (
        StackingClassifier([("tree", TREE.fit(X, Y))], LogisticRegression(), cv="prefit"),
        C,
        X,
        Y,
    ),
    "a member that fails": (
        vote(("moody", Moody())),
        {"moody__mood": ["good", "bad"], "moody__when": ["fit", "predict"], "tree__max_depth": [1, 2]},
        X,
        Y,
    ),
    "a shared member that fails": (
        vote(("moody", Moody("bad"))),
        {"moody__when": ["fit", "predict"], "tree__max_depth": [1, 2]},
        X,
        Y,
    ),
    "a base that fails in its inner folds": (
        stack(("moody", Moody("bad")), stack_method="predict"),
        {"moody__when": ["inner", "predict", "never"], **C},
        X,
        Y,
    ),
    "a method that a base has not": (stack(("svm", SVC()), stack_method="predict_proba"), C, X, Y),
    "a member that writes to its input": (
        VotingClassifier([("writing", Writing()), ("tree", TREE), ("near", NEAR)]),
        {"writing__shift": [1.0, 3.0], "tree__max_depth": [1, 3]},
        X,
        Y,
    ),
    "the same, behind a step": (
        behind(VotingClassifier([("tree", TREE), ("writing", Writing()), ("near", NEAR)])),
        {"vote__tree__max_depth": [1, 3]},
        X,
        Y,
    ),
    "names that are given twice": (vote(("tree", NEAR)), {"line__C": [0.1, 1.0]}, X, Y),
    "none": (VotingClassifier([]), {"voting": ["hard", "soft"]}, X, Y),
}


def compared(estimator, grid, rows, y, params=None, **options):
    # A member may write to the rows of the refit.
    mine, said = fitted(ours.GridSearchCV(estimator, grid, **options), copy.deepcopy(rows), y, **(params or {}))
    other, said_there = fitted(
        theirs.GridSearchCV(estimator, grid, **options), copy.deepcopy(rows), y, **(params or {})
    )
    if isinstance(other, Exception):
        assert type(mine) is type(other) and str(mine).splitlines()[:3] == str(other).splitlines()[:3]
        return None
    assert not isinstance(mine, Exception), mine
    assert_same_search(mine, other, rows)
    assert_same_warnings(said, said_there)
    return mine


HERE = ("a final estimator, behind shared steps", "a shared member that fails", "a member that writes to its input")


@pytest.mark.parametrize(("case", "where"), [*((case, "pool") for case in CASES), *((case, "here") for case in HERE)])
def test_results_are_scikit_learns(case, where):
    estimator, grid, rows, y = CASES[case]
    with ours.options(where=where):
        compared(estimator, grid, rows, y, cv=3, return_train_score=True)


def test_several_metrics_and_weights():
    options = {"scoring": ["accuracy", "roc_auc_ovr", "neg_log_loss"], "refit": "accuracy", "cv": 3}
    search = compared(vote(voting="soft"), {"tree__max_depth": [1, 2]}, X, Y, **options)
    assert search.sharing_.fits["estimator__near"] == 3
    # One for each member that candidates share, and fold; the other is asked by each candidate, for all metrics.
    assert search.sharing_.transforms["estimator__near"] == 3
    compared(VotingClassifier([("a", TREE), ("b", FOREST)]), {"a__max_depth": [1, 2]}, X, Y, {"sample_weight": WEIGHTS})


def test_weights_that_are_routed():
    with sklearn.config_context(enable_metadata_routing=True):
        tree = DecisionTreeClassifier(random_state=0).set_fit_request(sample_weight=True)
        estimator = VotingClassifier([("tree", tree), ("near", NEAR)])
        compared(estimator, {"near__n_neighbors": [3, 5]}, X, Y, {"sample_weight": WEIGHTS}, cv=3)


def searched(estimator, grid, **options):
    return ours.GridSearchCV(estimator, grid, cv=5, refit=False, **options).fit(X, Y)


def test_a_final_estimator_varies_and_each_base_is_fitted_once_for_each_fold():
    sharing = searched(stack(), {"final_estimator__C": [0.1, 1.0, 10.0, 100.0]}).sharing_
    assert sharing.fits == {"estimator": 20, "estimator__tree": 5, "estimator__near": 5}
    assert sharing.fits_alone == {"estimator": 20, "estimator__tree": 20, "estimator__near": 20}
    assert sharing.transforms == {"estimator__tree": 5, "estimator__near": 5}


class Counting(DecisionTreeClassifier):
    """Notes each of its fits in a file."""

    def __init__(self, path=None, max_depth=None, random_state=0):
        super().__init__(max_depth=max_depth, random_state=random_state)
        self.path = path

    def fit(self, X, y):
        descriptor = os.open(self.path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.write(descriptor, b".")
        os.close(descriptor)
        return super().fit(X, y)


@pytest.mark.parametrize("where", ["pool", "here"])
def test_the_inner_folds_of_a_base_are_fitted_once_too(tmp_path, where):
    path = tmp_path / "fits"
    estimator = behind(stack(("counting", Counting(str(path)))))
    with ours.options(where=where):
        searched(estimator, {"vote__final_estimator__C": [0.1, 1.0, 10.0]})
    assert path.stat().st_size == 5 * (1 + 3)


def test_two_members_vary_and_each_setting_is_fitted_once_for_each_fold():
    grid = {"vote__tree__max_depth": [1, 2, 3], "vote__near__n_neighbors": [2, 3, 4, 5]}
    sharing = searched(behind(vote()), grid).sharing_
    once = {"scale": 5, "pca": 5, "vote__line": 5}
    assert sharing.fits == {**once, "vote__tree": 15, "vote__near": 20, "vote": 60}
    assert sharing.transforms == {**once, "vote__tree": 15, "vote__near": 20}


def test_another_input_is_another_member():
    sharing = searched(behind(vote()), {"pca__n_components": [2, 3], "vote__tree__max_depth": [1, 2, 3]}).sharing_
    counts = {"scale": 5, "pca": 10, "vote": 30, "vote__tree": 30, "vote__near": 10, "vote__line": 10}
    assert sharing.fits == counts


def test_unseeded_members_are_apart_when_asked():
    estimator, grid = vote(("forest", RandomForestClassifier(2))), {"near__n_neighbors": [2, 3]}
    assert searched(estimator, grid).sharing_.fits["estimator__forest"] == 5
    with ours.options(unseeded="apart"):
        fits = searched(estimator, grid).sharing_.fits
    assert (fits["estimator__forest"], fits["estimator__tree"]) == (10, 5)


def test_a_stack_that_draws_its_folds_stays_whole():
    sharing = searched(stack(cv=KFold(3, shuffle=True)), C).sharing_
    assert sharing.fits == {"estimator": 15}


def test_models_that_are_kept_are_whole():
    with ours.options(top_k=1):
        search = searched(stack(), C)
    model = search.top_k_[0].models[0]
    assert (model.predict(X) == Y).mean() > 0.5 and "predict_proba" not in vars(model.estimators_[0])


@pytest.mark.parametrize("shared", [False, True])
def test_a_member_that_dies_costs_its_candidates(shared):
    estimator = vote(("moody", Moody("deadly" if shared else "good")))
    grid = {"tree__max_depth": [1, 2]} if shared else {"moody__mood": ["good", "deadly"], "tree__max_depth": [1, 2]}
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        if shared:
            with pytest.raises(
                ValueError, match=r"fits failed[\s\S]*step 'estimator', member 'moody', which it shares"
            ):
                searched(estimator, grid)
            return
        search = searched(estimator, grid)
    assert any(isinstance(one.message, FitFailedWarning) for one in log)
    bad = search.cv_results_["param_moody__mood"] == "deadly"
    scores = search.cv_results_["mean_test_score"]
    assert np.isnan(scores[bad]).all() and not np.isnan(scores[~bad]).any()
