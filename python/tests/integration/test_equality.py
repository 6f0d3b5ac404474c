"""Scores equal scikit-learn's, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, ShuffleSplit, StratifiedKFold, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import anabranch as ab

CLASSIFIERS = [
    DecisionTreeClassifier(random_state=0),
    RandomForestClassifier(n_estimators=10, random_state=0),
    LogisticRegression(max_iter=500),
    SVC(),
    KNeighborsClassifier(),
]
SPLITTERS = [
    None,
    3,
    KFold(4, shuffle=True, random_state=1),
    StratifiedKFold(3),
    ShuffleSplit(3, random_state=0),
]


def assert_same(run, node, expected, names):
    results = run.cv_results(node)
    assert not run.failed, run.failed[0].error
    for name in names:
        assert results[name].tolist() == expected[name].tolist(), name


@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=lambda e: type(e).__name__)
def test_estimators(pool, estimator):
    X, y = load_wine(return_X_y=True)
    g = ab.Pipeline(chain=ab.OrNode("scale", StandardScaler()) >> ab.OrNode("model", estimator))
    run = g.cross_validate(X, y, cv=4, return_train_score=True)
    expected = cross_validate(make_pipeline(StandardScaler(), estimator), X, y, cv=4, return_train_score=True)
    assert_same(run, "model", expected, ["test_score", "train_score"])


@pytest.mark.parametrize("cv", SPLITTERS, ids=repr)
def test_splitters(pool, cv):
    X, y = load_wine(return_X_y=True)
    estimator = DecisionTreeClassifier(random_state=0)
    run = ab.Pipeline(chain=ab.OrNode("model", estimator)).cross_validate(X, y, cv=cv)
    assert_same(run, "model", cross_validate(estimator, X, y, cv=cv), ["test_score"])


@pytest.mark.parametrize(
    "scoring",
    [
        "balanced_accuracy",
        ["accuracy", "f1_macro", "neg_log_loss"],
        {"auc": "roc_auc_ovr"},
        lambda e, X, y: e.score(X, y) / 2,
    ],
    ids=["one", "several", "named", "callable"],
)
def test_scorers(pool, scoring):
    X, y = load_wine(return_X_y=True)
    estimator = GaussianNB()
    run = ab.Pipeline(chain=ab.OrNode("model", estimator)).cross_validate(X, y, cv=3, scoring=scoring)
    expected = cross_validate(estimator, X, y, cv=3, scoring=scoring)
    assert_same(run, "model", expected, [name for name in expected if name.startswith("test_")])


def test_regression_with_groups(pool):
    X, y = load_diabetes(return_X_y=True)
    groups = np.arange(len(y)) % 7
    estimator = GradientBoostingRegressor(n_estimators=10, random_state=0)
    run = ab.Pipeline(chain=ab.OrNode("model", estimator)).cross_validate(
        X, y, cv=GroupKFold(3), groups=groups, scoring=["r2", "neg_mean_absolute_error"]
    )
    expected = cross_validate(
        estimator, X, y, cv=GroupKFold(3), groups=groups, scoring=["r2", "neg_mean_absolute_error"]
    )
    assert_same(run, "model", expected, ["test_r2", "test_neg_mean_absolute_error"])


def test_sample_weights_reach_fits_as_in_scikit_learn(pool):
    X, y = load_diabetes(return_X_y=True)
    weights = np.random.default_rng(0).uniform(0.1, 2, len(y))
    run = ab.Pipeline(chain=ab.OrNode("model", Ridge())).cross_validate(
        X, y, cv=4, sample_weight=weights, scoring="neg_mean_squared_error"
    )
    expected = cross_validate(Ridge(), X, y, cv=4, params={"sample_weight": weights}, scoring="neg_mean_squared_error")
    assert_same(run, "model", expected, ["test_score"])


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_layout_is_kept(pool, order):
    X, y = load_diabetes(return_X_y=True)
    X = np.asarray(X, order=order)
    run = ab.Pipeline(chain=ab.OrNode("model", Ridge())).cross_validate(X, y, cv=5)
    assert_same(run, "model", cross_validate(Ridge(), X, y, cv=5), ["test_score"])


def test_a_grid_is_scikit_learns_search(pool):
    X, y = load_wine(return_X_y=True)
    g = ab.Pipeline(
        chain=ab.OrNode("scale", StandardScaler())
        >> ab.OrNode("pca", PCA(random_state=0), params={"n_components": [2, 5]})
        >> ab.OrNode("model", LogisticRegression(max_iter=500), params={"C": [0.1, 1.0, 10.0]})
    )
    run = g.cross_validate(X, y, cv=3)
    assert [len(run[name]) for name in ("scale", "pca", "model")] == [3, 6, 18]
    search = GridSearchCV(
        make_pipeline(StandardScaler(), PCA(random_state=0), LogisticRegression(max_iter=500)),
        {"pca__n_components": [2, 5], "logisticregression__C": [0.1, 1.0, 10.0]},
        cv=3,
    ).fit(X, y)
    for setting, *scores in zip(
        search.cv_results_["params"], *(search.cv_results_[f"split{fold}_test_score"] for fold in range(3))
    ):
        wanted = {"pca__n_components": setting["pca__n_components"], "C": setting["logisticregression__C"]}
        entries = [entry for entry in run["model"] if entry.params == wanted]
        assert [entry.score for entry in entries] == scores


def test_a_vote_is_scikit_learns(pool):
    X, y = load_wine(return_X_y=True)
    models = {"bayes": GaussianNB(), "near": KNeighborsClassifier(), "tree": DecisionTreeClassifier(random_state=0)}
    nodes = [ab.OrNode(name, model) for name, model in models.items()]
    g = ab.Pipeline(chain=ab.OrNode("scale", MinMaxScaler()) >> nodes >> ab.AndNode("vote", ab.nodes.Vote()))
    run = g.cross_validate(X, y, cv=5)
    expected = cross_validate(make_pipeline(MinMaxScaler(), VotingClassifier(list(models.items()))), X, y, cv=5)
    assert_same(run, "vote", expected, ["test_score"])


def test_a_stack_is_scikit_learns(pool):
    X, y = load_wine(return_X_y=True)
    models = {"bayes": GaussianNB(), "near": KNeighborsClassifier()}
    nodes = [ab.OrNode(name, model, output="predict_proba", cv=3) for name, model in models.items()]
    stack = ab.AndNode("stack", ab.nodes.Stack())
    g = ab.Pipeline(chain=nodes >> stack >> ab.OrNode("final", LogisticRegression(max_iter=1000)))
    g_run = g.fit(X, y)
    expected = StackingClassifier(list(models.items()), LogisticRegression(max_iter=1000), cv=3).fit(X, y)
    path = g_run.select(g_run["final"][0])
    assert np.array_equal(path.predict_proba(X), expected.predict_proba(X))
    assert np.array_equal(g_run["final"][0].model.coef_, expected.final_estimator_.coef_)
