"""Graphs where scikit-learn expects an estimator."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
import sklearn.model_selection as theirs
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import estimator_checks
from sklearn.utils.validation import has_fit_parameter

import anabranch as ab

ours = ab.model_selection
pytestmark = [pytest.mark.usefixtures("pool"), pytest.mark.versions]

X, NUMBERS = load_iris(return_X_y=True)
Y = np.array(["setosa", "versicolor", "virginica"])[NUMBERS]


def tree():
    return DecisionTreeClassifier(random_state=0)


def vote():
    """A vote, which no step of a scikit-learn pipeline is."""
    branches = [ab.OrNode("tree", tree()), ab.OrNode("nb", GaussianNB())]
    return ab.Pipeline("votes", ab.OrNode("scale", StandardScaler()) >> branches >> ab.AndNode("vote", ab.nodes.Vote()))


def same_vote():
    return make_pipeline(StandardScaler(), VotingClassifier([("tree", tree()), ("nb", GaussianNB())]))


def chain(last=None):
    return ab.Pipeline(
        "chain", ab.OrNode("scale", StandardScaler()) >> ab.OrNode("clf", last or LogisticRegression(max_iter=50))
    )


@pytest.mark.parametrize("last", [LogisticRegression(max_iter=50), Ridge()], ids=["classifier", "regressor"])
def test_scikit_learns_checks(last):
    estimator = chain(last).as_estimator()
    if hasattr(estimator_checks, "estimator_checks_generator"):
        checks = estimator_checks.estimator_checks_generator(estimator)
        known = set()
    else:  # before scikit-learn 1.6
        checks = estimator_checks.check_estimator(estimator, generate_only=True)
        # One makes the class without arguments. The other hears no warning, which the test of warnings here does.
        known = {"check_parameters_default_constructible", "check_supervised_y_2d"}
    failed = {}
    for copy, check in checks:
        name = getattr(getattr(check, "func", check), "__name__", str(check))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                check(copy)
            except Exception as error:
                if type(error).__name__ != "SkipTest":
                    failed[name] = repr(error)
    assert failed.keys() <= known, failed


@pytest.mark.parametrize("module", [theirs, ours], ids=["scikit-learn", "anabranch"])
def test_a_search_over_a_graph(module):
    grid = {
        "tree__max_depth": [1, 3],
        "scale__with_mean": [True, False],
        "nb": [GaussianNB(), GaussianNB(var_smoothing=0.1)],
    }
    search = module.GridSearchCV(vote(), grid, cv=3).fit(X, Y)
    steps = {"tree": "votingclassifier__tree", "nb": "votingclassifier__nb", "scale": "standardscaler"}
    names = {name: name.replace(name.split("__")[0], steps[name.split("__")[0]], 1) for name in grid}
    expected = theirs.GridSearchCV(same_vote(), {names[name]: values for name, values in grid.items()}, cv=3).fit(X, Y)
    for rank in ("mean_test_score", "rank_test_score"):
        np.testing.assert_array_equal(
            np.sort(search.cv_results_[rank]), np.sort(expected.cv_results_[rank]), err_msg=rank
        )
    assert search.best_score_ == expected.best_score_
    assert search.n_features_in_ == 4 and list(search.classes_) == sorted(set(Y))
    assert type(search.best_estimator_) is ab.GraphEstimator


@pytest.mark.parametrize("module", [theirs, ours], ids=["scikit-learn", "anabranch"])
def test_cross_validation_of_a_graph(module):
    expected = theirs.cross_val_score(same_vote(), X, Y)
    np.testing.assert_array_equal(module.cross_val_score(vote(), X, Y), expected)


def test_composites_take_graphs():
    members = [("graph", chain()), ("nb", GaussianNB())]
    plain = [("graph", chain().to_sklearn()), ("nb", GaussianNB())]
    for kind, options in [(VotingClassifier, {"voting": "soft"}), (StackingClassifier, {}), (VotingClassifier, {})]:
        fitted = kind(members, **options).fit(X, Y)
        np.testing.assert_array_equal(fitted.predict(X), kind(plain, **options).fit(X, Y).predict(X))
    bagged = BaggingClassifier(chain(), 3, random_state=0).fit(X, Y)
    expected = BaggingClassifier(chain().to_sklearn(), 3, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(bagged.predict(X), expected.predict(X))


def test_a_graph_as_a_step_and_the_last_step():
    columns = ab.Pipeline("columns", ab.OrNode("pca", PCA(2)))
    pipeline = make_pipeline(columns.as_estimator(), vote().as_estimator()).fit(X, Y)
    expected = make_pipeline(PCA(2), same_vote()).fit(X, Y)
    np.testing.assert_array_equal(pipeline.predict(X), expected.predict(X))
    assert pipeline.score(X, Y) == expected.score(X, Y)


def test_what_is_fitted_in_place_is_told_what_to_do():
    with pytest.raises(NotFittedError, match="as_estimator"):
        make_pipeline(ab.Pipeline("columns", ab.OrNode("pca", PCA(2))), GaussianNB()).fit(X, Y)
    with pytest.raises(NotFittedError, match="as_estimator"):
        vote().predict(X)
    assert not hasattr(vote(), "transform") and not hasattr(vote(), "predict_proba")


def test_a_graph_within_a_graph():
    outer = ab.Pipeline("outer", ab.OrNode("scale", StandardScaler()) >> ab.OrNode("inner", vote()))
    assert outer.fit(X, Y).score(X, Y)["inner"][0].score == make_pipeline(StandardScaler(), same_vote()).fit(
        X, Y
    ).score(X, Y)


def test_an_estimator_lowers_to_its_nodes_again():
    pipeline = make_pipeline(StandardScaler(), vote().as_estimator())
    graph = ab.from_sklearn(pipeline)
    assert [node.name for node in graph] == [
        "standardscaler",
        "graphestimator__scale",
        "graphestimator__tree",
        "graphestimator__nb",
        "graphestimator__vote",
    ]
    expected = make_pipeline(StandardScaler(), same_vote()).fit(X, Y).predict(X)
    np.testing.assert_array_equal(graph.fit(X, Y).predict(X).result(), expected)
    np.testing.assert_array_equal(graph.as_estimator().fit(X, Y).predict(X), expected)


def test_parameters_of_nodes():
    graph = vote()
    estimator = graph.as_estimator().set_params(tree__max_depth=2, nb=GaussianNB(var_smoothing=0.1))
    assert estimator.get_params()["tree__max_depth"] == 2
    assert graph.get_params()["tree__max_depth"] is None, "an estimator has a graph of its own"
    copy = clone(estimator)
    assert copy.get_params()["tree__max_depth"] == 2 and copy.graph is not estimator.graph
    assert copy.set_params(vote__weights=[2, 1]).graph["vote"].step.weights == [2, 1]
    with pytest.raises(ValueError, match="no parameter of graph 'votes'"):
        estimator.set_params(forest__max_depth=1)
    with pytest.raises(ValueError, match="max_deep"):
        estimator.set_params(tree__max_deep=1)
    with pytest.raises(ValueError, match="scale"):
        estimator.set_params(scale=GaussianNB())


def test_names_with_two_underscores():
    graph = ab.from_sklearn(make_pipeline(make_pipeline(PCA(2), StandardScaler()), tree()))
    estimator = graph.as_estimator().set_params(pipeline__pca__n_components=3)
    assert estimator.fit(X, Y).fitted_.steps[0].action.n_components_ == 3


def test_what_it_says_of_itself():
    assert is_classifier(vote()) and is_classifier(vote().as_estimator())
    regressor = chain(Ridge()).as_estimator()
    assert is_regressor(regressor)
    frame = pd.DataFrame(load_diabetes().data, columns=load_diabetes().feature_names)
    regressor.fit(frame, load_diabetes().target)
    assert list(regressor.feature_names_in_) == load_diabetes().feature_names
    assert not hasattr(regressor, "classes_") and not hasattr(vote().as_estimator(), "classes_")
    assert "votes" in repr(vote().as_estimator()) and "GraphEstimator" in vote().as_estimator()._repr_html_()


def test_warnings_of_the_pool_are_given_here():
    with pytest.warns(DataConversionWarning, match="column-vector"):
        chain().as_estimator().fit(X, Y[:, None])


def test_what_fails_raises_what_it_raised_and_names_the_node():
    with pytest.raises(ValueError, match="max_iter") as raised:
        chain(LogisticRegression(max_iter=-1)).as_estimator().fit(X, Y)
    if hasattr(raised.value, "add_note"):
        assert raised.value.__notes__ == ["in node 'clf' of graph 'chain'"]


def test_weights_reach_the_nodes():
    weights = np.where(NUMBERS == 0, 0.1, 3.0)
    got = chain().as_estimator().fit(X, Y, sample_weight=weights).predict_proba(X)
    scaled = StandardScaler().fit(X, sample_weight=weights).transform(X)
    expected = LogisticRegression(max_iter=50).fit(scaled, Y, sample_weight=weights).predict_proba(scaled)
    np.testing.assert_array_equal(got, expected)


def test_a_clone_asks_for_what_was_set_to_be_asked_for():
    with sklearn.config_context(enable_metadata_routing=True):
        asking = chain().as_estimator().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        twin = clone(asking)
        assert str(twin.get_metadata_routing()) == str(asking.get_metadata_routing())
        twin.set_fit_request(sample_weight=False)
        assert clone(asking).get_metadata_routing().fit.requests["sample_weight"] is True
        weights = np.where(NUMBERS == 0, 0.1, 3.0)
        both = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), asking)
        assert clone(both).fit(X, Y, sample_weight=weights).predict(X).shape == Y.shape


def is_classifier_before_tags(graph):
    """What scikit-learn asks before it knows tags."""
    return getattr(graph, "_estimator_type", None) == "classifier"


def test_graphs_that_are_no_estimators():
    several = ab.Pipeline(
        "several", ab.OrNode("scale", StandardScaler()) >> [ab.OrNode("a", tree()), ab.OrNode("b", tree())]
    )
    with pytest.raises(ValueError, match=r"several ends \(a, b\)"):
        several.as_estimator()
    for graph in (several, ab.Pipeline("empty")):
        assert not hasattr(graph, "_estimator_type") and not is_classifier_before_tags(graph)
    variants = ab.Pipeline("variants", ab.OrNode("tree", tree(), params={"max_depth": [1, 2]}))
    with pytest.raises(ValueError, match="has 2 results"):
        variants.as_estimator().fit(X, Y)
    with pytest.raises(ValueError, match="rename"):
        ab.Pipeline("named", ab.OrNode("graph", tree())).as_estimator()


def test_a_pickle_predicts_where_there_is_no_pool():
    fitted = vote().as_estimator().fit(X, Y)
    script = (
        "import pickle, sys; fitted = pickle.load(sys.stdin.buffer); import anabranch.process_client;"
        "print(fitted.score([[5.1, 3.5, 1.4, 0.2]], ['setosa']), anabranch.process_client._current)"
    )
    ran = subprocess.run([sys.executable, "-c", script], input=pickle.dumps(fitted), capture_output=True, timeout=60)
    assert ran.stdout.split() == [b"1.0", b"None"], ran.stderr.decode()


@pytest.mark.parametrize("base", [KNeighborsClassifier(3), make_pipeline(StandardScaler(), KNeighborsClassifier(3))])
def test_members_whose_predictor_takes_no_weights_get_rows(pool, base):
    graph = ab.from_sklearn(base).as_estimator()
    assert not has_fit_parameter(graph, "sample_weight") and not has_fit_parameter(clone(graph), "sample_weight")
    for one in (graph, graph.graph):
        bags = BaggingClassifier(one, n_estimators=3, random_state=0).fit(X, Y)
        expected = BaggingClassifier(base, n_estimators=3, random_state=0).fit(X, Y)
        np.testing.assert_array_equal(bags.predict_proba(X), expected.predict_proba(X))
    with pytest.raises(ValueError, match="sample_weight"):
        AdaBoostClassifier(graph, n_estimators=2).fit(X, Y)


def test_members_whose_predictor_takes_weights_get_them(pool):
    base = LogisticRegression(max_iter=50)
    graph = ab.from_sklearn(base).as_estimator()
    assert has_fit_parameter(graph, "sample_weight")
    boosted = AdaBoostClassifier(graph, n_estimators=3, random_state=0).fit(X, Y)
    expected = AdaBoostClassifier(base, n_estimators=3, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(boosted.predict_proba(X), expected.predict_proba(X))
