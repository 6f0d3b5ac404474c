"""Runs on real workers: modes, failures, inputs, paths."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import anabranch as ab


class FailsOn(ClassifierMixin, BaseEstimator):
    """Fails where y has only one class."""

    def fit(self, X, y):
        if len(np.unique(y)) < 2:
            raise ValueError("one class is not enough")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


@pytest.fixture(scope="module")
def wine():
    return load_wine(return_X_y=True)


def chain():
    scale = ab.OrNode("scale", StandardScaler())
    model = ab.OrNode("model", LogisticRegression(max_iter=500))
    return ab.Pipeline("wine", scale >> model)


def mean_of_some(items):
    """Average tables, as far as the shortest of them goes."""
    shortest = min(items, key=lambda item: len(item.X))
    return ab.Xy(np.mean([item.X[: len(shortest.X)] for item in items], axis=0), shortest.y)


def test_a_failing_key_fails_alone(pool, wine):
    X, y = wine
    g = ab.Pipeline(chain=ab.OrNode("scale", StandardScaler()) >> ab.OrNode("picky", FailsOn()))
    run = g.fit(X, y, partitions=6)
    states = {entry.key["partition"]: entry.state for entry in run["picky"]}
    one_class = [i for i, rows in enumerate(np.array_split(np.arange(len(y)), 6)) if len(np.unique(y[rows])) == 1]
    assert one_class and [i for i, state in states.items() if state == "failed"] == one_class
    assert run.state == "failed" and len(run.failed) == len(one_class)
    error = run.failed[0].error
    assert error.kind == "exception" and error.message == "one class is not enough" and "in fit" in error.traceback
    assert error.node == "picky"
    with pytest.raises(ab.RunError, match=r"one class is not enough .*node 'picky'") as raised:
        g.fit(X, y, partitions=6, on_error="raise")
    assert isinstance(raised.value.__cause__, ValueError) and raised.value.run.failed
    assert "one class is not enough" in run.to_frame()["error"].dropna().iloc[0]
    with pytest.raises(ab.RequestError, match="no fitted path"):
        run.select(run.failed[0])


def test_what_cannot_be_pickled_names_its_node(pool, wine):
    lock = __import__("threading").Lock()
    g = ab.Pipeline(chain=ab.OrNode("locked", lambda X: (lock, X)))
    with pytest.raises(ab.GraphError, match=r"'locked'.*cannot be pickled") as raised:
        g.fit(*wine)
    assert raised.value.node == "locked"


def test_the_coordinator_refuses_by_name(pool, wine):
    X, _ = wine
    with pytest.raises(ab.GraphError, match="'model' needs y"):
        chain().fit(X)
    g = ab.Pipeline(
        chain=ab.OrNode("scale", StandardScaler()) >> ab.AndNode("all", ab.nodes.RowConcat(), over="carrier")
    )
    with pytest.raises(ab.GraphError, match=r"carrier"):
        g.fit(X)


class FailingSplits(KFold):
    def split(self, X, y=None, groups=None):
        raise ValueError("no way to split this")


def test_a_failing_splitter_is_a_failure_of_its_run(pool, wine):
    run = chain().cross_validate(*wine, cv=FailingSplits(3))
    assert run.state == "failed"
    assert [entry.error.message for entry in run.failed] == ["no way to split this"]
    assert run.failed[0].node == "cv" and "node 'cv'" in run.failed[0].error.describe()
    with pytest.raises(ab.RunError, match="no way to split this"):
        chain().cross_validate(*wine, cv=FailingSplits(3), on_error="raise")


@pytest.mark.parametrize("kind", ["pandas", "polars", "sparse", "coo", "bsr", "arrow", "lists", "fortran"])
def test_kinds_of_input(pool, wine, kind):
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    X, y = wine
    names = [f"c{i}" for i in range(X.shape[1])]
    frame = pd.DataFrame(X, columns=names)
    table = {
        "pandas": frame,
        "polars": pl.DataFrame(X, schema=names),
        "sparse": sparse.csr_matrix(X),
        "coo": sparse.coo_matrix(X),
        "bsr": sparse.bsr_matrix(X),
        "arrow": pa.Table.from_pandas(frame),
        "lists": X.tolist(),
        "fortran": np.asfortranarray(X),
    }[kind]
    # Arrow tables are for functions; what reads them makes them what estimators take.
    first = [ab.OrNode("frame", lambda X: X.to_pandas() if hasattr(X, "to_pandas") else X)] if kind == "arrow" else []
    model = ab.OrNode("model", DecisionTreeClassifier(random_state=0))
    g = ab.Pipeline(chain=(first[0] >> model) if first else model)
    run = g.cross_validate(table, y.tolist() if kind == "lists" else y, cv=3)
    assert not run.failed, run.failed[0].error
    plain = ab.Pipeline(chain=ab.OrNode("model", DecisionTreeClassifier(random_state=0))).cross_validate(X, y, cv=3)
    assert [e.score for e in run["model"]] == [e.score for e in plain["model"]]


def test_one_model_per_group(pool):
    import pandas as pd

    random = np.random.default_rng(0)
    X = pd.DataFrame({"g": random.choice(["a", "b", "c"], 300), "x": random.normal(size=300)})
    y = (X["x"] > 0).astype(int)
    node = ab.OrNode("model", make_pipeline(FunctionTransformer(lambda X: X[["x"]]), DecisionTreeClassifier()))
    g = ab.Pipeline(chain=node)
    run = g.fit(X, y, by="g")
    assert [entry.key for entry in run[node]] == [{"g": "a"}, {"g": "b"}, {"g": "c"}]
    scored = run.score(X, y, by="g")
    assert [entry.key["g"] for entry in scored[node]] == ["a", "b", "c"] and not scored.failed
    unseen = X.assign(g="d")
    failed = run.score(unseen, y, by="g")
    assert failed.failed and "d" in failed.failed[0].error.message
    with pytest.raises(ab.RequestError, match="no column 'h'"):
        g.fit(X, y, by="h")
    with pytest.raises(ab.RequestError, match="the data has 300 rows"):
        g.fit(X, y, partitions=301)


def test_lists_of_inputs_and_fits_over_them(pool, wine):
    X, y = wine
    rows = np.random.default_rng(0).permutation(len(y))
    parts = [ab.Xy(X[part], y[part]) for part in np.array_split(rows, 4)]
    each = ab.OrNode("each", StandardScaler())
    one = ab.OrNode("one", DecisionTreeClassifier(random_state=0), fit="all")
    online = ab.OrNode("online", SGDClassifier(random_state=0), fit="sequential")
    g = ab.Pipeline(chain=each >> [one, online])
    run = g.fit({each: parts})
    assert not run.failed, run.failed[0].error
    assert len(run[each]) == 4
    assert len(run[one]) == 1 and run[one][0].key == {}
    assert run[one][0].model.tree_.n_node_samples[0] == len(y)
    with pytest.raises(ab.RequestError, match="outputs of 4 models of 'each'"):
        run.select(run[one][0])


def test_gathering_over_partitions(pool, wine):
    X, y = wine
    scale = ab.OrNode("scale", FunctionTransformer())
    rows = ab.AndNode("rows", ab.nodes.RowConcat(), over=("partition",))
    model = ab.OrNode("model", DecisionTreeClassifier(random_state=0))
    run = ab.Pipeline(chain=scale >> rows >> model).fit(X, y, partitions=5)
    assert not run.failed, run.failed[0].error
    assert len(run[scale]) == 5 and len(run[model]) == 1
    assert run[model][0].model.tree_.n_node_samples[0] == len(y)


def test_the_configuration_for_outputs_reaches_the_pool(pool, wine):
    import pandas as pd

    frame = pd.DataFrame(wine[0], columns=[f"c{i}" for i in range(wine[0].shape[1])])
    scale, model = ab.OrNode("scale", StandardScaler()), ab.OrNode("model", LogisticRegression(max_iter=500))
    graph = ab.Pipeline(scale >> model)
    for wanted in ("default", "pandas"):
        with sklearn.config_context(transform_output=wanted):
            run = graph.fit(frame, wine[1])
            alone = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(frame, wine[1])
        names = [getattr(one, "feature_names_in_", None) for one in (run[model].only().model, alone[-1])]
        assert np.array_equal(*names), names
        assert np.array_equal(run.predict(frame).result(), alone.predict(frame))
    # What an estimator says itself holds, and nothing here was changed.
    assert not hasattr(scale.step, "_sklearn_output_config")
    with sklearn.config_context(transform_output="pandas"):
        own = ab.Pipeline(ab.OrNode("own", StandardScaler().set_output(transform="default"))).fit(frame)
    assert isinstance(own["own"].only().output, np.ndarray)


def test_a_path_takes_whole_data_where_parts_were_joined(pool, wine):
    X, y = wine
    half = ab.OrNode("half", lambda X: X * 0.5)
    rows = ab.AndNode("rows", ab.nodes.RowConcat(), over=("partition",))
    model = ab.OrNode("model", DecisionTreeClassifier(random_state=0))
    run = ab.Pipeline(half >> rows >> model).fit(X, y, partitions=3)
    path = run.select(run[model].only())
    expected = run[model].only().model.predict(X * 0.5)
    for one in (path, path.to_sklearn(), path.to_sklearn(strict=True)):
        assert np.array_equal(one.predict(X), expected)


def test_a_path_does_not_cut_new_data(pool, wine):
    X, y = wine
    X = np.c_[X, np.arange(len(X)) % 3]
    graph = ab.Pipeline(
        ab.OrNode("by", ab.nodes.GroupBy(X.shape[1] - 1, "part"))
        >> ab.OrNode("scale", StandardScaler())
        >> ab.AndNode("rows", ab.nodes.RowConcat(), over=("part",))
        >> ab.OrNode("model", DecisionTreeClassifier(random_state=0))
    )
    run = graph.fit(X, y)
    assert run.predict(X).result().shape == y.shape
    path = run.select(run["model"].only())
    for use in (
        lambda: path.predict(X),
        lambda: path.score(X, y),
        lambda: path.to_sklearn().predict(X),
        lambda: run.select(run["rows"].only()).transform(X),
        lambda: graph.as_estimator().fit(X, y),
        lambda: cross_val_score(graph, X, y, cv=3, error_score="raise"),
    ):
        with pytest.raises(ab.RequestError, match=r"'rows' joins the rows of 3 parts.*predict, transform or score"):
            use()
    # Of one part there is a path.
    part = run["scale"][0]
    assert run.select(part).transform(X).shape == X.shape


def test_predict_score_and_transform(pool, wine):
    X, y = wine
    g = chain()
    run = g.fit(X, y)
    alone = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(X, y)
    assert np.array_equal(run.predict(X).result(), alone.predict(X))
    assert run.score(X, y)["model"].only().score == alone.score(X, y)
    assert np.array_equal(run.transform(X).result(), alone[:1].transform(X))
    again = ab.execute(g, ab.Mode.PREDICT, {"scale": [ab.Xy(X), ab.put(X[:5])]}, models=run)
    assert [len(entry.output) for entry in again["model"]] == [len(X), 5]
    with pytest.raises(ab.RequestError, match="needs fitted models"):
        ab.execute(g, ab.Mode.PREDICT, {"scale": [X]})
    with pytest.raises(ab.RequestError, match="has no models"):
        g.cross_validate(X, y, cv=3).predict(X)


def test_several_models_on_one_table(pool, wine):
    X, y = wine
    rows = np.random.default_rng(0).permutation(len(y))
    run = chain().fit(X[rows], y[rows], partitions=3)
    predicted = run.predict(X)
    assert [entry.key for entry in predicted["model"]] == [{"fit.partition": i} for i in range(3)]
    for index, entry in enumerate(predicted["model"]):
        assert np.array_equal(entry.output, run.select(run["model"][index]).predict(X))
        assert np.array_equal(predicted.select(entry).predict(X), entry.output)


def test_paths_are_scikit_learns_and_come_back_from_files(pool, wine, tmp_path):
    X, y = wine
    run = chain().fit(X, y)
    path = run.select(run["model"].only())
    pipeline = path.to_sklearn(strict=True)
    assert isinstance(pipeline, Pipeline) and [name for name, _ in pipeline.steps] == ["scale", "model"]
    assert np.array_equal(pipeline.predict_proba(X), path.predict_proba(X))
    loaded = ab.load(path.save(tmp_path / "model.anabranch"))
    assert np.array_equal(loaded.predict_proba(X), path.predict_proba(X)) and loaded.key == path.key


def test_a_union_and_a_vote_as_scikit_learn(pool, wine):
    X, y = wine
    sides = [ab.OrNode("standard", StandardScaler()), ab.OrNode("minmax", MinMaxScaler())]
    union = ab.AndNode("union", ab.nodes.ColumnConcat())
    models = [
        ab.OrNode("tree", DecisionTreeClassifier(random_state=0)),
        ab.OrNode("forest", RandomForestClassifier(5, random_state=0)),
    ]
    g = ab.Pipeline(chain=sides >> union >> models >> ab.AndNode("vote", ab.nodes.Vote()))
    run = g.fit(X, y)
    tree = run.select(run["tree"].only())
    converted = tree.to_sklearn(strict=True)
    assert isinstance(converted.steps[0][1], FeatureUnion)
    assert np.array_equal(converted.predict(X), tree.predict(X))
    vote = run.select(run["vote"].only())
    with pytest.raises(ab.RequestError, match="'vote' has no form"):
        vote.to_sklearn(strict=True)
    assert np.array_equal(vote.to_sklearn().predict(X), vote.predict(X))
    scored = run.score(X, y)
    assert scored["vote"].only().score == vote.score(X, y)
    assert scored.top(1)[0].score == max(entry.score for entry in scored if entry.score is not None)


def test_branches_chosen_by_an_or(pool, wine):
    X, y = wine
    scalers = [ab.OrNode("standard", StandardScaler()), ab.OrNode("minmax", MinMaxScaler())]
    g = ab.Pipeline(chain=scalers >> ab.OrNode("model", LogisticRegression(max_iter=500)))
    run = g.cross_validate(X, y, cv=3)
    assert len(run["model"]) == 6
    one = run["model"].where({"{minmax, standard}": "minmax"})
    expected = make_pipeline(MinMaxScaler(), LogisticRegression(max_iter=500))
    from sklearn.model_selection import cross_validate

    assert [e.score for e in one] == cross_validate(expected, X, y, cv=3)["test_score"].tolist()
    assert len(run["model"].where(fold=1)) == 2
    with pytest.raises(ab.RequestError, match="no dimension 'carrier'"):
        run["model"].where(carrier="AA")


def test_seeds_seed_what_is_unseeded(pool, wine):
    X, y = wine
    g = ab.Pipeline(chain=ab.OrNode("model", RandomForestClassifier(5)))
    first, second, other = (g.cross_validate(X, y, cv=3, seed=seed, return_estimator=True) for seed in (1, 1, 2))
    predictions = [np.concatenate([e.model.predict_proba(X) for e in run["model"]]) for run in (first, second, other)]
    assert np.array_equal(predictions[0], predictions[1]) and not np.array_equal(predictions[0], predictions[2])


def test_two_unseeded_forests_stay_two(pool, wine):
    X, y = wine
    forests = [ab.OrNode(name, RandomForestClassifier(5)) for name in ("first", "second")]
    run = ab.Pipeline(chain=ab.OrNode("scale", StandardScaler()) >> forests).fit(X, y)
    ids = {run[forest].only().fit_record.id for forest in forests}
    predictions = [run[forest].only().model.predict_proba(run["scale"].only().model.transform(X)) for forest in forests]
    assert len(ids) == 2 and not np.array_equal(*predictions)


def test_what_a_failure_does_to_the_others_is_chosen(pool, wine):
    X, y = wine
    g = ab.Pipeline(chain=ab.OrNode("picky", FailsOn()))
    # Every partition but the last has one class: they fail as they come.
    order = np.argsort(y, kind="stable")
    y = np.where(np.arange(len(y)) < len(y) - 2, 0, y[order])
    went_on = g.fit(X, y, partitions=40, on_error="continue")
    assert {entry.state for entry in went_on["picky"]} == {"succeeded", "failed"} and len(went_on["picky"]) == 40
    stopped = g.fit(X, y, partitions=40, on_error="stop")
    ran = [entry for entry in stopped["picky"] if entry.state in ("succeeded", "failed")]
    assert stopped.state == "failed" and stopped.finished and 1 <= len(ran) < 40
    with pytest.raises(ab.RunError, match="one class is not enough") as raised:
        g.fit(X, y, partitions=40, on_error="raise")
    assert raised.value.run.failed[0].node == "picky" and isinstance(raised.value.__cause__, ValueError)


def test_a_path_is_what_the_lineage_names_though_keys_lose_dimensions(pool, wine):
    X, y = wine
    rows = np.random.default_rng(0).permutation(len(y))
    X, y = X[rows], y[rows]
    scale = ab.OrNode("scale", StandardScaler(), params={"with_std": [True, False]})
    model = ab.OrNode("model", LogisticRegression(max_iter=500), output="predict_proba")
    g = ab.Pipeline(chain=scale >> model >> ab.AndNode("mean", mean_of_some, over="partition"))
    run = g.fit(X, y, partitions=3)
    run.raise_if_failed()
    entry = run["mean"].where(scale=1).only()
    assert dict(entry.key) == {"scale": 1}
    path = run.select(entry)
    assert sorted(step.name for step in path.steps) == ["mean", *["model"] * 3, *["scale"] * 3]
    expected = np.mean([run.select(one).predict_proba(X) for one in run["model"].where(scale=1)], axis=0)
    assert np.allclose(path.predict_proba(X), expected, rtol=0, atol=1e-12)


def test_candidates_are_all_that_runs(pool, wine):
    X, y = wine
    g = ab.Pipeline(
        chain=ab.OrNode("scale", StandardScaler(), params={"with_mean": [True, False]})
        >> ab.OrNode("model", DecisionTreeClassifier(), params={"max_depth": [1, 2, 3]})
    )
    run = g.fit(X, y, candidates=[{"scale": 0, "model": 2}, {"scale": 1, "model": 0}])
    assert sorted((e.key["scale"], e.key["model"]) for e in run["model"]) == [(0, 2), (1, 0)]
    assert run["model"].where(model=2).only().params == {"scale__with_mean": True, "max_depth": 3}


def test_native_nodes(pool, wine):
    X, y = wine
    same = [ab.OrNode("left", ab.native("identity")), ab.OrNode("right", StandardScaler())]
    columns = ab.AndNode("columns", ab.native("columns.concatenate"))
    model = ab.OrNode("model", DecisionTreeClassifier(random_state=0))
    run = ab.Pipeline(chain=same >> columns >> model).fit(X, y)
    assert not run.failed, run.failed[0].error
    path = run.select(run["model"].only())
    expected = DecisionTreeClassifier(random_state=0).fit(np.hstack([X, StandardScaler().fit_transform(X)]), y)
    assert np.array_equal(path.predict(X), expected.predict(np.hstack([X, StandardScaler().fit_transform(X)])))


def test_splitters_in_the_graph(pool, wine):
    X, y = wine

    def halves(data):
        middle = len(data.X) // 2
        return {"odd": np.arange(1, len(data.X), 2), "first": range(middle)}

    cut = ab.OrNode("cut", ab.nodes.Splitter(halves, "half"))
    native = ab.OrNode("parts", ab.nodes.Splitter(ab.native("partition", partitions=3), "third"))
    scale = ab.OrNode("scale", StandardScaler())
    run = ab.Pipeline(chain=cut >> native >> scale).fit(X, y)
    assert not run.failed, run.failed[0].error
    assert sorted((e.key["half"], e.key["third"]) for e in run[scale]) == [
        (half, third) for half in ("first", "odd") for third in range(3)
    ]
    odd = np.array_split(X[1::2], 3)[1]
    entry = run[scale].where(half="odd", third=1).only()
    assert np.array_equal(entry.model.mean_, StandardScaler().fit(odd).mean_)
    assert np.array_equal(run.select(entry).transform(odd), entry.output)


def columns_side_by_side(*names):
    nodes = [ab.OrNode(name, StandardScaler()) for name in names]
    model = ab.OrNode("model", DecisionTreeClassifier(random_state=0))
    return ab.Pipeline("beside", nodes >> ab.AndNode("beside", ab.nodes.ColumnConcat()) >> model), nodes, model


def test_one_y_beside_the_tables_of_two_sources(pool, wine):
    X, y = wine
    g, (left, right), model = columns_side_by_side("left", "right")
    tables = {left: [ab.Xy(X[:, :6], y)], right: [ab.Xy(X[:, 6:], y)]}
    run = g.fit(tables)
    assert not run.failed, run.failed[0].error
    alone = make_pipeline(StandardScaler(), DecisionTreeClassifier(random_state=0)).fit(X, y)
    (predicted,) = run.predict({left: [X[:, :6]], right: [X[:, 6:]]})[model]
    assert np.array_equal(predicted.output, alone.predict(X))
    # Equal values prove nothing: other rows may have the same.
    tables[right] = [ab.Xy(X[:, 6:], y.copy())]
    assert "give both the same array" in g.fit(tables).failed[0].error.message


def test_a_run_has_the_name_that_it_is_given(pool, wine):
    from anabranch.process_client import current
    from anabranch.v1 import control_pb2

    run = chain().fit(*wine, name="tonight")
    status = current().ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest())).status
    assert {one.run: one.name for one in status.runs}[run.id] == "tonight"


def test_options_that_would_do_nothing_are_refused(pool, wine):
    for mode, option in [("fit", {"cv": 3}), ("fit", {"scoring": "accuracy"}), ("fit", {"return_train_score": True})]:
        with pytest.raises(ab.RequestError, match=f"{next(iter(option))}= has no effect on {mode}"):
            getattr(chain(), mode)(*wine, **option)
    with pytest.raises(ab.RequestError, match="cv= has no effect on score"):
        chain().fit(*wine).score(*wine, cv=3)
    with pytest.raises(ab.RequestError, match=r"partitions=2.9"):
        chain().fit(*wine, partitions=2.9)
    for wrong in ({"timeout": -1}, {"retries": -1}, {"threads": -1}):
        with pytest.raises(ValueError, match="must not be negative"):
            ab.Executor(**wrong)
