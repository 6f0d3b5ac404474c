"""Spark's searches on the pool: Spark's own folds, metrics and best models, with fewer fits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import anabranch as ab
from anabranch.records import FIT

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    # The pool and the session of this process are those of all tests here.
    pytest.mark.leaves("children", "descriptors", "store"),
]


@pytest.fixture(scope="module")
def session(module_pool, shared_session):
    return shared_session


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    rows = 400
    frame = pd.DataFrame(rng.normal(size=(rows, 4)), columns=list("abcd"))
    frame["carrier"] = rng.choice(["AA", "DL", "UA"], size=rows)
    delay = frame["a"] - 0.5 * frame["b"] + (frame["carrier"] == "DL") + rng.normal(size=rows)
    frame["label"] = (delay > 0).astype(float)
    frame["delay"] = delay
    frame["fold"] = np.arange(rows) % 3
    return frame


def pipeline():
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import PCA, StandardScaler, StringIndexer, VectorAssembler

    stages = [
        StringIndexer(inputCol="carrier", outputCol="index"),
        VectorAssembler(inputCols=[*"abcd", "index"], outputCol="raw"),
        StandardScaler(inputCol="raw", outputCol="scaled"),
        PCA(k=2, inputCol="scaled", outputCol="features"),
        LogisticRegression(maxIter=10),
    ]
    return Pipeline(stages=stages)


def cross_validator(**options):
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

    estimator = pipeline()
    *_, pca, model = estimator.getStages()
    maps = ParamGridBuilder().addGrid(pca.k, [1, 3]).addGrid(model.regParam, [0.0, 0.1]).build()
    return CrossValidator(
        estimator=estimator, estimatorParamMaps=maps, evaluator=BinaryClassificationEvaluator(), **options
    )


@pytest.fixture(scope="module")
def searched(session, table):
    """A search by Spark and by the pool, over the same rows."""
    search = cross_validator(numFolds=3, seed=11)
    frame = session.createDataFrame(table)
    return search.fit(frame), ab.from_spark(search).fit(table, keep_outputs=True), frame


def test_a_cross_validator_has_the_metrics_of_sparks_own(searched) -> None:
    theirs, ours, _ = searched
    assert ours.avgMetrics == pytest.approx(theirs.avgMetrics, abs=1e-12)
    assert ours.stdMetrics == pytest.approx(theirs.stdMetrics, abs=1e-12)
    assert ours.bestIndex == int(np.argmax(theirs.avgMetrics))


def test_stages_that_candidates_share_are_fitted_once_per_fold(searched) -> None:
    _, ours, _ = searched
    fits = [record.node for record in ours.run.feed.snapshot() if record.phase == FIT]
    # 3 folds: 3 of what all share, 2 settings of the next, 4 of the last; Spark fits each stage 12 times.
    assert [fits.count(index) for index in range(3)] == [3, 6, 12]


def test_columns_that_no_later_stage_reads_stay_in_spark(searched) -> None:
    _, ours, _ = searched
    first, pca, _ = ours.graph.nodes
    outputs = [set(ours.refit[node].only().output.column_names) for node in (first, pca)]
    assert outputs == [{"scaled", "label"}, {"features", "label"}]


def test_the_best_model_is_sparks(searched, session) -> None:
    theirs, ours, frame = searched
    model = ours.to_spark()
    assert type(model) is type(theirs)
    assert model.avgMetrics == ours.avgMetrics
    assert [type(stage).__name__ for stage in model.bestModel.stages] == [
        type(stage).__name__ for stage in theirs.bestModel.stages
    ]
    got, want = (
        np.array([row.probability.toArray() for row in one.transform(frame).select("probability").collect()])
        for one in (model, theirs)
    )
    assert np.allclose(got, want, atol=1e-9)


def test_the_best_model_predicts_here(searched, table) -> None:
    theirs, ours, frame = searched
    want = [row.prediction for row in theirs.transform(frame).select("prediction").collect()]
    assert np.array_equal(ours.predict(table), want)
    assert ours.bestParams == ours.settings[ours.bestIndex]


def test_folds_of_a_column(session, table) -> None:
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

    model = LogisticRegression(maxIter=5)
    search = CrossValidator(
        estimator=Pipeline(stages=[VectorAssembler(inputCols=list("abcd"), outputCol="features"), model]),
        estimatorParamMaps=ParamGridBuilder().addGrid(model.regParam, [0.0, 0.5]).build(),
        evaluator=BinaryClassificationEvaluator(),
        numFolds=3,
        foldCol="fold",
    )
    theirs = search.fit(session.createDataFrame(table))
    ours = ab.from_spark(search, expand="all").fit(table)
    assert ours.avgMetrics == pytest.approx(theirs.avgMetrics, abs=1e-12)


def test_a_train_validation_split_by_a_loss(session, table) -> None:
    from pyspark.ml import Pipeline
    from pyspark.ml.evaluation import RegressionEvaluator
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.regression import LinearRegression
    from pyspark.ml.tuning import ParamGridBuilder, TrainValidationSplit

    model = LinearRegression(labelCol="delay", maxIter=20)
    search = TrainValidationSplit(
        estimator=Pipeline(stages=[VectorAssembler(inputCols=list("abcd"), outputCol="features"), model]),
        estimatorParamMaps=ParamGridBuilder().addGrid(model.regParam, [0.0, 1.0]).build(),
        evaluator=RegressionEvaluator(labelCol="delay", metricName="rmse"),
        trainRatio=0.7,
        seed=3,
    )
    frame = session.createDataFrame(table)
    theirs = search.fit(frame)
    # The DataFrame itself says how its rows lie.
    ours = ab.from_spark(search).fit(frame)
    assert ours.validationMetrics == pytest.approx(theirs.validationMetrics, abs=1e-10)
    assert ours.bestIndex == int(np.argmin(theirs.validationMetrics))
    assert type(ours.to_spark()).__name__ == "TrainValidationSplitModel"


def test_a_search_without_a_pipeline_and_of_what_predicts_nothing(session, table) -> None:
    from pyspark.ml.clustering import KMeans
    from pyspark.ml.evaluation import ClusteringEvaluator
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

    assembled = VectorAssembler(inputCols=list("abcd"), outputCol="features").transform(
        session.createDataFrame(table).coalesce(1)
    )
    means = KMeans(seed=1, maxIter=5)
    search = CrossValidator(
        estimator=means,
        estimatorParamMaps=ParamGridBuilder().addGrid(means.k, [2, 3]).build(),
        evaluator=ClusteringEvaluator(),
        numFolds=2,
        seed=5,
    )
    theirs = search.fit(assembled)
    ours = ab.from_spark(search, partitions=1).fit(table[list("abcd")].to_numpy())
    assert ours.avgMetrics == pytest.approx(theirs.avgMetrics, abs=1e-9)
    assert type(ours.to_spark().bestModel).__name__ == "KMeansModel"


def test_a_fit_that_fails_is_an_error_as_it_is_sparks(table) -> None:
    with pytest.raises(ab.RunError, match="carrier"):
        ab.from_spark(cross_validator(numFolds=2)).fit(table.drop(columns="carrier"))
