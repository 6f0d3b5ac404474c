"""A standing Spark cluster: executors are processes of their own, which outlive their applications' workers here."""

from __future__ import annotations

import datetime
import decimal
import os
import pathlib
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from spark_standing import StandingSpark, standing_spark, until

import anabranch as ab
from anabranch.slots import start_spark
from anabranch.spark import declare, function, stage

pytestmark = pytest.mark.leaves("children", "descriptors")

CONF = ("spark.executor.memory=512m", "spark.sql.shuffle.partitions=2")


# ---- what runs at each master


def frame(rows: int = 300) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=rows), "b": rng.normal(size=rows), "c": rng.choice(list("uvw"), rows)})
    return X, (X.a + X.b > 0).to_numpy().astype(np.int64)


def outputs(run: ab.Run, node: ab.OrNode) -> list[Any]:
    assert [entry.error for entry in run[node]] == [None] * len(run[node])
    return [entry.output for entry in run[node]]


def features_behind_which_a_model_is() -> dict[str, Any]:
    """Rows dropped and scaled by Spark, a model of scikit-learn behind them, and its predictions."""
    from sklearn.linear_model import LogisticRegression

    with declare():
        from pyspark.ml.feature import StandardScaler, VectorAssembler

        assemble = VectorAssembler(inputCols=["a", "b"], outputCol="v", handleInvalid="skip")
        scale = StandardScaler(inputCol="v", outputCol="z", withMean=True)
    X, y = frame()
    X.loc[[3, 5], "a"] = np.nan
    first, second = ab.OrNode("assemble", assemble), ab.OrNode("scale", stage(scale, features="z"))
    model = ab.OrNode("model", LogisticRegression())
    run = ab.Pipeline("mixed", first >> second >> model).fit(X, y, keep_outputs=True)
    (scaled,) = outputs(run, second)
    return {"scaled": np.array(scaled), "coefficients": run[model].only().model.coef_}


def a_table_handed_over() -> dict[str, Any]:
    """Texts, nulls and nested columns, through Spark and back."""
    with declare():
        from pyspark.ml.feature import SQLTransformer

        nothing = SQLTransformer(statement="SELECT * FROM __THIS__")
    given = pa.table(
        {
            "text": pa.array(["a", None, "ü"], pa.large_string()),
            "kind": pa.array(["x", "y", None]).dictionary_encode(),
            "when": pa.array([1_000, None, 3_000], pa.timestamp("ns", tz="Europe/Berlin")),
            "day": pa.array([datetime.date(2020, 2, 29), None, datetime.date(1, 1, 1)]),
            "money": pa.array([decimal.Decimal("1.10"), None, decimal.Decimal("-3.00")], pa.decimal128(20, 2)),
            "small": pa.array([1, None, 255], pa.uint8()),
            "nested": pa.array([{"a": 1, "b": ["x"]}, None, {"a": None, "b": None}]),
        }
    )
    node = ab.OrNode("same", nothing)
    pipeline = ab.Pipeline("table")
    pipeline.add_node(node)
    run = ab.execute(pipeline, ab.Mode.FIT, {node: [given]}, keep_outputs=True)
    (came,) = outputs(run, node)
    assert {field.name: field.type for field in came.schema} == {field.name: field.type for field in given.schema}
    assert came.to_pydict() == given.to_pydict()
    return {"table": came.to_pydict()}


def partitions_as_references() -> dict[str, Any]:
    """Each partition of a shuffled DataFrame with its label, in a task of its own."""
    X, y = frame(100)
    cut = ab.OrNode("cut", function(lambda given: given.repartition(3, "c"), splits="part", label="late"))
    part = ab.OrNode("part", lambda X, y: ab.Xy(X.append_column("late", pa.array(y)), y))
    run = ab.Pipeline("parts", cut >> part).fit(X, y, keep_outputs=True)
    parts = outputs(run, part)
    assert len(parts) > 1
    assert all(len(set(one.column("c").to_pylist()) & set(two.column("c").to_pylist())) == 0
               for place, one in enumerate(parts) for two in parts[:place])  # fmt: skip
    return {"rows": sorted(tuple(row.values()) for one in parts for row in one.to_pylist())}


def a_cross_validator() -> dict[str, Any]:
    """Spark's search over two settings and two folds."""
    with declare():
        from pyspark.ml import Pipeline
        from pyspark.ml.classification import LogisticRegression
        from pyspark.ml.evaluation import BinaryClassificationEvaluator
        from pyspark.ml.feature import StandardScaler, VectorAssembler
        from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

        model = LogisticRegression(maxIter=5)
        search = CrossValidator(
            estimator=Pipeline(
                stages=[
                    VectorAssembler(inputCols=["a", "b"], outputCol="raw"),
                    StandardScaler(inputCol="raw", outputCol="features"),
                    model,
                ]
            ),
            estimatorParamMaps=ParamGridBuilder().addGrid(model.regParam, [0.0, 0.5]).build(),
            evaluator=BinaryClassificationEvaluator(numBins=0),
            numFolds=2,
            seed=7,
        )
    X, y = frame()
    found = ab.from_spark(search).fit(X.assign(label=y.astype(float)))
    return {"metrics": found.avgMetrics, "best": found.bestIndex}


PROGRAMS = (features_behind_which_a_model_is, a_table_handed_over, partitions_as_references, a_cross_validator)


@pytest.fixture(scope="module")
def here(module_pool: None) -> dict[Callable[[], dict[str, Any]], dict[str, Any]]:
    """What they give at local[2]."""
    return {program: program() for program in PROGRAMS}


# ---- the cluster, and pools with its executors


@pytest.fixture(scope="module")
def standing(here: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandingSpark]:
    """One without this package: what its executors run has to reach them."""
    directory = tmp_path_factory.mktemp("standing")
    package = directory / "path" / "anabranch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('there is no anabranch on this host')")
    with standing_spark(directory, PYTHONPATH=str(package.parent)) as made:
        yield made


def begin_pool(master: str, *conf: str) -> None:
    ab.shutdown()
    with pytest.MonkeyPatch.context() as patch:
        settings = {"MASTER": master, "MEMORY": "512M", "CONF": "\n".join([*CONF, *conf])}
        for name, value in settings.items():
            patch.setenv(f"ANABRANCH_SPARK_{name}", value)
        ab.init(slots=1)
        start_spark()


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """One under another path than this process's, that tells when it is started."""
    path = tmp_path_factory.mktemp("interpreter") / "python"
    path.write_text(f'#!/bin/sh\necho started >> "{path}.log"\nexec "{sys.executable}" "$@"\n')
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module", params=["arrow", "store"])
def exchange(standing: StandingSpark, interpreter: pathlib.Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A pool whose session has the cluster's executors: as on other hosts, or as told that they are on this one."""
    pathlib.Path(f"{interpreter}.log").unlink(missing_ok=True)
    conf = [f"spark.pyspark.python={interpreter}"]
    if request.param == "store":
        package = pathlib.Path(ab.__file__).parents[1]
        conf += ["spark.anabranch.exchange=store", f"spark.executorEnv.PYTHONPATH={package}"]
    begin_pool(standing.master, *conf)
    yield request.param
    ab.shutdown()
    # Its application has ended, too.
    until(lambda: not standing.executors(), "the executors' end")


def same(ours: Any, theirs: Any) -> None:
    if isinstance(ours, np.ndarray) or (isinstance(ours, list) and ours and isinstance(ours[0], float)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    else:
        assert ours == theirs


def test_results_are_those_of_a_local_session(exchange: str, standing: StandingSpark, here: Any) -> None:
    # Local executors write the store with the same code: one program shows that these find it.
    for program in PROGRAMS if exchange == "arrow" else PROGRAMS[:1]:
        found = program()
        # It was there that they were made.
        assert len(standing.executors()) == 1, program
        assert found.keys() == here[program].keys()
        for name, value in found.items():
            same(value, here[program][name])


def test_what_is_configured_reaches_the_executors(
    exchange: str, standing: StandingSpark, interpreter: pathlib.Path
) -> None:
    def looked(given):
        def look(batches):
            import importlib

            for batch in batches:
                try:
                    importlib.import_module("anabranch")
                    found = 1.0
                except ImportError:
                    found = 0.0
                yield type(batch).from_pydict({"found": [found] * batch.num_rows})

        return given.mapInArrow(look, "found double")

    node = ab.OrNode("look", function(looked, features=["found"]))
    pipeline = ab.Pipeline("look")
    pipeline.add_node(node)
    (found,) = outputs(pipeline.fit(np.zeros((1, 1)), keep_outputs=True), node)
    # As on hosts that do not have it, but where they write the store themselves.
    assert np.array(found).item() == (exchange == "store")
    (executor,) = standing.executors()
    assert "-Xmx512M" in executor.cmdline()
    assert pathlib.Path(f"{interpreter}.log").exists()


def test_matrices_are_written_by_the_executors_own_jvm(exchange: str) -> None:
    def known(given):
        session = given.sparkSession
        sinks = session._jvm.java.lang.System.getProperties().get("anabranch.sinks")
        return session.createDataFrame([(float(sinks is not None and sinks.containsKey("matrix")),)], "known double")

    features_behind_which_a_model_is()
    node = ab.OrNode("known", function(known, features=["known"]))
    pipeline = ab.Pipeline("known")
    pipeline.add_node(node)
    (found,) = outputs(pipeline.fit(np.zeros((1, 1)), keep_outputs=True), node)
    # Only where they see the store.
    assert np.array(found).item() == (exchange == "store")


def test_an_executor_that_is_killed_costs_neither_an_attempt_nor_a_row(
    exchange: str, standing: StandingSpark, tmp_path: pathlib.Path
) -> None:
    directory = str(tmp_path)

    def hold(given):
        def wait(batches):
            import os
            import time

            for batch in batches:
                yield batch
                with open(f"{directory}/begun", "a") as lines:
                    lines.write("x\n")
                while not os.path.exists(f"{directory}/gate"):
                    time.sleep(0.05)

        return given.mapInArrow(wait, given.schema)

    node = ab.OrNode("held", function(hold, features=["x0", "x1"]))
    pipeline = ab.Pipeline("held")
    pipeline.add_node(node)
    X = np.arange(20_000.0).reshape(-1, 2)
    run = pipeline.fit(X, wait=False, keep_outputs=True)
    until(lambda: os.path.exists(f"{directory}/begun"), "the job")
    (victim,) = standing.executors()
    victim.kill()
    (tmp_path / "gate").touch()
    run.wait()
    entry = run[node].only()
    assert entry.error is None, entry.error
    assert entry.attempts == 1
    np.testing.assert_array_equal(entry.output, X)
    assert victim not in standing.executors()


def test_a_master_that_stands_still_is_named_within_its_deadline(standing: StandingSpark) -> None:
    said = f"no Spark master answers at --spark-master {standing.master}: nothing came within 10 s"
    standing.pause()
    try:
        with pytest.raises(ab.AnabranchError, match=re.escape(said)):
            begin_pool(standing.master)
    finally:
        standing.resume()
        ab.shutdown()
