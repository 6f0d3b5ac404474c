"""Spark ML stages with the surface of estimators: what nodes hold, and what fitted nodes leave as models.

A step never holds a session or a JVM's object: the stage travels as a `StageDescription`
(`anabranch.spark.stages`), is built anew where a session is, and what a fit learned travels as one, too. So a step is
pickled, cloned, given parameters and looked at in processes that have neither Java nor pyspark's JVM.

What this module asks of a description:

- ``class_name``: ``pyspark.ml.feature.StandardScaler``; ``is_estimator``: it has to be fitted;
- ``get_params()``: values by Spark's names, nested ones as ``stage__name``, defaults included; ``with_params(values)``:
  another description with some of them set (`ValueError` naming the stage for one that it does not have);
- ``columns()``: values of the parameters that name columns, by parameter (``featuresCol``, ``labelCol``,
  ``predictionCol``, …), those of the last stage for a pipeline;
- ``rebuild()``: the stage in this process, which has a session.
"""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from anabranch.runtime.errors import TaskRefused
from anabranch.spark.column_names import ROW
from anabranch.spark.exchange import Exchange, Outcome, current_exchange, quoted
from anabranch.spark.reading import handed_on

if TYPE_CHECKING:
    from anabranch.spark.stages import StageDescription

#: What a worker offers that runs these.
EXECUTOR = "spark"

VECTORS = ("tensor", "list")

#: Settings of a step that are no parameters of its stage.
_OWN = ("features", "label", "weight", "vectors")

_PIPELINES = ("Pipeline", "PipelineModel")
_WEIGHT = "anabranch_weight"
_NUMBERED = re.compile(r"x\d+")
#: Parameters that name columns which have to be there; those of the second row for fits alone.
_READ_BY_FITS = ("labelCol", "weightCol", "censorCol")
_READ = ("featuresCol", "inputCol", "inputCols", "userCol", "itemCol", *_READ_BY_FITS)


class SparkStep:
    """A stage of Spark ML as an estimator, or, fitted, as its model.

    Parameters
    ----------
    description : StageDescription
        The stage; of a fitted step what its fit made.
    features : str or list of str, optional
        What the nodes behind it see as X: a vector column, or these columns, as a matrix. All columns when not given.
    label, weight : str, optional
        The columns as which y and the sample weights enter; the stage's ``labelCol`` and ``weightCol`` when not given.
    vectors : {"tensor", "list"}
        Of ``features``: a float64 array, shape (n_rows, n_features), or an Arrow table with a column of fixed-size
        lists.
    fitted : StageDescription, optional
        What a fit made of the stage.
    """

    #: By it `TaskContext` knows that inputs are handed over as references.
    takes_stored = True
    executor = EXECUTOR
    #: Columns, in lower case, that nodes behind this one read; None for all. Set where all of them are known.
    read_behind: frozenset[str] | None = None

    def __init__(
        self,
        description: StageDescription,
        *,
        features: str | list[str] | None = None,
        label: str | None = None,
        weight: str | None = None,
        vectors: str = "tensor",
        fitted: StageDescription | None = None,
    ) -> None:
        if vectors not in VECTORS:
            raise ValueError(f"vectors={vectors!r}; use {' or '.join(VECTORS)}")
        self.description = description
        self.features = features
        self.label = label
        self.weight = weight
        self.vectors = vectors
        self.fitted = fitted

    # ---- parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the stage's parameters by Spark's names, and `features`, `label`, `weight` and `vectors`."""
        return {**self.description.get_params(), **{name: getattr(self, name) for name in _OWN}}

    def set_params(self, **values: Any) -> SparkStep:
        """Set parameters of the stage, or of this step; returns the step."""
        stage = {name: value for name, value in values.items() if name not in _OWN}
        if stage:
            self.description = self.description.with_params(stage)
        for name in values.keys() & set(_OWN):
            setattr(self, name, values[name])
        return self

    def __sklearn_clone__(self) -> SparkStep:
        return self.unfitted()

    def unfitted(self) -> SparkStep:
        """Return a copy without what a fit has made."""
        step = copy.copy(self)
        step.fitted = None
        return step

    # ---- fits

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> SparkStep:
        """Fit the stage on X as one DataFrame; a stage that needs no fit is taken as it is."""
        exchange = current_exchange()
        if self.description.is_estimator:
            self._fit_on(exchange, *self._frame(exchange, X, y, sample_weight))
        else:
            self.fitted = self.description
        return self

    def _fit_on(self, exchange: Exchange, frame: Any, description: StageDescription) -> Any:
        from anabranch.spark.stages import describe

        try:
            model = description.rebuild().fit(frame)
        except Exception as error:
            explained = exchange.explained(error)
            if explained is error:
                raise
            raise explained from None
        self.fitted = describe(model)
        self._live = (exchange.generation, model)
        return model

    def _frame(self, exchange: Exchange, X: Any, y: Any, sample_weight: Any) -> tuple[Any, StageDescription]:
        """Return the DataFrame to fit on, and the stage that reads the weights where there are some."""
        beside: dict[str, Any] = {}
        if y is not None and (label := self._label()):
            self._check_label(exchange, label, y)
            beside[label] = y
        description = self.description
        if sample_weight is not None:
            name = self.weight or description.columns().get("weightCol") or _WEIGHT
            last = description.last() if description.short_name in _PIPELINES else description
            if "weightCol" not in last.param_names():
                if isinstance(self, SparkPredictor):
                    warnings.warn(
                        f"{exchange.name}: {last.short_name} takes no weights; it is fitted without", stacklevel=2
                    )
            else:
                beside[name] = sample_weight
                if description.columns().get("weightCol") != name:
                    description = _with_weights(description, name)
        frame = exchange.frame(X, vector=self._vector(), beside=beside, kept=True)
        self._check_columns(exchange, frame, fits=True)
        return frame, description

    def _label(self) -> str | None:
        return self.label or self.description.columns().get("labelCol")

    def _check_label(self, exchange: Exchange, label: str, y: Any) -> None:
        dtype = getattr(y, "dtype", None)
        if isinstance(self, SparkPredictor) and getattr(dtype, "kind", "f") in "OUS":
            raise TaskRefused(
                f"{exchange.name}: y, which enters as column {label!r}, "
                f"is of {dtype}, and Spark's models are fitted to "
                "numbers: encode classes as 0, 1, … (LabelEncoder, or a StringIndexer of that column)"
            )

    def _first(self) -> StageDescription:
        """The stage that sees X first."""
        first = self.description
        while first.short_name in _PIPELINES and first.nested():
            first = first.nested()[0][1]
        return first

    def _vector(self) -> str | None:
        """The column as which a matrix enters: the one that the stage reads; None for columns x0, x1, …."""
        columns = self._first().columns()
        name = columns.get("featuresCol") if "featuresCol" in columns else columns.get("inputCol")
        return None if name is None or _NUMBERED.fullmatch(name) else name

    def _check_columns(self, exchange: Exchange, frame: Any, fits: bool) -> None:
        first = self._first()
        known = set(frame.columns)
        for parameter, named in first.columns().items():
            if parameter not in _READ or (parameter in _READ_BY_FITS and not (fits and first.is_estimator)):
                continue
            for name in [named] if isinstance(named, str) else named:
                # A path within a struct is Spark's to find.
                if name not in known and name.partition(".")[0] not in known:
                    shown = ", ".join(sorted(known - {ROW})) or "none"
                    remedy = (
                        "give y with the run, or a column of that name"
                        if parameter == "labelCol"
                        else f"rename one of them, or set {parameter}="
                    )
                    raise TaskRefused(
                        f"{exchange.name}: {first.short_name} reads column {name!r} ({parameter}), which is missing; "
                        "there are "
                        f"{shown}: {remedy}"
                    )

    # ---- models

    def _model(self, exchange: Exchange) -> Any:
        if self.fitted is None:
            raise TaskRefused(f"{exchange.name}: {self!r} is not fitted")
        generation, model = self.__dict__.get("_live", (None, None))
        if generation != exchange.generation:
            model = self.fitted.rebuild()
            self._live = (exchange.generation, model)
        return model

    def _transformed(self, exchange: Exchange, X: Any) -> Any:
        frame = exchange.frame(X, vector=self._vector(), kept=True)
        self._check_columns(exchange, frame, fits=False)
        return self._applied(exchange, frame)

    def _applied(self, exchange: Exchange, frame: Any) -> Any:
        model = self._model(exchange)
        try:
            return model.transform(frame)
        except Exception as error:
            explained = exchange.explained(error)
            if explained is error:
                raise
            raise explained from None

    def __getstate__(self) -> dict[str, Any]:
        # What is alive belongs to its process.
        return {name: value for name, value in self.__dict__.items() if name != "_live"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __sklearn_is_fitted__(self) -> bool:
        return self.fitted is not None

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        kind = getattr(self, "_estimator_type", None)
        return Tags(
            estimator_type=kind,
            # y may be a column of X.
            target_tags=TargetTags(required=False),
            transformer_tags=None,
            classifier_tags=ClassifierTags() if kind == "classifier" else None,
            regressor_tags=RegressorTags() if kind == "regressor" else None,
            input_tags=InputTags(allow_nan=True, string=True, one_d_array=True),
        )

    def __repr__(self) -> str:
        name = self.description.short_name
        return f"spark.stage({name}{', fitted' if self.fitted is not None else ''})"


def outcome_of(
    exchange: Exchange, frame: Any, features: Any, vectors: str, without: Sequence[str] = (), beside: Sequence[str] = ()
) -> Outcome:
    """Return what nodes behind see of a DataFrame: a matrix or lists of ``features``, or all columns."""
    if features is None:
        return exchange.table(frame, without=without, beside=beside)
    found = exchange.matrix(frame, features, beside=beside)
    if vectors == "tensor":
        return found
    import pyarrow as pa

    matrix = found.value
    values = pa.array(matrix.reshape(-1))
    lists = pa.FixedSizeListArray.from_arrays(values, matrix.shape[1]) if matrix.shape[1] else pa.nulls(len(matrix))
    name = features if isinstance(features, str) else "features"
    return Outcome(exchange.same_rows(pa.table({name: lists}), matrix), found.beside)


class SparkTransformer(SparkStep):
    """A stage that makes columns: transformers, and estimators whose models predict nothing."""

    def transform(self, X: Any) -> Any:
        """Return what nodes behind see of the stage's output."""
        exchange = current_exchange()
        frame = self._transformed(exchange, X)
        if (
            self.features is None
            and self.read_behind is not None
            and (read := handed_on(frame.columns, self.read_behind))
        ):
            frame = frame.select(*[quoted(name) for name in (*read, *([ROW] if ROW in frame.columns else ()))])
        return outcome_of(exchange, frame, self.features, self.vectors).value

    def fit_transform(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Fit and transform the same DataFrame."""
        self.fit(X, y, sample_weight)
        return self.transform(X)


class SparkPredictor(SparkStep):
    """A stage whose model predicts: a classifier or a regressor; `predict` is its ``predictionCol``."""

    _estimator_type = "regressor"

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> SparkStep:
        """See `SparkStep`; a classifier's predictions have the type of y."""
        super().fit(X, y, sample_weight)
        dtype = getattr(y, "dtype", None)
        self.y_type_ = dtype if getattr(dtype, "kind", "") in "iub" else None
        return self

    def predict(self, X: Any) -> Any:
        """Return ``predictionCol`` as an array, shape (n_samples,)."""
        return self._column(X, "predictionCol", flat=True)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy of a classifier's predictions, R² of a regressor's."""
        from sklearn.metrics import accuracy_score, r2_score

        metric = accuracy_score if self._estimator_type == "classifier" else r2_score
        return float(metric(y, self.predict(X), sample_weight=sample_weight))

    def _column(self, X: Any, parameter: str, flat: bool = False) -> Any:
        exchange = current_exchange()
        frame = self._transformed(exchange, X)
        name = (self.fitted or self.description).columns().get(parameter)
        if not name:
            raise TaskRefused(f"{exchange.name}: {self!r} has no {parameter}")
        return exchange.matrix(frame, name, flat=flat).value


class SparkClassifier(SparkPredictor):
    """A classifier: `predict_proba` is its ``probabilityCol``, `decision_function` its ``rawPredictionCol``."""

    _estimator_type = "classifier"

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> SparkStep:
        """See `SparkPredictor`."""
        super().fit(X, y, sample_weight)
        _, model = self.__dict__.get("_live", (None, None))
        while hasattr(model, "stages") or hasattr(model, "bestModel"):
            model = model.stages[-1] if hasattr(model, "stages") else model.bestModel
        count = getattr(model, "numClasses", None)
        if count is not None:
            import numpy as np

            self.classes_ = np.arange(count, dtype=self.y_type_ or np.float64)
        return self

    def predict(self, X: Any) -> Any:
        """Return ``predictionCol`` as an array of the type of y, shape (n_samples,)."""
        predicted = super().predict(X)
        kind = getattr(self, "y_type_", None)
        return predicted if kind is None else current_exchange().same_rows(predicted.astype(kind), predicted)

    def predict_proba(self, X: Any) -> Any:
        """Return ``probabilityCol`` as an array, shape (n_samples, n_classes)."""
        return self._column(X, "probabilityCol")

    def decision_function(self, X: Any) -> Any:
        """Return ``rawPredictionCol`` as an array, one column per class; of two the second's alone."""
        raw = self._column(X, "rawPredictionCol")
        if raw.shape[1] != 2:
            return raw
        return current_exchange().same_rows(raw[:, 1].copy(), raw)


def stage(
    spark_stage: Any,
    *,
    features: str | list[str] | None = None,
    label: str | None = None,
    weight: str | None = None,
    vectors: str = "tensor",
) -> SparkStep:
    """Make a step of a pyspark.ml Estimator, Transformer, Pipeline or fitted model.

    A node that is given the stage itself calls this without further arguments. Parameters as of `SparkStep`.

    Examples
    --------
    ``ab.OrNode("assemble", ab.spark.stage(VectorAssembler(inputCols=["a", "b"], outputCol="v"), features="v"))``
    """
    from anabranch.spark.stages import describe

    description = describe(spark_stage)
    kinds = {"classifier": SparkClassifier, "regressor": SparkPredictor}
    # Who names columns for the nodes behind wants these, not the predictions.
    kind = SparkTransformer if features is not None else kinds.get(description.kind or "", SparkTransformer)
    return kind(description, features=features, label=label, weight=weight, vectors=vectors)


def _with_weights(description: StageDescription, name: str) -> StageDescription:
    if description.short_name not in _PIPELINES:
        return description.with_params({"weightCol": name})
    title = description.nested()[-1][0]
    return description.with_params({f"{title}__weightCol": name})


def is_spark_stage(value: Any) -> bool:
    """Whether a value is a stage of pyspark.ml, looked at without importing pyspark."""
    return any(base.__module__ == "pyspark.ml.base" for base in type(value).__mro__)
