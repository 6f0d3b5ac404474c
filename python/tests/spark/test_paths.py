"""Fitted paths of Spark stages: as models of Spark, in files, and mixed with scikit-learn."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pandas as pd
import pytest

import anabranch as ab

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.leaves("children", "descriptors", "store"),
]


@pytest.fixture(scope="module")
def session(module_pool, shared_session):
    return shared_session


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    frame = pd.DataFrame(rng.normal(size=(300, 3)), columns=list("abc"))
    frame["carrier"] = rng.choice(["AA", "DL"], size=len(frame))
    frame["label"] = (frame["a"] + (frame["carrier"] == "DL") > 0.3).astype(float)
    return frame


def stages():
    from pyspark.ml.feature import StringIndexer, VectorAssembler

    return [
        StringIndexer(inputCol="carrier", outputCol="index"),
        VectorAssembler(inputCols=[*"abc", "index"], outputCol="features"),
    ]


@pytest.fixture(scope="module")
def fitted(session, table):
    """The path of a pipeline of Spark's, and what Spark makes of the same."""
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression

    pipeline = Pipeline(stages=[*stages(), LogisticRegression(maxIter=5)])
    run = ab.from_spark(pipeline).fit(table)
    frame = session.createDataFrame(table)
    return run.select(run["logisticregression"].only()), pipeline.fit(frame).transform(frame), frame


def probabilities(frame) -> np.ndarray:
    return np.array([row.probability.toArray() for row in frame.select("probability").collect()])


def test_a_path_of_spark_stages_is_a_pipeline_model(fitted) -> None:
    path, theirs, frame = fitted
    model = path.to_spark()
    assert [type(stage).__name__ for stage in model.stages] == [
        "StringIndexerModel", "VectorAssembler", "LogisticRegressionModel",
    ]  # fmt: skip
    assert np.allclose(probabilities(model.transform(frame)), probabilities(theirs), atol=1e-12)


def test_a_path_of_spark_stages_predicts_and_scores(fitted, table) -> None:
    path, theirs, _ = fitted
    want = np.array([row.prediction for row in theirs.select("prediction").collect()])
    assert np.array_equal(path.predict(table), want)
    assert np.allclose(path.predict_proba(table), probabilities(theirs), atol=1e-12)
    from pyspark.ml.evaluation import BinaryClassificationEvaluator

    area = BinaryClassificationEvaluator()
    assert path.score(table, scoring=area) == pytest.approx(area.evaluate(theirs), abs=1e-12)
    assert path.score(table, table["label"].to_numpy()) == np.mean(want == table["label"])


def test_a_mixed_path_is_saved_with_sparks_own_format_within(session, table, tmp_path) -> None:
    from pyspark.ml.pipeline import Pipeline, PipelineModel
    from sklearn.linear_model import LogisticRegression

    spark = ab.OrNode("features", ab.spark.stage(Pipeline(stages=stages()), features="features"))
    model = ab.OrNode("model", LogisticRegression())
    graph = ab.Pipeline("mixed", spark >> model)
    run = graph.fit(table, table["label"].to_numpy())
    path = run.select(run[model].only())
    want = path.predict_proba(table)
    with pytest.raises(ab.RequestError, match=r"'model' \(LogisticRegression\) is no stage of Spark"):
        path.to_spark()
    file = path.save(tmp_path / "mixed.anabranch")
    again = ab.load(file)
    assert np.array_equal(again.predict_proba(table), want)
    assert again.score(table, table["label"].to_numpy()) == path.score(table, table["label"].to_numpy())
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path / "unpacked")
    manifest = json.loads((tmp_path / "unpacked" / "manifest.json").read_text())
    assert "pyspark" in manifest["versions"]
    frame = PipelineModel.load(str(tmp_path / "unpacked" / "spark" / "0")).transform(session.createDataFrame(table))
    assert "features" in frame.columns
    # Saved once more, it is what it was.
    assert np.array_equal(ab.load(again.save(tmp_path / "again.anabranch")).predict_proba(table), want)


def test_a_loaded_path_of_spark_stages_is_a_pipeline_model(fitted, tmp_path) -> None:
    path, theirs, frame = fitted
    model = ab.load(path.save(tmp_path / "path.anabranch")).to_spark()
    assert len(model.stages) == 3
    assert np.allclose(probabilities(model.transform(frame)), probabilities(theirs), atol=1e-12)


def test_scikit_learn_before_spark(session, table) -> None:
    from pyspark.ml.classification import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scale = ab.OrNode("scale", StandardScaler())
    model = ab.OrNode("model", LogisticRegression(maxIter=5))
    run = ab.Pipeline("mixed", scale >> model).fit(table[list("abc")].to_numpy(), table["label"].to_numpy())
    path = run.select(run[model].only())
    assert path.predict(table[list("abc")].to_numpy()).shape == (300,)
    with pytest.raises(ab.RequestError, match="'scale'"):
        path.to_spark()
