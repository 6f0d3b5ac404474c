"""Sample weights and groups reach fits that take them by ``**params`` alone, wherever scikit-learn hands them on."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn
import sklearn.model_selection as theirs
from harness import RuntimeHarness, gathered, single
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFE, RFECV, SelectFromModel, SequentialFeatureSelector
from sklearn.linear_model import LarsCV, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, HalvingGridSearchCV, KFold, RandomizedSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, RegressorChain
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from test_fit import fit_work

from anabranch import model_selection as ours
from anabranch.runtime.estimators import fit_argument
from anabranch.v1 import task_pb2

pytestmark = pytest.mark.versions

RNG = np.random.default_rng(3)
X = RNG.normal(size=(150, 5))
Y = (X[:, 0] + RNG.normal(size=150) > 0).astype(int)
WEIGHTS = np.where(Y == 0, 10.0, 0.1)
GROUPS = np.arange(150) % 7
GRID = {"C": [0.01, 1.0]}


def model(runtime: RuntimeHarness, estimator, **fields):
    """The model that a node fits, and the warnings of its fit, of data that has weights or groups."""
    success = runtime.succeed(
        fit=fit_work(runtime, estimator, single(runtime.data(X, Y, **fields)), output_method="predict")
    )
    return runtime.store.get(success.model), list(success.warnings)


def results(fitted) -> np.ndarray:
    """All that it makes of X, as one array."""
    methods = ("predict_proba", "predict", "transform")
    made = [np.asarray(getattr(fitted, method)(X), float) for method in methods if hasattr(fitted, method)]
    found = getattr(fitted, "cv_results_", {})
    scores = [np.asarray(found[name], float) for name in sorted(found) if "test_score" in name and "rank" not in name]
    return np.concatenate([one.ravel() for one in (*made, *scores)])


def same(fitted, expected) -> bool:
    return np.array_equal(results(fitted), results(expected))


def weighted_estimators():
    line = LogisticRegression()
    named = [("lr", LogisticRegression()), ("nb", GaussianNB())]
    return {
        "grid": GridSearchCV(line, GRID, cv=3),
        "randomized": RandomizedSearchCV(line, {"C": [0.01, 0.1, 1.0]}, n_iter=2, cv=3, random_state=0),
        "halving": HalvingGridSearchCV(line, GRID, cv=3, random_state=0),
        "ours": ours.GridSearchCV(line, GRID, cv=3),
        "ours halving": ours.HalvingGridSearchCV(line, GRID, cv=3, random_state=0),
        "estimators in a grid": GridSearchCV(
            SelectFromModel(line), {"estimator": [line, DecisionTreeClassifier(random_state=0)]}, cv=3, scoring=_wide
        ),
        "target": TransformedTargetRegressor(Ridge(), func=np.exp, inverse_func=np.log, check_inverse=False),
        "default target": TransformedTargetRegressor(),
        "rfe": RFE(line, n_features_to_select=2),
        "select": SelectFromModel(line),
        "nested": GridSearchCV(RFE(line), {"n_features_to_select": [1, 3]}, cv=3),
        "calibrated": CalibratedClassifierCV(line, cv=3),
        "bagging": BaggingClassifier(DecisionTreeClassifier(max_depth=3), 5, random_state=0),
        "boosting": AdaBoostClassifier(DecisionTreeClassifier(max_depth=1), n_estimators=5, random_state=0),
        "stack": StackingClassifier(named, cv=3),
        "stacked": StackingRegressor([("a", Ridge()), ("b", Ridge(10.0))], Ridge(), cv=3),
        "vote": VotingClassifier(named, voting="soft"),
        "mean": VotingRegressor([("a", Ridge()), ("b", "drop")]),
    }


def _wide(estimator, X, y) -> float:
    return float(estimator.transform(X).shape[1])


@pytest.mark.parametrize("name", weighted_estimators())
def test_weights_are_those_of_scikit_learn(runtime: RuntimeHarness, name: str) -> None:
    estimator = weighted_estimators()[name]
    fitted, warned = model(runtime, estimator, sample_weight=WEIGHTS)
    assert not any("sample weights" in text for text in warned)
    expected = clone(estimator).fit(X, Y, sample_weight=WEIGHTS)
    assert same(fitted, expected)
    if name != "estimators in a grid" and not isinstance(expected, (RFE, SelectFromModel)):
        assert not same(fitted, clone(estimator).fit(X, Y))


def test_a_selectors_output_and_a_pipelines_last_step(runtime: RuntimeHarness) -> None:
    """fit_transform hands weights on as fit does, and so does the last step of a pipeline."""
    data = runtime.data(X, Y, WEIGHTS)
    success = runtime.succeed(fit=fit_work(runtime, RFE(LogisticRegression()), single(data), output=True))
    expected = RFE(LogisticRegression()).fit(X, Y, sample_weight=WEIGHTS)
    fitted = runtime.store.get(success.model)
    np.testing.assert_array_equal(fitted.estimator_.coef_, expected.estimator_.coef_)
    np.testing.assert_array_equal(runtime.opened(success.output).X, expected.transform(X))
    steps = make_pipeline(StandardScaler(), GridSearchCV(LogisticRegression(), GRID, cv=3))
    fitted, _ = model(runtime, steps, sample_weight=WEIGHTS)
    assert same(fitted, clone(steps).fit(X, Y, gridsearchcv__sample_weight=WEIGHTS))


class Keywords(BaseEstimator):
    """Takes anything and uses nothing."""

    def fit(self, X, y=None, **params):
        self.given_ = sorted(params)
        return self

    def predict(self, X):
        return np.zeros(len(X))


class Chain(ClassifierChain):
    def fit(self, X, Y, **params):
        return super().fit(X, Y, **params)


def unweighted_estimators():
    near, line = KNeighborsClassifier(), LogisticRegression()
    steps = make_pipeline(StandardScaler(), line)
    return {
        "search of neighbours": GridSearchCV(near, {"n_neighbors": [3, 5]}, cv=3),
        "search of a pipeline": GridSearchCV(steps, {"logisticregression__C": [0.1, 1]}, cv=3),
        "a candidate": GridSearchCV(
            TransformedTargetRegressor(Ridge()), {"regressor": [Ridge(), KNeighborsRegressor()]}, cv=3
        ),
        "target": TransformedTargetRegressor(KNeighborsRegressor()),
        "one vs rest": OneVsRestClassifier(line),
        "lars": LarsCV(cv=3),
        "keywords": Keywords(),
        "pipeline": make_pipeline(StandardScaler(), near),
    }


@pytest.mark.parametrize("name", unweighted_estimators())
def test_what_scikit_learn_would_refuse_is_fitted_without(runtime: RuntimeHarness, name: str) -> None:
    estimator = unweighted_estimators()[name]
    fitted, warned = model(runtime, estimator, sample_weight=WEIGHTS, groups=GROUPS)
    assert any("takes no sample weights; it is fitted without" in text for text in warned)
    assert same(fitted, clone(estimator).fit(X, Y))


def grouped_estimators():
    line = LogisticRegression()
    return {
        "grid": GridSearchCV(line, GRID, cv=GroupKFold(3)),
        "halving": HalvingGridSearchCV(line, GRID, cv=GroupKFold(3), random_state=0),
        "ours": ours.RandomizedSearchCV(line, GRID, n_iter=2, cv=GroupKFold(3), random_state=0),
        "rfecv": RFECV(line, cv=GroupKFold(3)),
        "target": TransformedTargetRegressor(GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=GroupKFold(3))),
        "search of a pipeline": GridSearchCV(
            make_pipeline(StandardScaler(), line), {"logisticregression__C": [0.1, 1]}, cv=GroupKFold(3)
        ),
    }


@pytest.mark.parametrize("name", grouped_estimators())
def test_groups_reach_what_splits_by_them(runtime: RuntimeHarness, name: str) -> None:
    estimator = grouped_estimators()[name]
    fitted, _ = model(runtime, estimator, groups=GROUPS)
    assert same(fitted, clone(estimator).fit(X, Y, groups=GROUPS))


def test_groups_reach_a_pipelines_last_step_and_weights_go_with_them(runtime: RuntimeHarness) -> None:
    steps = make_pipeline(StandardScaler(), GridSearchCV(LogisticRegression(), GRID, cv=GroupKFold(3)))
    fitted, _ = model(runtime, steps, sample_weight=WEIGHTS, groups=GROUPS)
    given = {"gridsearchcv__sample_weight": WEIGHTS, "gridsearchcv__groups": GROUPS}
    assert same(fitted, clone(steps).fit(X, Y, **given))


def test_groups_of_all_inputs_in_one_fit(runtime: RuntimeHarness) -> None:
    search = GridSearchCV(LogisticRegression(), GRID, cv=GroupKFold(3))
    parts = [runtime.data(X[i::3], Y[i::3], WEIGHTS[i::3], groups=GROUPS[i::3]) for i in range(3)]
    work = fit_work(runtime, search, gathered(*parts), method=task_pb2.FIT_METHOD_ALL)
    fitted = runtime.store.get(runtime.succeed(fit=work).model)
    rows = np.concatenate([np.arange(150)[i::3] for i in range(3)])
    expected = clone(search).fit(X[rows], Y[rows], sample_weight=WEIGHTS[rows], groups=GROUPS[rows])
    assert same(fitted, expected)


@pytest.mark.parametrize(
    "cv", [3, KFold(3), theirs.ShuffleSplit(2, random_state=0)], ids=["number", "kfold", "shuffle"]
)
def test_splitters_without_groups_are_not_given_any(runtime: RuntimeHarness, cv) -> None:
    """scikit-learn would warn that they ignore them."""
    search = GridSearchCV(LogisticRegression(), GRID, cv=cv)
    fitted, warned = model(runtime, search, groups=GROUPS)
    assert not warned and same(fitted, clone(search).fit(X, Y))


class Alternate:
    """A splitter of a user's own."""

    def split(self, X, y=None, groups=None):
        assert groups is not None
        yield np.flatnonzero(groups % 2), np.flatnonzero(groups % 2 == 0)

    def get_n_splits(self, X=None, y=None, groups=None):
        return 1


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (GridSearchCV(LogisticRegression(), GRID, cv=Alternate()), "groups"),
        (GridSearchCV(GridSearchCV(LogisticRegression(), GRID, cv=GroupKFold(3)), {}, cv=3), None),
        (SequentialFeatureSelector(LogisticRegression(), cv=GroupKFold(3)), None),
        (CalibratedClassifierCV(LogisticRegression(), cv=GroupKFold(3)), None),
        (LarsCV(cv=GroupKFold(3)), None),
        (LogisticRegression(), None),
        (Keywords(), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseEstimator) else str(value),
)
def test_who_takes_groups(estimator, name: str | None) -> None:
    assert fit_argument(estimator, "groups") == name


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (RegressorChain(Ridge()), "sample_weight"),
        (Chain(LogisticRegression()), None),
        (ClassifierChain(LogisticRegression()), None),
        (RFECV(LogisticRegression()), None),
        (SequentialFeatureSelector(LogisticRegression()), None),
        (GridSearchCV(GridSearchCV(LogisticRegression(), GRID), {}), "sample_weight"),
        (VotingClassifier([("a", LogisticRegression()), ("b", LogisticRegression())]), "sample_weight"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseEstimator) else str(value),
)
def test_who_takes_weights(estimator, name: str | None) -> None:
    assert fit_argument(estimator, "sample_weight") == name


def test_routed_metadata_goes_where_it_is_requested() -> None:
    """scikit-learn raises where something that could take it has not said whether to."""
    asks = LogisticRegression()
    with sklearn.config_context(enable_metadata_routing=True):
        asks = asks.set_fit_request(sample_weight=True)
        searches = [GridSearchCV(line, GRID, scoring=_wide) for line in (asks, LogisticRegression())]
        assert [fit_argument(search, "sample_weight") for search in searches] == ["sample_weight", None]
        assert fit_argument(make_pipeline(asks), "sample_weight") == "sample_weight"
        assert fit_argument(make_pipeline(LogisticRegression()), "sample_weight") is None
        assert fit_argument(OneVsRestClassifier(asks), "sample_weight") == "sample_weight"
        assert fit_argument(GridSearchCV(LogisticRegression(), GRID, cv=GroupKFold(3)), "groups") == "groups"
        assert fit_argument(GridSearchCV(LogisticRegression(), GRID, cv=3), "groups") is None
    assert fit_argument(OneVsRestClassifier(asks), "sample_weight") is None
