"""scikit-learn's composite estimators as graphs, and back: equal predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import random_searches
from random_searches import Draw
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from threadpoolctl import threadpool_limits

import anabranch as ab
from anabranch.errors import GraphError

pytestmark = [pytest.mark.usefixtures("pool"), pytest.mark.versions]


def tree():
    return DecisionTreeClassifier(random_state=0, max_depth=3)


def classifiers():
    return [("tree", tree()), ("nb", GaussianNB()), ("knn", make_pipeline(StandardScaler(), KNeighborsClassifier()))]


def regressors():
    return [
        ("tree", DecisionTreeRegressor(random_state=0, max_depth=3)),
        ("knn", KNeighborsRegressor()),
        ("r", Ridge()),
    ]


def union():
    return FeatureUnion([("pca", PCA(2, random_state=0)), ("best", SelectKBest(k=2)), ("all", "passthrough")])


def text_columns(sparse_threshold=0.3, remainder="drop"):
    return ColumnTransformer(
        [
            ("svd", TruncatedSVD(2, random_state=0), ["a", "b", "c"]),
            ("words", OneHotEncoder(handle_unknown="ignore"), ["word"]),
            ("pca", make_pipeline(SimpleImputer(), PCA(1)), ["c", "d"]),
            ("none", "drop", ["e"]),
        ],
        sparse_threshold=sparse_threshold,
        remainder=remainder,
    )


CLASSIFIERS = {
    "chain": (Pipeline([("scale", StandardScaler()), ("no", "passthrough"), ("tree", tree())]), 2),
    "nested chain": (make_pipeline(make_pipeline(StandardScaler(), PCA(2)), tree()), 3),
    "union": (make_pipeline(StandardScaler(), union(), tree()), 6),
    "weighted union": (make_pipeline(union().set_params(transformer_weights={"pca": 2.0, "all": 0.5}), tree()), 5),
    "hard vote": (VotingClassifier(classifiers(), weights=[1, 2, 1]), 4),
    "soft vote": (
        make_pipeline(StandardScaler(), VotingClassifier(classifiers(), voting="soft", weights=[1, 2, 1])),
        5,
    ),
    "vote without one": (VotingClassifier([*classifiers(), ("gone", "drop")]), 4),
    "stack": (StackingClassifier(classifiers(), LogisticRegression()), 5),
    "stack of margins": (StackingClassifier([("svc", LinearSVC()), ("tree", tree())], tree(), cv=3), 4),
    "stack beside its input": (
        make_pipeline(
            StandardScaler(), StackingClassifier(classifiers(), tree(), cv=KFold(4), passthrough=True, n_jobs=1)
        ),
        8,
    ),
    "stack under a vote": (
        VotingClassifier([("stack", StackingClassifier(classifiers(), cv=3)), ("tree", tree())]),
        7,
    ),
    "stack under a soft vote": (
        VotingClassifier([("stack", StackingClassifier(classifiers(), cv=3)), ("tree", tree())], voting="soft"),
        3,
    ),
    "votes under a vote": (
        VotingClassifier(
            [
                ("hard", VotingClassifier([*classifiers(), ("stack", StackingClassifier(classifiers(), cv=3))])),
                ("soft", VotingClassifier(classifiers(), voting="soft")),
                ("nb", GaussianNB()),
            ]
        ),
        12,
    ),
    "searches under a vote": (
        VotingClassifier([("search", GridSearchCV(tree(), {"max_depth": [1, 2]}, cv=3)), ("nb", GaussianNB())]),
        3,
    ),
    "search over a pipeline in a chain": (
        make_pipeline(
            StandardScaler(),
            GridSearchCV(make_pipeline(PCA(random_state=0), tree()), {"pca__n_components": [1, 2]}, cv=3),
        ),
        2,
    ),
    "our search in a chain": (
        make_pipeline(StandardScaler(), ab.model_selection.GridSearchCV(tree(), {"max_depth": [1, 2]}, cv=3)),
        2,
    ),
    "search in a chain": (make_pipeline(StandardScaler(), GridSearchCV(tree(), {"max_depth": [1, 2]}, cv=3)), 2),
}
REGRESSORS = {
    "mean": (VotingRegressor(regressors(), weights=[1, 2, 3]), 4),
    "stack": (StackingRegressor(regressors()), 5),
    "stack under a mean": (VotingRegressor([("stack", StackingRegressor(regressors())), ("r", Ridge())]), 7),
    "scaled stack": (make_pipeline(MinMaxScaler(), StackingRegressor(regressors(), Ridge(), cv=3)), 6),
}


def predictions(graph, X, y, new):
    return graph.fit(X, y).predict(new).result()


@pytest.mark.parametrize("data", [load_iris, load_breast_cancer])
@pytest.mark.parametrize("case", CLASSIFIERS)
def test_classifiers_predict_as_scikit_learns(case, data):
    estimator, nodes = CLASSIFIERS[case]
    X, y = data(return_X_y=True)
    y = np.array(["setosa", "versicolor", "virginica"])[y]
    graph = ab.from_sklearn(estimator)
    assert len(graph) == nodes
    expected = clone(estimator).fit(X[::2], y[::2]).predict(X[1::2])
    np.testing.assert_array_equal(predictions(graph, X[::2], y[::2], X[1::2]), expected)
    np.testing.assert_array_equal(graph.to_sklearn().fit(X[::2], y[::2]).predict(X[1::2]), expected)


@pytest.mark.parametrize("seed", range(30))
def test_graphs_of_estimators_drawn_at_random_predict_as_they_do(seed):
    draw = Draw(seed, writes=False)

    def answer(predicted):
        try:
            with threadpool_limits(1):
                return predicted(clone(draw.estimator), random_searches.data(draw.kind), random_searches.Y)
        except Exception as error:
            return error

    expected = answer(lambda estimator, X, y: estimator.fit(X, y).predict(X))
    expand = ("all", "auto")[seed % 2]
    found = answer(lambda estimator, X, y: predictions(ab.from_sklearn(estimator, expand=expand), X, y, X))
    if isinstance(expected, Exception):
        # A spline of sparse rows, say.
        assert isinstance(found, Exception), found
        return
    if isinstance(found, Exception):
        raise found
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("case", REGRESSORS)
def test_regressors_predict_as_scikit_learns(case):
    estimator, nodes = REGRESSORS[case]
    X, y = load_diabetes(return_X_y=True)
    graph = ab.from_sklearn(estimator)
    assert len(graph) == nodes
    expected = clone(estimator).fit(X[::2], y[::2]).predict(X[1::2])
    np.testing.assert_array_equal(predictions(graph, X[::2], y[::2], X[1::2]), expected)
    np.testing.assert_array_equal(graph.to_sklearn().fit(X[::2], y[::2]).predict(X[1::2]), expected)


@pytest.mark.parametrize("sparse_threshold", [0.0, 0.9])
@pytest.mark.parametrize("remainder", ["drop", "passthrough", StandardScaler()])
def test_columns_of_a_frame(sparse_threshold, remainder):
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.random((80, 6)), columns=[*"abcdef"])
    X["word"] = random.choice(["red", "green", "blue"], 80)
    y = random.integers(0, 2, 80)
    columns = text_columns(sparse_threshold, remainder)
    estimator = make_pipeline(columns, tree())
    graph = ab.from_sklearn(estimator)
    expected = clone(columns).fit_transform(X, y)
    run = graph.fit(X, y, keep_outputs=True)
    got = run["columntransformer"][0].output
    assert type(got) is type(expected)
    if sparse_threshold:
        got, expected = got.toarray(), expected.toarray()
    np.testing.assert_array_equal(got, expected)
    want = clone(estimator).fit(X, y).predict(X)
    np.testing.assert_array_equal(run.predict(X).result(), want)
    np.testing.assert_array_equal(graph.to_sklearn().fit(X, y).predict(X), want)


def test_light_columns_stay_one_node():
    light = ColumnTransformer([("scale", StandardScaler(), [0]), ("range", MinMaxScaler(), [1])])
    assert len(ab.from_sklearn(make_pipeline(light, tree()))) == 2
    assert len(ab.from_sklearn(make_pipeline(light, tree()), expand="all")) == 4
    assert len(ab.from_sklearn(make_pipeline(union(), tree()), expand="none")) == 2


def test_weights_of_a_union_come_back():
    weights = {"pca": 2.0, "all": 0.5}
    graph = ab.from_sklearn(union().set_params(transformer_weights=weights))
    (back,) = graph.to_sklearn()
    assert back.transformer_weights == weights
    assert [title for title, _ in back.transformer_list] == ["pca", "best", "all"]
    X, y = load_iris(return_X_y=True)
    expected = union().set_params(transformer_weights=weights).fit_transform(X, y)
    np.testing.assert_array_equal(graph.fit(X, y).result(), expected)
    np.testing.assert_array_equal(back.fit_transform(X, y), expected)


def test_a_nested_path_is_a_scikit_learn_pipeline():
    X, y = load_iris(return_X_y=True)
    run = ab.from_sklearn(make_pipeline(make_pipeline(StandardScaler(), PCA(2)), tree())).fit(X, y)
    path = run.select(run["decisiontreeclassifier"][0]).to_sklearn(strict=True)
    assert list(path.named_steps) == ["standardscaler", "pca", "decisiontreeclassifier"]
    np.testing.assert_array_equal(clone(path).fit(X, y).predict(X), path.predict(X))


def test_a_step_may_be_called_as_a_node_of_ours():
    graph = ab.from_sklearn(VotingClassifier([("vote", tree()), ("nb", GaussianNB())]))
    assert [node.name for node in graph] == ["vote", "nb", "vote_"]


def test_scores_of_a_soft_vote_are_accuracies():
    X, y = load_iris(return_X_y=True)
    vote = VotingClassifier(classifiers(), voting="soft")
    run = ab.from_sklearn(vote).fit(X, y)
    assert run.score(X, y)["vote"][0].score == vote.fit(X, y).score(X, y)


@pytest.mark.parametrize(
    ("graph", "named"),
    [
        (lambda: ab.Pipeline("g", [ab.OrNode("a", PCA()), ab.OrNode("b", PCA())] >> ab.OrNode("c", tree())), "c"),
        (lambda: ab.Pipeline("g", ab.OrNode("a", PCA()) >> [ab.OrNode("b", tree()), ab.OrNode("c", tree())]), "b, c"),
        (lambda: ab.Pipeline("g", ab.OrNode("a", tree(), params={"max_depth": [1, 2]})), "a"),
        (lambda: ab.Pipeline("g", ab.OrNode("a", PCA()) >> ab.AndNode("rows", len, over="partition")), "rows"),
        (lambda: ab.Pipeline("g", ab.OrNode("a", ab.native("mean"))), "a"),
    ],
)
def test_what_has_no_form_in_scikit_learn_is_named(graph, named):
    with pytest.raises(GraphError, match=named):
        graph().to_sklearn()


def scaled_by_class(X, y):
    return X * (1 + np.mean(y))


def scaled(X):
    return X * 100


def stack_beside(other):
    """A stack, and beside it what another node makes of the rows."""
    bases = [ab.OrNode("tree", tree(), output="predict_proba"), ab.OrNode("nb", GaussianNB(), output="predict_proba")]
    graph = ab.Pipeline("g", bases >> ab.AndNode("stack", ab.nodes.Stack()))
    columns = ab.AndNode("columns", ab.nodes.ColumnConcat())
    for node in (other, columns, final := ab.OrNode("final", LogisticRegression(max_iter=500))):
        graph.add_node(node)
    for edge in ((graph["stack"], columns), (other, columns), (columns, final)):
        graph.add_edge(*edge)
    return graph


def stack_of(*bases):
    stack = ab.AndNode("stack", ab.nodes.Stack())
    return ab.Pipeline("g", list(bases) >> stack >> ab.OrNode("final", tree()))


NO_FORM = {
    "predictions in a chain": (
        lambda: ab.Pipeline("g", ab.OrNode("first", tree(), output="predict_proba") >> ab.OrNode("last", GaussianNB())),
        "first",
    ),
    "a transformer's predictions in a chain": (
        lambda: ab.Pipeline(
            "g",
            ab.OrNode("lda", LinearDiscriminantAnalysis(), output="predict_proba")
            >> ab.OrNode("last", DecisionTreeClassifier(random_state=0, max_depth=2)),
        ),
        "lda",
    ),
    "predictions side by side": (
        lambda: ab.Pipeline(
            "g",
            [
                ab.OrNode("lda", LinearDiscriminantAnalysis(), output="predict_proba"),
                ab.OrNode("pca", PCA(2, random_state=0)),
            ]
            >> ab.AndNode("columns", ab.nodes.ColumnConcat())
            >> ab.OrNode("last", tree()),
        ),
        "lda",
    ),
    "a function of X and y": (
        lambda: ab.Pipeline("g", ab.OrNode("f", scaled_by_class) >> ab.OrNode("last", GaussianNB())),
        "f",
    ),
    "a stack beside a function": (lambda: stack_beside(ab.OrNode("times", scaled)), "times"),
    "a stack beside a transformer": (lambda: stack_beside(ab.OrNode("pca", PCA(1, random_state=0))), "pca"),
    "a stack of mixed outputs": (
        lambda: stack_of(
            ab.OrNode("a", LogisticRegression(max_iter=500), output="decision_function"),
            ab.OrNode("b", GaussianNB(), output="predict_proba"),
        ),
        "a",
    ),
    "a stack of labels": (lambda: stack_of(ab.OrNode("a", tree()), ab.OrNode("b", GaussianNB())), "a"),
}


@pytest.mark.parametrize("case", NO_FORM)
def test_what_scikit_learn_would_compute_otherwise_has_no_form(case):
    graph, named = NO_FORM[case]
    with pytest.raises(GraphError) as raised:
        graph().to_sklearn()
    assert raised.value.node == named and repr(named) in str(raised.value)


@pytest.mark.parametrize("case", ["a transformer's predictions in a chain", "a function of X and y"])
def test_what_has_no_form_is_fitted_as_a_graph_in_searches(case):
    X, y = load_iris(return_X_y=True)
    scores = ab.model_selection.cross_val_score(NO_FORM[case][0](), X, y, cv=KFold(3, shuffle=True, random_state=0))
    folds = KFold(3, shuffle=True, random_state=0).split(X)
    assert scores.tolist() == [by_hand(case, X, y, train, test) for train, test in folds]


def by_hand(case, X, y, train, test):
    """What the graph's score is, with scikit-learn's own estimators."""
    if case == "a function of X and y":
        model = GaussianNB().fit(scaled_by_class(X[train], y[train]), y[train])
        return model.score(scaled_by_class(X[test], y[test]), y[test])
    first, last = LinearDiscriminantAnalysis(), DecisionTreeClassifier(random_state=0, max_depth=2)
    last.fit(cross_val_predict(first, X[train], y[train], method="predict_proba"), y[train])
    return last.score(first.fit(X[train], y[train]).predict_proba(X[test]), y[test])


def test_a_stack_beside_the_node_that_it_reads_is_one_with_passthrough():
    scale, columns = ab.OrNode("scale", StandardScaler()), ab.AndNode("columns", ab.nodes.ColumnConcat())
    models = {"lr": LogisticRegression(), "svc": LinearSVC()}
    bases = [ab.OrNode(name, model, output="decision_function") for name, model in models.items()]
    stack = ab.AndNode("stack", ab.nodes.Stack())
    graph = ab.Pipeline("g", scale >> bases >> stack >> columns >> ab.OrNode("t", tree()))
    graph.add_edge(scale, columns)
    X, y = load_breast_cancer(return_X_y=True)
    stack = StackingClassifier(
        [("lr", LogisticRegression()), ("svc", LinearSVC())], tree(), stack_method="decision_function", passthrough=True
    )
    expected = make_pipeline(StandardScaler(), stack).fit(X[::2], y[::2]).predict(X[1::2])
    np.testing.assert_array_equal(graph.to_sklearn().fit(X[::2], y[::2]).predict(X[1::2]), expected)
    np.testing.assert_array_equal(predictions(graph, X[::2], y[::2], X[1::2]), expected)


def test_an_unknown_way_to_expand_is_refused():
    with pytest.raises(GraphError, match="auto, all or none"):
        ab.from_sklearn(tree(), expand="some")


def pipelines(*lasts, first=None):
    return [
        (f"v{i}", make_pipeline(StandardScaler(), first or PCA(2, random_state=0), last))
        for i, last in enumerate(lasts)
    ]


@pytest.mark.parametrize("voting", ["hard", "soft"])
def test_pipelines_under_a_vote_share_their_first_steps(voting):
    vote = VotingClassifier([*pipelines(tree(), GaussianNB()), ("nb", GaussianNB())], voting=voting)
    graph = ab.from_sklearn(vote)
    assert [node.name for node in graph] == ["standardscaler", "pca", "v0", "v1", "nb", "vote"]
    X, y = load_iris(return_X_y=True)
    run = graph.fit(X, y)
    expected = clone(vote).fit(X, y).predict(X)
    np.testing.assert_array_equal(run.predict(X).result(), expected)
    np.testing.assert_array_equal(graph.to_sklearn().fit(X, y).predict(X), expected)
    assert len(run["pca"]) == 1, "fitted once for both"


def test_what_gains_nothing_is_not_shared():
    def nodes(*members, **options):
        return len(ab.from_sklearn(VotingClassifier(list(members)), **options))

    light = [("a", make_pipeline(StandardScaler(), tree())), ("b", make_pipeline(StandardScaler(), GaussianNB()))]
    assert nodes(*light) == 3
    assert nodes(*light, expand="all") == 4
    assert nodes(*pipelines(tree(), GaussianNB(), first=PCA(2))) == 3, "unseeded: drawn for each anew"
    different = [
        ("a", make_pipeline(PCA(2, random_state=0), tree())),
        ("b", make_pipeline(PCA(3, random_state=0), tree())),
    ]
    assert nodes(*different) == 3
    partly = [*pipelines(tree(), GaussianNB()), *light]
    assert nodes(*partly) == 7, "the scaler for all four, the rotation for two"
