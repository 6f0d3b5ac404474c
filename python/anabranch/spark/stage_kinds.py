"""What stages are, told from their classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anabranch.spark.stage_values import is_params

#: Where composites keep the stage by which they end.
ENDS = ("stages", "bestModel", "estimator")

_KINDS = {
    "Classifier": "classifier",
    "ClassificationModel": "classifier",
    "Regressor": "regressor",
    "RegressionModel": "regressor",
    "Predictor": "regressor",
    "PredictionModel": "regressor",
}
_KINDS_OF_MODULES = {
    "pyspark.ml.classification": "classifier",
    "pyspark.ml.regression": "regressor",
    "pyspark.ml.recommendation": "regressor",
}


def kind_of(stage: Any) -> str | None:
    """Return ``classifier`` or ``regressor`` for what predicts."""
    for name in ENDS:
        inner = getattr(stage, name, None)
        if type(inner).__name__ == "Param":
            inner = stage.getOrDefault(inner) if stage.isDefined(inner) else None
        if isinstance(inner, (list, tuple)):
            inner = inner[-1] if inner else None
        if is_params(inner):
            return kind_of(inner)
    if not stage.hasParam("predictionCol"):
        return None
    for base in type(stage).__mro__:
        kind = _KINDS.get(base.__name__) if base.__module__.startswith("pyspark.ml") else None
        if kind is None and base is not object:
            kind = _KINDS_OF_MODULES.get(base.__module__)
        if kind is not None:
            return kind
    return None


def titles(class_names: Sequence[str]) -> list[str]:
    """Return names for stages of these classes: in lower case, numbered where there are several, as in scikit-learn."""
    names = [name.lower() for name in class_names]
    return [
        name if names.count(name) == 1 else f"{name}-{names[: index + 1].count(name)}"
        for index, name in enumerate(names)
    ]
