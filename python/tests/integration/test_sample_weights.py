"""Sample weights and groups of a run reach fits and scores as scikit-learn's own calls have them."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.model_selection as theirs
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import StackingClassifier
from sklearn.feature_selection import RFE
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, f1_score, get_scorer, get_scorer_names, make_scorer
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import anabranch as ab

ours = ab.model_selection
pytestmark = [pytest.mark.usefixtures("pool"), pytest.mark.versions]

X, KINDS = load_iris(return_X_y=True)
X, Y = X[50:], (KINDS[50:] == 1).astype(int)
WEIGHTS = np.where(Y == 0, 10.0, 0.1)
UNEVEN = np.random.default_rng(0).uniform(0.1, 3, len(Y))
GROUPS = np.arange(len(Y)) % 7
GRID = {"C": [0.001, 1.0]}


@pytest.mark.parametrize(
    "estimator",
    [
        theirs.GridSearchCV(LogisticRegression(), GRID, cv=3),
        ours.GridSearchCV(LogisticRegression(), GRID, cv=3),
        ours.HalvingGridSearchCV(LogisticRegression(), GRID, cv=3, random_state=0),
        StackingClassifier([("lr", LogisticRegression()), ("nb", GaussianNB())], cv=3),
        make_pipeline(RFE(LogisticRegression(), n_features_to_select=2), GaussianNB()),
    ],
    ids=["grid", "ours", "halving", "stack", "selection"],
)
def test_weights_reach_fits_that_hand_them_on(estimator):
    given = {"sample_weight": WEIGHTS}
    if hasattr(estimator, "steps"):
        given = {f"{name}__sample_weight": WEIGHTS for name, _ in estimator.steps}
    got = ab.from_sklearn(estimator).as_estimator().fit(X, Y, sample_weight=WEIGHTS).predict_proba(X)
    np.testing.assert_array_equal(got, clone(estimator).fit(X, Y, **given).predict_proba(X))
    assert not np.array_equal(got, clone(estimator).fit(X, Y).predict_proba(X))


def test_weights_are_cut_like_the_rows():
    X, y = load_diabetes(return_X_y=True)
    weights = np.random.default_rng(0).uniform(0.1, 2, len(y))
    estimator = TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp)
    run = ab.from_sklearn(estimator).cross_validate(X, y, cv=4, sample_weight=weights)
    expected = theirs.cross_validate(estimator, X, y, cv=4, params={"sample_weight": weights})
    (node,) = run.graph.nodes
    np.testing.assert_array_equal([entry.score for entry in run[node]], expected["test_score"])


@pytest.mark.parametrize("searches", [theirs, ours], ids=["theirs", "ours"])
def test_groups_reach_searches(searches):
    search = searches.GridSearchCV(LogisticRegression(), GRID, cv=theirs.GroupKFold(3))
    run = ab.from_sklearn(search).fit(X, Y, groups=GROUPS, sample_weight=WEIGHTS)
    (entry,) = run
    expected = theirs.GridSearchCV(LogisticRegression(), GRID, cv=theirs.GroupKFold(3))
    expected.fit(X, Y, groups=GROUPS, sample_weight=WEIGHTS)
    np.testing.assert_array_equal(entry.model.best_estimator_.coef_, expected.best_estimator_.coef_)
    np.testing.assert_array_equal(entry.model.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"])


def fitted_line():
    """A scaler and a classifier, as a run and as scikit-learn's."""
    line = make_pipeline(StandardScaler(), LogisticRegression())
    return ab.from_sklearn(line).fit(X, Y), clone(line).fit(X, Y)


def plain(estimator, X, y):
    return accuracy_score(y, estimator.predict(X))


def weighing(estimator, X, y, sample_weight=None):
    return accuracy_score(y, estimator.predict(X), sample_weight=sample_weight)


SCORERS = {
    "accuracy": "accuracy",
    "roc_auc": "roc_auc",
    "neg_log_loss": "neg_log_loss",
    "f1": make_scorer(f1_score, average="macro"),
    "weighing": weighing,
}


def test_a_paths_score_is_weighted():
    run, expected = fitted_line()
    path = run.select(run[run.graph.sinks[0]][0])
    assert path.score(X, Y, sample_weight=UNEVEN) == expected.score(X, Y, sample_weight=UNEVEN)
    found = path.score(X, Y, sample_weight=UNEVEN, scoring=SCORERS)
    bare = path.score(X, Y, scoring=SCORERS)
    for name, scoring in SCORERS.items():
        scorer = get_scorer(scoring)
        assert found[name] == scorer(expected, X, Y, sample_weight=UNEVEN), name
        assert bare[name] == scorer(expected, X, Y) != found[name], name
    assert path.score(X, Y, sample_weight=UNEVEN, scoring="accuracy") == found["accuracy"]
    (entry,) = run.score(X, Y, sample_weight=UNEVEN, scoring=SCORERS)[run.graph.sinks[0]]
    assert entry.scores == found


def test_a_scorer_that_takes_no_weights_says_so():
    run, expected = fitted_line()
    path = run.select(run[run.graph.sinks[0]][0])
    for scoring, name in ((plain, "plain"), ("max_error", "max_error"), ("neg_max_error", "max_error")):
        if isinstance(scoring, str) and scoring not in get_scorer_names():
            continue  # of another version
        with pytest.warns(UserWarning, match=f"{name} takes no sample weights; it scores without"):
            found = path.score(X, Y, sample_weight=UNEVEN, scoring=scoring)
        assert found == get_scorer(scoring)(expected, X, Y)


def test_combined_predictions_are_scored_with_weights():
    branches = [ab.OrNode("lr", LogisticRegression()), ab.OrNode("nb", GaussianNB())]
    graph = ab.Pipeline("votes", branches >> ab.AndNode("vote", ab.nodes.Vote()))
    run = graph.fit(X, Y)
    path = run.select(run["vote"][0])
    expected = accuracy_score(Y, path.predict(X), sample_weight=UNEVEN)
    assert path.score(X, Y, sample_weight=UNEVEN, scoring="accuracy") == expected
    assert path.score(X, Y, scoring="accuracy") == accuracy_score(Y, path.predict(X)) != expected


def test_scorers_of_a_cross_validation_get_no_weights_unless_they_ask():
    line = LogisticRegression()
    run = ab.from_sklearn(line).cross_validate(X, Y, cv=3, sample_weight=WEIGHTS, scoring="accuracy")
    models = [clone(line).fit(X[a], Y[a], sample_weight=WEIGHTS[a]) for a, _ in theirs.StratifiedKFold(3).split(X, Y)]
    tests = [b for _, b in theirs.StratifiedKFold(3).split(X, Y)]
    (node,) = run.graph.nodes
    assert [entry.score for entry in run[node]] == [model.score(X[b], Y[b]) for model, b in zip(models, tests)]
