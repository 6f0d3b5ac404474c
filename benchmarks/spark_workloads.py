"""What Spark's own and ours are given: the same DataFrames, the same node behind them, the same search."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from workloads import SLOTS

#: Rows × columns × 8 bytes are a GB.
COLUMNS = 32
ROWS = int(os.environ.get("BENCH_SPARK_ROWS", 1_000_000_000 // 8 // COLUMNS))
NAMES = [f"c{number}" for number in range(COLUMNS)]

SEARCH_ROWS = int(os.environ.get("BENCH_SPARK_SEARCH_ROWS", 30_000))
_SEARCH_COLUMNS = 12

#: Of every session; the JVM has to hold the DataFrame of a GB, and what leaves it on the way.
MASTER, MEMORY = f"local[{SLOTS}]", "5g"


class Touch:
    """The scikit-learn node: a fit that reads every number of its matrix once."""

    def fit(self, X: Any, y: Any = None) -> Touch:
        """Sum the matrix."""
        self.shape_ = np.shape(X)
        self.sum_ = float(np.asarray(X).sum())
        return self

    def predict(self, X: Any) -> Any:
        """Return what makes it a model."""
        return np.full(len(X), self.sum_)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return no parameters."""
        return {}

    def set_params(self) -> Touch:
        """Set none."""
        return self


def doubles(session: Any, rows: int) -> Any:
    """Return a DataFrame of `COLUMNS` columns of doubles, made by Spark as it is read."""
    from pyspark.sql import functions as F

    # Cheap to make: what is measured of a DataFrame that is not cached is the way out, too.
    columns = [(F.col("id") * (number + 1) + 0.5).alias(name) for number, name in enumerate(NAMES)]
    return session.range(0, rows, 1, 2 * SLOTS).select(*columns)


def check(touched: Touch, rows: int) -> None:
    """See that the whole of `doubles` has arrived."""
    assert touched.shape_ == (rows, COLUMNS), touched.shape_
    expected = rows * (rows - 1) / 2 * COLUMNS * (COLUMNS + 1) / 2 + 0.5 * rows * COLUMNS
    assert abs(touched.sum_ / expected - 1) < 1e-9, (touched.sum_, expected)


#: Of the table for `warm_search`.
WARM_ROWS = 500


def search_table(rows: int) -> Any:
    """Return the rows of the search as an Arrow table."""
    import pyarrow as pa

    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, _SEARCH_COLUMNS))
    noise = rng.normal(size=rows)
    label = (X[:, 0] * X[:, 1] + 0.5 * X[:, 2] - X[:, 3] ** 2 + 1 + noise > 0).astype(float)
    columns: dict[str, Any] = {f"x_{number}": X[:, number] for number in range(_SEARCH_COLUMNS)}
    return pa.table({**columns, "label": label})


def search_frame(session: Any, rows: int) -> Any:
    """Return the rows of the search as a DataFrame of one partition for each core, as `search_table` has them."""
    table = search_table(rows)
    made = session.createDataFrame(table).schema
    bounds = [rows * part // SLOTS for part in range(SLOTS + 1)]

    def read(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            for part in batch.column(0).to_pylist():
                yield from table.slice(bounds[part], bounds[part + 1] - bounds[part]).to_batches()

    return session.range(0, SLOTS, 1, SLOTS).mapInArrow(read, made)


def search(folds: int = 3, regularizations: tuple[float, ...] = (0.0, 0.001, 0.01, 0.1)) -> Any:
    """Return a `CrossValidator`: settings of the model behind four stages that all candidates share."""
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.feature import PCA, PolynomialExpansion, StandardScaler, VectorAssembler
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

    model = LogisticRegression(maxIter=10)
    stages = [
        VectorAssembler(inputCols=[f"x_{number}" for number in range(_SEARCH_COLUMNS)], outputCol="raw"),
        StandardScaler(inputCol="raw", outputCol="scaled", withMean=True),
        PolynomialExpansion(degree=2, inputCol="scaled", outputCol="products"),
        PCA(k=20, inputCol="products", outputCol="features"),
        model,
    ]
    return CrossValidator(
        estimator=Pipeline(stages=stages),
        estimatorParamMaps=ParamGridBuilder().addGrid(model.regParam, list(regularizations)).build(),
        # Without bins: Spark fills those partition by partition, so that the area depends on how rows are partitioned.
        evaluator=BinaryClassificationEvaluator(numBins=0),
        numFolds=folds,
        seed=11,
        parallelism=SLOTS,
    )


def warm_search() -> Any:
    """Return the smallest `search` in which everything is done once."""
    return search(2, (0.0, 0.1))


def standing_for(metrics: list[float]) -> float:
    """Return a number that differs when any of a search's metrics does."""
    return sum((place + 1) * metric for place, metric in enumerate(metrics))
