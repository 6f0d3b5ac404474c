"""Spark's searches over graphs: the same folds, metrics and best model, with what candidates share fitted once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from anabranch.errors import GraphError
from anabranch.keys import FOLD, VARIANT
from anabranch.mode import Mode
from anabranch.spark.evaluation import EvaluatorScorer
from anabranch.spark.lowering import chain, flattened, grid_settings, grouped
from anabranch.spark.search_folds import ColumnFolds, RandomFolds, RandomSplit
from anabranch.spark.stage_kinds import titles
from anabranch.spark.stages import StageDescription, describe

if TYPE_CHECKING:
    from anabranch.path import Path
    from anabranch.run import Run


class SparkSearch:
    """A `CrossValidator` or `TrainValidationSplit` as a graph with variants; made by `ab.from_spark`.

    Parameters
    ----------
    search : CrossValidator or TrainValidationSplit
    name : str
        Of the graph.
    expand : {"auto", "all"}
    partitions : int or sequence of int, optional
        How the rows lie in the DataFrame whose folds are wanted, for Spark draws them partition by partition: a number
        of partitions of equal size, or the rows of each. One when not given, as which Spark takes the rows that
        `createDataFrame` has from pandas or Arrow (up to 48 MB of them). A DataFrame that is fitted on is asked itself.
    label, weight : str, optional
        As for `from_spark`.

    Attributes
    ----------
    graph : Pipeline
        The nodes; those whose stages the grid changes have variants.
    candidates : list of dict
        Of each map of the grid the labels of its variants, by node.
    settings : list of dict
        Of each map of the grid its values, by ``node__parameter``.
    description : StageDescription
        The search itself.

    Notes
    -----
    After `fit`: ``avgMetrics``, ``stdMetrics`` (of a `CrossValidator`), ``validationMetrics`` (of a
    `TrainValidationSplit`), ``bestIndex``, ``bestModel`` (a `Path`), and the runs ``run`` and ``refit``.
    """

    def __init__(
        self,
        search: Any,
        name: str = "",
        *,
        expand: str = "auto",
        partitions: int | Sequence[int] | None = None,
        label: str | None = None,
        weight: str | None = None,
    ) -> None:
        for needed in ("estimator", "estimatorParamMaps", "evaluator"):
            if not search.isDefined(search.getParam(needed)):
                raise GraphError(f"{type(search).__name__} has no {needed}")
        estimator = search.getEstimator()
        maps = list(search.getEstimatorParamMaps())
        stages = [describe(stage) for stage in flattened(estimator)]
        if not maps or not stages:
            raise GraphError(f"{type(search).__name__}: its grid is empty, or its pipeline has no stages")
        self.description = describe(search)
        self.partitions = partitions
        per_stage = grid_settings(maps, stages, estimator)
        groups = grouped(per_stage, len(stages), expand)
        per_node = [[_of_group(one, group, stages) for group in groups] for one in per_stage]
        variants, labels = _variants(per_node)
        nodes = [[stages[index] for index in group] for group in groups]
        self.scorer = EvaluatorScorer(search.getEvaluator())
        evaluator = self.scorer.evaluator
        self.graph = chain(nodes, name, variants, scored=True, evaluator=evaluator, label=label, weight=weight)
        self.candidates = [
            {node.name: label for node, label in zip(self.graph.nodes, one) if node.variants is not None}
            for one in labels
        ]
        self.settings = [
            {f"{node.name}__{key}": value for node, own in zip(self.graph.nodes, one) for key, value in own.items()}
            for one in per_node
        ]

    # ---- the search

    @property
    def is_cross_validation(self) -> bool:
        """Whether it is a `CrossValidator`."""
        return "numFolds" in self.description.names

    def splitter(self, numbers: Any = None) -> Any:
        """Return the splitter that cuts the search's folds.

        Parameters
        ----------
        numbers : array, shape (n_samples,), optional
            What ``rand(seed)`` gives each row, in the place of what ``partitions`` says.
        """
        params = self.description.get_params(deep=False)
        drawn = (params["seed"], self.partitions or 1, numbers)
        if not self.is_cross_validation:
            return RandomSplit(params["trainRatio"], *drawn)
        if params.get("foldCol"):
            return ColumnFolds(params["numFolds"], params["foldCol"])
        return RandomFolds(params["numFolds"], *drawn)

    def fit(self, X: Any, y: Any = None, *, progress: bool | None = None, **options: Any) -> SparkSearch:
        """Score all candidates on all folds, and fit the best of them on all rows; returns the search.

        Parameters
        ----------
        X : pyspark DataFrame, data frame or Arrow table
        y : array, shape (n_samples,), optional
            The label column, where X has none.
        **options
            As for `Pipeline.cross_validate`.

        Raises
        ------
        RunError
            When a fit failed, as Spark's own search does.
        """
        from anabranch.execution import run_graph

        X, numbers = self._local(X)
        common = {"progress": progress, "on_error": "raise", **options}
        self.run = run_graph(
            self.graph,
            Mode.CROSS_VALIDATE,
            X,
            y,
            cv=self.splitter(numbers),
            scoring=self.scorer,
            candidates=self.distinct_candidates(),
            keep_models=bool(self.description.get_params(deep=False).get("collectSubModels")),
            **common,
        )
        self._read_metrics(self.run)
        self.refit = run_graph(
            self.graph, Mode.FIT, X, y, candidates=self.distinct_candidates([self.bestIndex]), **common
        )
        self.bestModel: Path = self.refit.select(self.refit[self.graph.sinks[0]].only())
        return self

    def _local(self, X: Any) -> tuple[Any, Any]:
        """Return X as this package takes it, and of a DataFrame the numbers that Spark draws for its rows."""
        if not type(X).__module__.startswith("pyspark.sql"):
            return X, None
        from pyspark.sql import functions

        # The way in which Spark's search does it: how it draws them depends on the plan.
        column = f"{self.description.uid}_rand"
        seed = self.description.get_params(deep=False)["seed"]
        table = X.select("*", functions.rand(seed).alias(column)).toArrow()
        return table.drop_columns([column]), None if self.partitions else table[column].to_numpy()

    def distinct_candidates(self, indices: Sequence[int] | None = None) -> list[dict[str, int]] | None:
        """Return what `candidates=` of a run takes: each once, None where nothing has variants."""
        chosen = self.candidates if indices is None else [self.candidates[index] for index in indices]
        # Maps of a grid may be equal; a candidate is run once, and read for each of them.
        distinct = [dict(items) for items in dict.fromkeys(tuple(sorted(one.items())) for one in chosen)]
        return distinct if distinct[0] else None

    def _read_metrics(self, run: Run) -> None:
        import numpy as np

        scores: dict[tuple, float] = {}
        folds = set()
        for entry in run[self.graph.sinks[0]]:
            fold = next(label for dimension, label in entry.key.parts if dimension.kind == FOLD)
            labels = {d.owner: label for d, label in entry.key.parts if d.kind == VARIANT}
            folds.add(fold)
            scores[fold, tuple(sorted(labels.items()))] = self.scorer.metric(entry.score)
        metrics = [[scores[fold, tuple(sorted(one.items()))] for one in self.candidates] for fold in sorted(folds)]
        average = np.mean(metrics, axis=0)
        self.bestIndex = int(np.argmax(average) if self.scorer.larger_is_better else np.argmin(average))
        if self.is_cross_validation:
            self.avgMetrics = [float(value) for value in average]
            self.stdMetrics = [float(value) for value in np.std(metrics, axis=0)]
        else:
            self.validationMetrics = [float(value) for value in average]

    # ---- what came of it

    @property
    def bestParams(self) -> dict[str, Any]:
        """The best candidate's values, by ``node__parameter``."""
        return self.settings[self.bestIndex]

    def predict(self, X: Any) -> Any:
        """Return the best model's predictions for X."""
        return self.bestModel.predict(X)

    def transform(self, X: Any) -> Any:
        """Return what the best model makes of X, where it is a transformer."""
        return self.bestModel.transform(X)

    def to_spark(self) -> Any:
        """Return the `CrossValidatorModel` or `TrainValidationSplitModel` that Spark's own fit would have given.

        Its best model is a `PipelineModel` where the search's estimator is a `Pipeline`. A session of this process has
        it; one is started when there is none.
        """
        from pyspark.ml.tuning import CrossValidatorModel, TrainValidationSplitModel

        from anabranch.spark.paths import fitted_stages, to_spark

        best: Any = to_spark(self.bestModel)
        if self.description.params["estimator"].short_name != "Pipeline":
            best = fitted_stages(self.bestModel)[0].rebuild()
        if self.is_cross_validation:
            model: Any = CrossValidatorModel(best, self.avgMetrics, None, self.stdMetrics)
        else:
            model = TrainValidationSplitModel(best, self.validationMetrics)
        return self.description.rebuild()._copyValues(model)

    def __repr__(self) -> str:
        return f"SparkSearch({self.description.short_name}, {len(self.candidates)} candidates, {self.graph.name!r})"


def _of_group(
    per_stage: Sequence[Mapping[str, Any]], group: Sequence[int], stages: Sequence[StageDescription]
) -> dict[str, Any]:
    """Return what a map sets of a node: of several stages in it by the names that their pipeline has for them."""
    if len(group) == 1:
        return dict(per_stage[group[0]])
    named = titles([stages[index].short_name for index in group])
    return {f"{title}__{key}": value for title, index in zip(named, group) for key, value in per_stage[index].items()}


def _variants(
    per_node: Sequence[Sequence[Mapping[str, Any]]],
) -> tuple[list[list[dict[str, Any]]], list[list[int]]]:
    """Return each node's distinct settings, none where there is nothing to set, and each candidate's labels."""
    variants: list[list[dict[str, Any]]] = [[] for _ in per_node[0]]
    labels = []
    for one in per_node:
        row = []
        for known, setting in zip(variants, one):
            place = next((index for index, other in enumerate(known) if _same(setting, other)), None)
            if place is None:
                place = len(known)
                known.append(dict(setting))
            row.append(place)
        labels.append(row)
    return [known if any(known) else [] for known in variants], labels


def _same(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    if left.keys() != right.keys():
        return False
    return all(left[name] is right[name] or _equal(left[name], right[name]) for name in left)


def _equal(left: Any, right: Any) -> bool:
    try:
        return type(left) is type(right) and bool(left == right)
    except Exception:
        return False
