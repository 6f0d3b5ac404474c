"""Nodes of Spark beside others: in cross-validation, on two cores, at a full store, without a worker."""

from __future__ import annotations

import pathlib
import sys

import numpy as np
import pytest

import anabranch as ab
from anabranch.spark import declare, function, stage

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "deaths"))

pytestmark = pytest.mark.leaves("children", "descriptors")


def data(rows: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(rows, 3))
    return X, (X[:, 0] - X[:, 1] + rng.normal(size=rows) > 0).astype(np.int64)


def scaled(*models: ab.OrNode) -> ab.Pipeline:
    """Spark's scaler, behind which scikit-learn's models are."""
    with declare():
        from pyspark.ml.feature import StandardScaler

        step = stage(StandardScaler(inputCol="features", outputCol="z", withMean=True, withStd=False), features="z")
    scale = ab.OrNode("scale", step)
    pipeline = ab.Pipeline("mixed")
    for model in models:
        pipeline.add_edge(scale, model)
    return pipeline


class TestOnTheSharedPool:
    pytestmark = pytest.mark.usefixtures("spark_pool")

    def test_cross_validation_fits_spark_stages_on_the_folds_rows_alone(self):
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import KFold, cross_val_score
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        X, y = data()
        model = ab.OrNode("model", LogisticRegression(C=0.5))
        run = scaled(model).cross_validate(X, y, cv=KFold(3))
        expected = cross_val_score(
            make_pipeline(StandardScaler(with_std=False), LogisticRegression(C=0.5)), X, y, cv=KFold(3)
        )
        assert [entry.error for entry in run[model]] == [None] * 3
        np.testing.assert_allclose([entry.score for entry in run[model]], expected)

    def test_a_spark_stage_and_more_models_than_slots_behind_it_finish(self):
        from sklearn.linear_model import LogisticRegression
        from sklearn.naive_bayes import GaussianNB
        from sklearn.tree import DecisionTreeClassifier

        X, y = data()
        models = [
            ab.OrNode("logistic", LogisticRegression()),
            ab.OrNode("bayes", GaussianNB()),
            ab.OrNode("tree", DecisionTreeClassifier(random_state=0)),
        ]
        # Partitions, so that fits in Spark and behind it are under way at the same time.
        run = scaled(*models).fit(X, y, partitions=3)
        assert [entry.error for model in models for entry in run[model]] == [None] * 9


def test_a_full_store_is_an_error_of_the_node_and_the_session_goes_on(monkeypatch):
    monkeypatch.setenv("ANABRANCH_SPARK_MASTER", "local[1]")
    monkeypatch.setenv("ANABRANCH_SPARK_MEMORY", "512M")

    def grown(rows: int):
        return function(lambda frame: frame.sparkSession.range(0, rows, 1, 4).selectExpr("id * 1.5D AS number"))

    ab.shutdown()
    ab.init(slots=1, store_budget="16M")
    try:
        said = []
        for rows in (4_000_000, 10):
            node = ab.OrNode("grown", grown(rows))
            pipeline = ab.Pipeline("full")
            pipeline.add_node(node)
            (entry,) = pipeline.fit(np.zeros((4, 2)))[node]
            said.append(entry.error)
        error, none = said
        assert none is None
        assert "node 'grown'" in str(error)
        assert "the object store is full" in str(error)
        assert "--store-budget" in str(error)
    finally:
        ab.shutdown()


def test_a_cluster_without_a_worker_for_spark_says_what_it_waits_for():
    from cluster import standing

    with standing(slots=1) as cluster:
        node = ab.OrNode("scale", function(lambda frame: frame))
        pipeline = ab.Pipeline("waits")
        pipeline.add_node(node)
        run = pipeline.fit(np.zeros((4, 2)), wait=False)
        status = cluster.observe().until(lambda s: s.runs and s.runs[0].waiting, "the run waiting")
        assert "node scale wait for a worker with the executor spark" in status.runs[0].waiting
        run.cancel()
