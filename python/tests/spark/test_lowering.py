"""Spark's pipelines and grids as graphs: looked at, without a JVM."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import numpy as np
import pytest

import anabranch as ab
from anabranch.spark.search_folds import ColumnFolds, RandomFolds, RandomSplit
from anabranch.spark.search_random import even_sizes, uniform


@pytest.fixture(autouse=True)
def without_a_jvm() -> Iterator[None]:
    with ab.spark.declare():
        yield


def flights():
    """The stages of a pipeline with a pipeline in it."""
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import PCA, StandardScaler, StringIndexer, VectorAssembler

    indexer = StringIndexer(inputCol="carrier", outputCol="index")
    assembler = VectorAssembler(inputCols=["a", "b", "index"], outputCol="raw")
    scaler = StandardScaler(inputCol="raw", outputCol="scaled")
    pca = PCA(k=2, inputCol="scaled", outputCol="features")
    model = LogisticRegression(maxIter=5)
    return Pipeline(stages=[Pipeline(stages=[indexer, assembler]), scaler, pca, model]), pca, model


def search_over(grid, **options):
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.tuning import CrossValidator

    pipeline, pca, model = flights()
    maps = grid(pca, model).build()
    evaluator = BinaryClassificationEvaluator()
    return CrossValidator(estimator=pipeline, estimatorParamMaps=maps, evaluator=evaluator, **options)


def both(pca, model):
    from pyspark.ml.tuning import ParamGridBuilder

    return ParamGridBuilder().addGrid(pca.k, [1, 2]).addGrid(model.regParam, [0.0, 0.1, 1.0])


def test_a_pipeline_is_a_chain_of_its_stages() -> None:
    pipeline, _, _ = flights()
    graph = ab.from_spark(pipeline)
    names = ["stringindexer", "vectorassembler", "standardscaler", "pca", "logisticregression"]
    assert [node.name for node in graph.nodes] == names
    assert [(source.name, target.name) for source, target in graph.edges] == list(itertools.pairwise(names))
    assert [node.role.name for node in graph.nodes] == ["TRANSFORMER"] * 4 + ["PREDICTOR"]
    assert {node.executor or node.step.executor for node in graph.nodes} == {"spark"}


def test_stages_of_one_class_are_numbered_and_a_stage_alone_is_a_node() -> None:
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import Binarizer

    graph = ab.from_spark(Pipeline(stages=[Binarizer(), Binarizer()]), "twice")
    assert [node.name for node in graph.nodes] == ["binarizer-1", "binarizer-2"]
    assert graph.name == "twice"
    assert [node.name for node in ab.from_spark(Binarizer()).nodes] == ["binarizer"]


def test_what_predicts_in_the_middle_transforms() -> None:
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import SQLTransformer

    graph = ab.from_spark(Pipeline(stages=[LogisticRegression(), SQLTransformer(statement="SELECT * FROM __THIS__")]))
    assert [node.role.name for node in graph.nodes] == ["TRANSFORMER", "TRANSFORMER"]


def test_a_grid_is_variants_of_the_nodes_that_it_is_about() -> None:
    search = ab.from_spark(search_over(both, numFolds=3), expand="all")
    variants = {node.name: node.variants for node in search.graph.nodes if node.variants is not None}
    assert variants == {
        "pca": [{"k": 1}, {"k": 2}],
        "logisticregression": [{"regParam": value} for value in (0.0, 0.1, 1.0)],
    }
    assert len(search.candidates) == 6
    assert [(one["pca"], one["logisticregression"]) for one in search.candidates] == [
        (pca, model) for pca in range(2) for model in range(3)
    ]
    assert search.settings[4] == {"pca__k": 2, "logisticregression__regParam": 0.1}


def test_nodes_of_a_search_hand_on_what_is_read_behind_them() -> None:
    first, pca, model = (node.step for node in ab.from_spark(search_over(both)).graph.nodes)
    assert {"scaled", "features", "label"} <= first.read_behind
    assert not {"carrier", "raw", "a"} & first.read_behind
    assert "features" in pca.read_behind
    assert "scaled" not in pca.read_behind
    assert model.read_behind is None


def test_nodes_hand_on_all_columns_where_a_stage_names_them_within_a_text() -> None:
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.feature import Binarizer, SQLTransformer
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

    # A pipeline's nodes, which may be looked at, keep all.
    pipeline, *_ = flights()
    assert {node.step.read_behind for node in ab.from_spark(pipeline).nodes} == {None}
    model = LogisticRegression()
    search = CrossValidator(
        estimator=Pipeline(stages=[Binarizer(), SQLTransformer(statement="SELECT *, a + b FROM __THIS__"), model]),
        estimatorParamMaps=ParamGridBuilder().addGrid(model.regParam, [0.0, 0.1]).build(),
        evaluator=BinaryClassificationEvaluator(),
    )
    first, second, _ = (node.step for node in ab.from_spark(search, expand="all").graph.nodes)
    assert first.read_behind is None
    assert "features" in second.read_behind


def test_stages_that_share_nothing_more_stay_together() -> None:
    search = ab.from_spark(search_over(both))
    assert [node.name for node in search.graph.nodes] == [
        "stringindexer+…+standardscaler", "pca", "logisticregression",
    ]  # fmt: skip

    def scaler_alone(pca, model):
        from pyspark.ml.tuning import ParamGridBuilder

        return ParamGridBuilder().addGrid(pca.k, [1, 2])

    search = ab.from_spark(search_over(scaler_alone))
    assert [node.name for node in search.graph.nodes] == ["stringindexer+…+standardscaler", "pca+logisticregression"]
    assert search.graph.nodes[1].variants == [{"pca__k": 1}, {"pca__k": 2}]
    assert search.graph.nodes[1].role.name == "PREDICTOR"


def test_maps_that_are_no_product_are_the_candidates_that_they_are() -> None:
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.tuning import TrainValidationSplit

    pipeline, pca, model = flights()
    maps = [{pca.k: 1}, {model.regParam: 0.5, model.maxIter: 2}, {}]
    search = ab.from_spark(
        TrainValidationSplit(estimator=pipeline, estimatorParamMaps=maps, evaluator=BinaryClassificationEvaluator())
    )
    labels = [(one["pca"], one["logisticregression"]) for one in search.candidates]
    assert labels == [(0, 0), (1, 1), (1, 0)]
    assert search.graph["pca"].variants == [{"k": 1}, {}]
    assert search.graph["logisticregression"].variants == [{}, {"regParam": 0.5, "maxIter": 2}]


def test_a_grid_reaches_a_stage_within_a_stage() -> None:
    from pyspark.ml.classification import LogisticRegression, OneVsRest
    from pyspark.ml.evaluation import MulticlassClassificationEvaluator
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

    inner = LogisticRegression()
    maps = ParamGridBuilder().addGrid(inner.maxIter, [1, 2]).build()
    search = ab.from_spark(
        CrossValidator(
            estimator=OneVsRest(classifier=inner),
            estimatorParamMaps=maps,
            evaluator=MulticlassClassificationEvaluator(metricName="logLoss"),
        )
    )
    assert search.graph["onevsrest"].variants == [{"classifier__maxIter": 1}, {"classifier__maxIter": 2}]
    assert not search.scorer.larger_is_better


def test_what_cannot_be_lowered_is_named() -> None:
    from pyspark.ml import Pipeline
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.feature import Binarizer
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

    pipeline, _, _ = flights()
    maps = ParamGridBuilder().addGrid(pipeline.stages, [[Binarizer()], []]).build()
    search = CrossValidator(estimator=pipeline, estimatorParamMaps=maps, evaluator=BinaryClassificationEvaluator())
    with pytest.raises(ab.GraphError, match="sets the stages of a pipeline"):
        ab.from_spark(search)
    with pytest.raises(ab.GraphError, match="no evaluator"):
        ab.from_spark(CrossValidator(estimator=pipeline, estimatorParamMaps=[{}]))
    with pytest.raises(ab.GraphError, match="no stages"):
        ab.from_spark(Pipeline(stages=[]))
    with pytest.raises(ab.GraphError, match="no stage of pyspark"):
        ab.from_spark(object())
    with pytest.raises(ab.GraphError, match="expand='some'"):
        ab.from_spark(pipeline, expand="some")


def test_parameters_of_strangers_are_said() -> None:
    from pyspark.ml.feature import Binarizer

    stranger = Binarizer()

    def grid(pca, model):
        from pyspark.ml.tuning import ParamGridBuilder

        return ParamGridBuilder().addGrid(stranger.threshold, [0.0, 1.0]).addGrid(pca.k, [1])

    with pytest.warns(UserWarning, match=r"no stage here: Binarizer_\w+\.threshold"):
        search = ab.from_spark(search_over(grid))
    assert len(search.candidates) == 2


def test_random_numbers_are_sparks() -> None:
    # rand(42) of one partition, and of the second of two, as Spark 4.3 gives them.
    assert uniform(42, [3]).tolist() == pytest.approx(
        [0.619189370225301, 0.5096018842446481, 0.8325259388871524], 1e-15
    )
    assert np.array_equal(uniform(42, [4, 6])[4:], uniform(43, [6]))
    assert len(uniform(7, [0, 1])) == 1
    assert even_sizes(777, 2) == [388, 389]


def test_folds_cut_every_row_once() -> None:
    X = np.zeros((1000, 1))
    parts = list(RandomFolds(4, 9, 3).split(X))
    assert np.array_equal(np.sort(np.concatenate([test for _, test in parts])), np.arange(1000))
    assert all(len(np.intersect1d(train, test)) == 0 and len(train) + len(test) == 1000 for train, test in parts)
    ((train, test),) = RandomSplit(0.75, 9, [500, 500]).split(X)
    assert len(train) + len(test) == 1000
    assert 700 < len(train) < 800
    with pytest.raises(ValueError, match="999 rows, the data 1000"):
        next(RandomFolds(4, 9, [999]).split(X))


def test_a_column_numbers_the_folds() -> None:
    import pandas as pd

    X = pd.DataFrame({"fold": [0, 1, 2, 0, 1, 2]})
    assert [test.tolist() for _, test in ColumnFolds(3, "fold").split(X)] == [[0, 3], [1, 4], [2, 5]]
    with pytest.raises(ValueError, match="no column 'f'"):
        next(ColumnFolds(3, "f").split(X))
    with pytest.raises(ValueError, match=r"not in \[0, 2\)"):
        next(ColumnFolds(2, "fold").split(X))
    with pytest.raises(ValueError, match="fold 3"):
        list(ColumnFolds(4, "fold").split(X))


def test_a_yaml_file_names_stages_of_spark(tmp_path) -> None:
    from anabranch.cli.loading import load_pipeline

    file = tmp_path / "flights.yaml"
    file.write_text(
        """
        nodes:
          assemble:
            estimator: pyspark.ml.feature.VectorAssembler
            params: {inputCols: [a, b], outputCol: features}
          model:
            estimator: anabranch.spark.stage
            params:
              spark_stage:
                estimator: pyspark.ml.classification.LogisticRegression
                params: {maxIter: 3}
            grid: {regParam: [0.0, 0.1]}
        edges: [assemble >> model]
        """
    )
    before = dict(os.environ)
    graph = load_pipeline(str(file)).graph
    assert dict(os.environ) == before
    assert graph["assemble"].step.get_params()["inputCols"] == ["a", "b"]
    assert graph["model"].variants == [{"regParam": 0.0}, {"regParam": 0.1}]


def test_the_command_line_takes_pipelines_and_searches_of_spark(tmp_path) -> None:
    from anabranch.cli.loading import load_pipeline

    file = tmp_path / "delays.py"
    file.write_text(
        "import anabranch as ab\n"
        "with ab.spark.declare():\n"
        "    from pyspark.ml.classification import LogisticRegression\n"
        "    from pyspark.ml.evaluation import BinaryClassificationEvaluator\n"
        "    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder\n"
        "    model = LogisticRegression()\n"
        "    grid = ParamGridBuilder().addGrid(model.regParam, [0.0, 0.1]).build()\n"
        "    search = CrossValidator(estimator=model, estimatorParamMaps=grid, numFolds=4,\n"
        "                            evaluator=BinaryClassificationEvaluator())\n"
    )
    assert [node.name for node in load_pipeline(f"{file}:model").graph.nodes] == ["logisticregression"]
    loaded = load_pipeline(f"{file}:search")
    assert loaded.candidates == [{"logisticregression": 0}, {"logisticregression": 1}]
    assert loaded.cv.get_n_splits() == 4
    # A search is what a file with both is about.
    assert load_pipeline(str(file)).candidates == loaded.candidates
