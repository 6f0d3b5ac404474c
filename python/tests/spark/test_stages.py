"""Stages as descriptions: made of live ones, carried without pyspark, built anew in a session."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import textwrap

import pytest

from anabranch.spark.declaration import declare
from anabranch.spark.persistence import DRIVER, SPARK, SavedModel, load_stage, save_java, save_stage
from anabranch.spark.stages import StageDescription, describe

# The session of all of them keeps its JVM, and pyspark its connections to it.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.leaves("children", "descriptors")]


@pytest.fixture(scope="module")
def session(shared_session):
    """A session in this process: what a slot's process has."""
    return shared_session


@pytest.fixture(scope="module")
def rows(session):
    return session.range(200).selectExpr(
        "rand(1) a", "rand(2) b", "cast(id % 2 as double) label", "cast(id % 3 as string) c"
    )


def travelled(stage) -> StageDescription:
    return pickle.loads(pickle.dumps(describe(stage), protocol=5))


def test_a_transformer_is_the_same_after_its_travels(session, rows) -> None:
    from pyspark.ml.feature import Bucketizer

    stage = Bucketizer(splits=[float("-inf"), 0.5, float("inf")], inputCol="a", outputCol="a5")
    description = travelled(stage)
    assert (description.class_name, description.is_estimator) == ("pyspark.ml.feature.Bucketizer", False)
    assert description.uid == stage.uid
    assert description.columns() == {"inputCol": "a", "outputCol": "a5"}
    again = description.rebuild()
    assert again.transform(rows).collect() == stage.transform(rows).collect()
    assert again.uid == again._java_obj.uid() == stage.uid


def test_a_fitted_model_is_the_same_after_its_travels(session, rows) -> None:
    from pyspark.ml.classification import RandomForestClassifier
    from pyspark.ml.feature import VectorAssembler

    vectors = VectorAssembler(inputCols=["a", "b"], outputCol="features").transform(rows)
    estimator = RandomForestClassifier(seed=1, numTrees=3, predictionCol="guess")
    description = travelled(estimator)
    assert (description.is_estimator, description.kind) == (True, "classifier")
    model = description.rebuild().fit(vectors)
    carried = travelled(model)
    assert (carried.is_estimator, carried.kind) == (False, "classifier")
    assert carried.columns()["predictionCol"] == "guess"
    again = carried.rebuild()
    assert again.toDebugString == model.toDebugString
    assert again.transform(vectors).select("guess", "probability").collect() == (
        model.transform(vectors).select("guess", "probability").collect()
    )


def test_models_are_loaded_from_their_files_where_the_session_has_them_not(session, rows) -> None:
    from pyspark.ml.feature import StringIndexer

    model = StringIndexer(inputCol="c", outputCol="n", stringOrderType="alphabetDesc").fit(rows)
    description = travelled(model)
    session._jvm.java.lang.System.getProperties().remove("anabranch.models")
    assert description.saved.form == DRIVER
    assert description.rebuild().labels == model.labels == ["2", "1", "0"]
    in_sparks_form = SavedModel(SPARK, save_stage(model))
    assert any(path.endswith(".parquet") for path in in_sparks_form.files)
    assert load_stage(in_sparks_form.files).labels == model.labels
    import dataclasses

    assert dataclasses.replace(description, saved=in_sparks_form).rebuild().labels == model.labels


def test_one_process_changing_a_model_does_not_change_anothers(session, rows) -> None:
    from pyspark.ml.feature import StringIndexer

    description = travelled(StringIndexer(inputCol="c", outputCol="n").fit(rows))
    first, second = description.rebuild(), description.rebuild()
    first.setOutputCol("other").transform(rows)
    assert second.transform(rows).columns[-1] == "n"


def test_pipelines_searches_and_wrappers_carry_what_they_hold(session, rows) -> None:
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression, OneVsRest
    from pyspark.ml.evaluation import MulticlassClassificationEvaluator
    from pyspark.ml.feature import StringIndexer, VectorAssembler
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

    logistic = LogisticRegression(maxIter=3, labelCol="n")
    pipeline = Pipeline(
        stages=[
            StringIndexer(inputCol="c", outputCol="n"),
            VectorAssembler(inputCols=["a", "b"], outputCol="features"),
            OneVsRest(classifier=logistic, labelCol="n"),
        ]
    )
    grid = ParamGridBuilder().addGrid(logistic.regParam, [0.0, 0.5]).build()
    evaluator = MulticlassClassificationEvaluator(labelCol="n", metricName="logLoss")
    search = CrossValidator(estimator=pipeline, estimatorParamMaps=grid, evaluator=evaluator, numFolds=2, seed=3)
    description = travelled(search)
    assert description.kind == "classifier"
    again = description.rebuild()
    assert again.getEstimatorParamMaps() == grid
    assert not again.getEvaluator().isLargerBetter()
    assert [stage.uid for stage in again.getEstimator().getStages()] == [s.uid for s in pipeline.getStages()]
    again.setEvaluator(MulticlassClassificationEvaluator(labelCol="n", metricName="accuracy"))
    fitted = again.fit(rows)
    carried = travelled(fitted).rebuild()
    assert carried.avgMetrics == fitted.avgMetrics
    assert [type(stage).__name__ for stage in carried.bestModel.stages] == [
        "StringIndexerModel", "VectorAssembler", "OneVsRestModel",
    ]  # fmt: skip
    assert carried.transform(rows).collect() == fitted.transform(rows).collect()


def test_stages_of_users_are_pickled_with_what_they_hold(session, rows) -> None:
    from pyspark.ml import Transformer
    from pyspark.ml.feature import StringIndexer
    from pyspark.ml.param.shared import HasInputCol

    class Twice(Transformer, HasInputCol):
        def __init__(self, factor: float, indexer) -> None:
            super().__init__()
            self.factor = factor
            self.held = {"indexer": indexer}

        def _transform(self, dataset):
            name = self.getInputCol()
            return self.held["indexer"].transform(dataset.withColumn(name, dataset[name] * self.factor))

    stage = Twice(2.0, StringIndexer(inputCol="c", outputCol="n").fit(rows))
    stage._set(inputCol="a")
    again = travelled(stage).rebuild()
    assert again.transform(rows).collect() == stage.transform(rows).collect()


def test_parameters_are_read_and_set_without_the_stage(session) -> None:
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import StringIndexer

    pipeline = Pipeline(stages=[StringIndexer(inputCol="a"), StringIndexer(inputCol="b"), LogisticRegression()])
    description = describe(pipeline)
    params = description.get_params()
    assert params["stringindexer-2__inputCol"] == "b"
    assert params["logisticregression__maxIter"] == 100
    other = description.with_params({"logisticregression__maxIter": 7, f"{pipeline.getStages()[0].uid}__inputCol": "x"})
    assert description.get_params()["logisticregression__maxIter"] == 100
    first, _, last = other.rebuild().getStages()
    assert (first.getInputCol(), last.getMaxIter()) == ("x", 7)
    back = other.with_params({"logisticregression__maxIter": None}).rebuild().getStages()[-1]
    assert back.getMaxIter() == 100
    with pytest.raises(ValueError, match=r"LogisticRegression \(LogisticRegression_\w+\) has no parameter 'depth'"):
        description.with_params({"logisticregression__depth": 1})
    with pytest.raises(TypeError, match=r"LogisticRegression.*maxIter"):
        describe(LogisticRegression()).with_params({"maxIter": "many"}).rebuild()


def test_vectors_among_the_parameters(session) -> None:
    from pyspark.ml.feature import ElementwiseProduct
    from pyspark.ml.linalg import Vectors

    stage = ElementwiseProduct(scalingVec=Vectors.dense([1.0, 2.0]), inputCol="v", outputCol="w")
    assert travelled(stage).rebuild().getScalingVec() == Vectors.dense([1.0, 2.0])


def test_what_is_no_stage_is_refused() -> None:
    with pytest.raises(TypeError, match="no stage"):
        describe(3)


def test_stages_are_declared_without_a_jvm(session, tmp_path) -> None:
    """A process without Java makes a search; another one, without pyspark, looks at it; this one runs it."""
    file = tmp_path / "stage.pickle"
    program = f"""
    import pickle, sys
    from anabranch.spark.declaration import declare
    from anabranch.spark.stages import describe
    with declare():
        from pyspark.ml import Pipeline
        from pyspark.ml.classification import LogisticRegression
        from pyspark.ml.evaluation import BinaryClassificationEvaluator
        from pyspark.ml.feature import VectorAssembler
        from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
        model = LogisticRegression(maxIter=2)
        search = CrossValidator(
            estimator=Pipeline(stages=[VectorAssembler(inputCols=["a", "b"], outputCol="features"), model]),
            estimatorParamMaps=ParamGridBuilder().addGrid(model.regParam, [0.0, 0.1]).build(),
            evaluator=BinaryClassificationEvaluator(), numFolds=2,
        )
    pickle.dump(describe(search), open({str(file)!r}, "wb"))
    """
    without_java = {**os.environ, "PATH": "", "JAVA_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], env=without_java, check=True)
    program = f"""
    import pickle, sys
    class Refused:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] == "pyspark":
                raise ImportError(name)
    sys.meta_path.insert(0, Refused())
    search = pickle.load(open({str(file)!r}, "rb"))
    assert search.get_params()["estimator__logisticregression__maxIter"] == 2
    assert search.columns()["labelCol"] == "label", search.columns()
    assert search.kind == "classifier"
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True)
    search = pickle.loads(file.read_bytes()).rebuild()
    rows = session.range(60).selectExpr("rand(1) a", "rand(2) b", "cast(id % 2 as double) label")
    assert len(search.fit(rows).avgMetrics) == 2


def test_declaring_leaves_the_process_as_it_was(session) -> None:
    before = dict(os.environ)
    from pyspark.ml.feature import Binarizer

    with declare():
        stage = Binarizer(threshold=0.5, inputCols=["a"], outputCols=["o"])
    assert dict(os.environ) == before
    rows = session.createDataFrame([(0.4,), (0.6,)], ["a"])
    assert [row.o for row in describe(stage).rebuild().transform(rows).collect()] == [0.0, 1.0]


def test_saving_by_the_driver_alone_is_what_tasks_do(session, rows) -> None:
    from pyspark.ml.feature import StringIndexer

    assert save_java(StringIndexer(inputCol="c", outputCol="n").fit(rows)).form == DRIVER
