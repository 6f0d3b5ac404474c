"""Spark's evaluators as scorers."""

from __future__ import annotations

from typing import Any

from anabranch.spark.stages import StageDescription, describe
from anabranch.tables import column_names


class EvaluatorScorer:
    """An evaluator of pyspark.ml as a scorer, of which more is better: negative where Spark's metric is a loss.

    Parameters
    ----------
    evaluator : Evaluator

    Attributes
    ----------
    evaluator : StageDescription
    larger_is_better : bool
        Whether more of Spark's metric is better.
    """

    def __init__(self, evaluator: Any) -> None:
        self.evaluator: StageDescription = describe(evaluator)
        # What pyspark says itself, without a JVM, of evaluators of its own.
        self.larger_is_better = bool(evaluator.isLargerBetter())

    @property
    def name(self) -> str:
        """What scikit-learn would call the scorer: a loss is ``neg_rmse``."""
        metric = str(self.evaluator.get_params().get("metricName", "metric"))
        return metric if self.larger_is_better else f"neg_{metric}"

    def metric(self, score: float | None) -> float:
        """Return Spark's metric of a score."""
        value = float("nan") if score is None else score
        return value if self.larger_is_better else -value

    def __call__(self, model: Any, X: Any, y: Any = None) -> float:
        """Return the score of a fitted step on X and y, in a process with a session.

        Raises
        ------
        TypeError
            When the model is no stage of Spark.
        """
        from anabranch.spark.exchange import current_exchange
        from anabranch.spark.steps import SparkStep

        if not isinstance(model, SparkStep):
            raise TypeError(
                f"{self.evaluator.short_name} scores stages of Spark, not {type(model).__name__}; "
                "use a scorer of scikit-learn"
            )
        exchange = current_exchange()
        # As the step's own methods do it; the frame stays in Spark, and the order of its rows is of no interest.
        frame = exchange.frame(X, vector=model._vector(), beside=self._label(X, y), numbered=False, kept=True)
        value = float(self.evaluator.rebuild().evaluate(model._applied(exchange, frame)))
        return value if self.larger_is_better else -value

    def _label(self, X: Any, y: Any) -> dict[str, Any]:
        """Return y under the name by which the evaluator reads it; nothing where X has a column of that name."""
        name = self.evaluator.columns().get("labelCol")
        return {} if y is None or name is None or name in (column_names(getattr(X, "value", X)) or ()) else {name: y}

    def __repr__(self) -> str:
        return f"{self.evaluator!r}"


def scorer(evaluator: Any) -> EvaluatorScorer:
    """Return an evaluator of pyspark.ml as a scorer; ``scoring=`` takes the evaluator itself, too.

    Scores are such that more is better, as everywhere here: of a metric of errors its negative.
    """
    return EvaluatorScorer(evaluator)
