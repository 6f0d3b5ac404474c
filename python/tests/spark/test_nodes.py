"""Spark stages and functions as nodes, beside scikit-learn's, on a real session."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import anabranch as ab
from anabranch.spark import declare, function, stage

pytestmark = [pytest.mark.usefixtures("spark_pool"), pytest.mark.leaves("children", "descriptors")]

ROWS = 600


def table(rows: int = ROWS) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=rows), "b": rng.normal(size=rows), "c": rng.choice(list("uvw"), rows)})
    return X, (X.a + X.b > 0).to_numpy().astype(np.int64)


def line(*nodes: ab.OrNode) -> ab.Pipeline:
    pipeline = ab.Pipeline("line")
    for source, target in itertools.pairwise(nodes):
        pipeline.add_edge(source, target)
    if len(nodes) == 1:
        pipeline.add_node(nodes[0])
    return pipeline


def assembler(**options):
    with declare():
        from pyspark.ml.feature import VectorAssembler

        return VectorAssembler(inputCols=["a", "b"], outputCol="v", **options)


def scaler(inputs: str = "v"):
    with declare():
        from pyspark.ml.feature import StandardScaler

        return StandardScaler(inputCol=inputs, outputCol="z", withMean=True)


def only(run: ab.Run, node: ab.OrNode):
    (entry,) = run[node]
    assert entry.error is None, entry.error
    return entry


def test_spark_features_feed_a_scikit_learn_model():
    from sklearn.linear_model import LogisticRegression

    X, y = table()
    assemble, scale = ab.OrNode("assemble", assembler()), ab.OrNode("scale", stage(scaler(), features="z"))
    model = ab.OrNode("model", LogisticRegression())
    run = line(assemble, scale, model).fit(X, y, partitions=1)
    # The worker for Spark takes nothing else.
    assert only(run, assemble).worker == only(run, scale).worker != only(run, model).worker
    scores = run.score(X, y)
    expected = X[["a", "b"]].to_numpy()
    expected = (expected - expected.mean(0)) / expected.std(0, ddof=1)
    assert only(scores, model).score == LogisticRegression().fit(expected, y).score(expected, y)


def test_scikit_learn_features_feed_a_spark_model_with_predictions_of_the_type_of_y():
    from sklearn.preprocessing import StandardScaler

    with declare():
        from pyspark.ml.classification import LogisticRegression

        logistic = LogisticRegression(maxIter=5)
    X, y = table()
    scale, model = ab.OrNode("scale", StandardScaler()), ab.OrNode("model", logistic, params={"regParam": [0.0, 0.5]})
    run = line(scale, model).fit(X[["a", "b"]].to_numpy(), y)
    predictions = run.predict(X[["a", "b"]].to_numpy())
    outputs = [np.array(entry.output) for entry in predictions[model]]
    assert len(outputs) == 2
    assert all(output.dtype == y.dtype and (output == y).mean() > 0.9 for output in outputs)


def test_one_fit_over_all_partitions_is_the_fit_of_their_rows():
    X, y = table()
    scale = ab.OrNode("scale", stage(scaler("features"), features="z"), fit="all")
    values = X[["a", "b"]].to_numpy()
    run = line(scale).fit(values, y, partitions=3)
    outputs = [np.array(entry.output) for entry in run.transform(values, partitions=3)[scale]]
    assert [len(output) for output in outputs] == [200, 200, 200]
    expected = (values - values.mean(0)) / values.std(0, ddof=1)
    np.testing.assert_allclose(np.concatenate(outputs), expected)


def test_rows_that_a_stage_drops_take_their_y_with_them():
    from sklearn.linear_model import LogisticRegression

    X, y = table()
    X.loc[[3, 5], "a"] = np.nan
    assemble = ab.OrNode("assemble", stage(assembler(handleInvalid="skip"), features="v"))
    model = ab.OrNode("model", LogisticRegression())
    run = line(assemble, model).fit(X, y)
    kept = X.a.notna().to_numpy()
    ours = only(run, model).model
    theirs = LogisticRegression().fit(X.loc[kept, ["a", "b"]].to_numpy(), y[kept])
    np.testing.assert_array_equal(ours.coef_, theirs.coef_)


def by_sql(statement: str, **options):
    with declare():
        from pyspark.ml.feature import SQLTransformer

        return stage(SQLTransformer(statement=statement), **options)


@pytest.mark.parametrize("features", [None, ["a", "b"]], ids=["table", "matrix"])
def test_rows_that_a_stage_puts_in_another_order_keep_their_y(features):
    from sklearn.linear_model import LinearRegression

    X = table()[0][["a", "b"]]
    y, weights = 2 * X.a.to_numpy() - 3 * X.b.to_numpy(), np.arange(1.0, ROWS + 1)
    turn = ab.OrNode("turn", by_sql("SELECT * FROM __THIS__ WHERE a > -1 ORDER BY b DESC, a", features=features))

    def together(given: ab.Xy) -> ab.Xy:
        return ab.Xy(np.column_stack([given.X, given.y, given.sample_weight]), given.y, given.sample_weight)

    seen = ab.OrNode("seen", together)
    model = ab.OrNode("model", LinearRegression())
    pipeline = line(turn, model)
    pipeline.add_edge(turn, seen)
    run = pipeline.fit(X, y, sample_weight=weights, keep_outputs=True)
    np.testing.assert_allclose(only(run, model).model.coef_, [2, -3])
    kept = X.a.to_numpy() > -1
    expected = np.column_stack([X, y, weights])[kept]
    rows = np.asarray(only(run, seen).output)
    np.testing.assert_allclose(rows[rows[:, 3].argsort()], expected)


def test_rows_that_a_stage_repeats_take_their_y_with_them_in_a_table_and_are_refused_in_a_matrix():
    X, y = np.arange(6.0).reshape(3, 2), np.array([5, 6, 7])
    twice = "SELECT __THIS__.* FROM __THIS__ LATERAL VIEW explode(array(1, 2)) AS copy"
    repeat = ab.OrNode("repeat", by_sql(twice))
    seen = ab.OrNode("seen", lambda X, y: ab.Xy(np.column_stack([X, y]), y))
    rows = np.asarray(only(line(repeat, seen).fit(X, y, keep_outputs=True), seen).output)
    np.testing.assert_array_equal(rows, np.column_stack([X, y]).repeat(2, axis=0))
    said = refusal(by_sql(twice, features=["x0", "x1"]), X, y)
    assert "node 'bad': the stage repeats rows" in said
    assert "ab.spark.function that names its label column" in said


def test_columns_round_trip_through_a_stage_that_leaves_them_alone():
    import datetime
    import decimal

    with declare():
        from pyspark.ml.feature import SQLTransformer

        nothing = SQLTransformer(statement="SELECT * FROM __THIS__")
    given = pa.table(
        {
            "text": pa.array(["a", None, "ü"], pa.large_string()),
            "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
            "when": pa.array([1_000, None, 3_000], pa.timestamp("ns", tz="Europe/Berlin")),
            "local": pa.array([1, None, 3], pa.timestamp("us")),
            "day": pa.array([datetime.date(2020, 2, 29), None, datetime.date(1, 1, 1)]),
            "money": pa.array([decimal.Decimal("1.10"), None, decimal.Decimal("-3.00")], pa.decimal128(20, 2)),
            "small": pa.array([1, None, 255], pa.uint8()),
            "list": pa.array([[1, None], None, []], pa.list_(pa.int64())),
            "nested": pa.array([{"a": 1, "b": ["x"]}, None, {"a": None, "b": None}]),
        }
    )
    node = ab.OrNode("same", nothing)
    run = ab.execute(line(node), ab.Mode.FIT, {node: [given]}, keep_outputs=True)
    output = only(run, node).output
    assert {field.name: field.type for field in output.schema} == {field.name: field.type for field in given.schema}
    assert output.to_pydict() == given.to_pydict()


@pytest.mark.parametrize("vectors", ["tensor", "list"])
def test_vectors_are_a_tensor_or_lists(vectors):
    X, _ = table(5)
    node = ab.OrNode("assemble", stage(assembler(), features="v", vectors=vectors))
    output = only(line(node).fit(X, keep_outputs=True), node).output
    if vectors == "list":
        assert output.schema.field("v").type == pa.list_(pa.float64(), 2)
        output = np.array(output.column("v").to_pylist())
    np.testing.assert_array_equal(output, X[["a", "b"]].to_numpy())


def test_a_function_joins_tables_and_carries_the_label():
    flights = pd.DataFrame({"carrier": ["u", "v", "u", "w"], "hour": [1.0, 2.0, 3.0, 4.0]})
    late = np.array([0, 1, 1, 0])
    planes = pd.DataFrame({"carrier": ["u", "v"], "seats": [100.0, 200.0]})

    def joined(frames):
        left, right = frames
        return left.join(right, "carrier")

    one, two = ab.OrNode("flights", lambda X: X), ab.OrNode("planes", lambda X: X)
    join = ab.AndNode("join", function(joined, features=["hour", "seats"], label="late"))
    pipeline = ab.Pipeline("join")
    pipeline.add_edge(one, join)
    pipeline.add_edge(two, join)
    run = ab.execute(
        pipeline, ab.Mode.FIT, {one: [ab.Xy(flights, late)], two: [planes]}, keep_outputs=True
    )  # fmt: skip
    output = only(run, join)
    rows = {tuple(row) for row in np.asarray(output.output)}
    assert rows == {(1.0, 100.0), (2.0, 200.0), (3.0, 100.0)}


def test_partitions_of_a_frame_are_references_of_their_own():
    X, y = table(100)
    cut = ab.OrNode("cut", function(lambda frame: frame.repartition(3, "c"), splits="part", label="late"))
    size = ab.OrNode("size", lambda X, y: ab.Xy(np.array([[X.num_rows, len(y)]]), y[:1]))
    run = line(cut, size).fit(X, y, keep_outputs=True)
    sizes = [np.asarray(entry.output)[0].tolist() for entry in run[size]]
    assert len(sizes) > 1
    assert sum(rows for rows, _ in sizes) == 100
    assert all(rows == labels for rows, labels in sizes)


def refusal(step, X, y=None) -> str:
    node = ab.OrNode("bad", step)
    (entry,) = line(node).fit(X, y)[node]
    assert entry.error is not None
    return str(entry.error)


def test_a_missing_column_is_named_with_node_and_remedy():
    said = refusal(stage(scaler("nope")), table()[0])
    assert "node 'bad': StandardScaler reads column 'nope' (inputCol), which is missing; there are a, b, c" in said
    assert "set inputCol=" in said


def test_a_column_of_another_type_is_named_with_node_and_remedy():
    said = refusal(stage(scaler("a")), table()[0])
    assert "node 'bad'" in said
    assert "Column a must be of type" in said
    assert "cast, encode or rename" in said


def test_a_column_that_cannot_cross_is_named_with_node_and_remedy():
    frame = table()[0].assign(d=np.arange(ROWS, dtype=np.uint64))
    said = refusal(assembler(), frame)
    assert "node 'bad': column 'd' of type uint64 cannot cross into Spark" in said
    assert "cast it to int64" in said


def test_a_refused_column_harms_no_other_node():
    from sklearn.linear_model import LogisticRegression

    X, y = table()
    assemble, refused = ab.OrNode("assemble", stage(assembler(), features="v")), ab.OrNode("bad", stage(scaler("nope")))
    model, behind = ab.OrNode("model", LogisticRegression()), ab.OrNode("behind", LogisticRegression())
    pipeline = ab.Pipeline("two")
    pipeline.add_edge(assemble, model)
    pipeline.add_edge(refused, behind)
    run = pipeline.fit(X, y)
    assert [entry.state for node in pipeline.nodes for entry in run[node]].count("succeeded") == 2
    np.testing.assert_allclose(
        only(run, model).model.coef_, LogisticRegression().fit(X[["a", "b"]].to_numpy(), y).coef_
    )
    (entry,) = run[behind]
    assert entry.state == "skipped"


def test_texts_as_y_of_a_spark_model_are_refused():
    with declare():
        from pyspark.ml.classification import LogisticRegression

        logistic = LogisticRegression()
    X, _ = table()
    said = refusal(logistic, X[["a", "b"]].to_numpy(), np.array(["x", "y"] * (ROWS // 2)))
    assert "column 'label'" in said
    assert "LabelEncoder" in said


def test_a_function_with_y_and_no_label_is_refused():
    X, y = table()
    assert "ab.spark.function(f, label=" in refusal(function(lambda frame: frame), X, y)


def test_weights_reach_the_fit():
    with declare():
        from pyspark.ml.regression import LinearRegression

        linear = LinearRegression(solver="normal")
    X = np.array([[0.0], [1.0], [2.0], [3.0]])
    y, weights = np.array([0.0, 1.0, 2.0, 100.0]), np.array([1.0, 1.0, 1.0, 0.0])
    node = ab.OrNode("model", linear)
    run = line(node).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(only(run.predict(X), node).output, X[:, 0], atol=1e-6)


def test_weights_travel_through_a_function_with_their_rows():
    from sklearn.linear_model import LinearRegression

    X = np.array([[0.0], [1.0], [2.0], [3.0], [4.0]])
    y, weights = np.array([0.0, 1.0, 5.0, 2.0, 100.0]), np.array([1.0, 2.0, 3.0, 4.0, 0.0])

    def turned(frame):
        return frame.where("x0 > 0").orderBy("x0", ascending=False)

    turn = ab.OrNode("turn", function(turned, features=["x0"], label="late", weight="heavy"))
    model = ab.OrNode("model", LinearRegression())
    ours = only(line(turn, model).fit(X, y, sample_weight=weights), model).model
    theirs = LinearRegression().fit(X[1:], y[1:], weights[1:])
    np.testing.assert_allclose([*ours.coef_, ours.intercept_], [*theirs.coef_, theirs.intercept_])


def test_bytes_and_seconds_of_the_exchange_are_counted():
    rows = 20_000
    X, _ = table(rows)
    node = ab.OrNode("assemble", stage(assembler(), features="v"))
    run = line(node).fit(X, keep_outputs=True)
    only(run, node)
    (row,) = run.to_frame().to_dict("records")
    assert row["bytes"] >= rows * 2 * 8
    # What it writes, with its model, and of what it reads the stage itself, but no rows.
    assert row["bytes_copied"] - row["bytes"] < 10_000
    assert row["seconds"] > 0


def test_executors_that_do_not_see_the_store_give_the_same_results(monkeypatch):
    from sklearn.linear_model import LogisticRegression

    X, y = table()
    X.loc[[3, 5], "a"] = np.nan
    assemble = ab.OrNode("assemble", stage(assembler(handleInvalid="skip"), features="v"))
    model = ab.OrNode("model", LogisticRegression())

    def fitted():
        return only(line(assemble, model).fit(X, y), model).model.coef_

    in_place = fitted()
    monkeypatch.setenv("ANABRANCH_SPARK_CONF", "spark.anabranch.exchange=arrow")
    ab.shutdown()
    ab.init(slots=1)
    np.testing.assert_array_equal(fitted(), in_place)
