"""What a client container with Spark stages runs: prints the scores of folds as JSON, ours and those expected."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import anabranch as ab


def table() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(2_000, 4)), columns=list("abcd"))
    return X, (X.a + X.b * X.c > 0).to_numpy().astype(np.int64)


def main() -> None:
    # No Java here: stages are declared, and made where the session is.
    with ab.spark.declare():
        from pyspark.ml.feature import VectorAssembler

        assembler = VectorAssembler(inputCols=list("abcd"), outputCol="features")
    X, y = table()
    cv = StratifiedKFold(3)
    assemble = ab.OrNode("assemble", ab.spark.stage(assembler, features="features"))
    model = ab.OrNode("model", make_pipeline(StandardScaler(), LogisticRegression()))
    run = ab.Pipeline("spark", assemble >> model).cross_validate(X, y, cv=cv)
    failed = [str(entry.error) for entry in run.failed]
    scores = [entry.score for entry in run[model]]
    expected = []
    for train, test in cv.split(X, y):
        fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(X.iloc[train].to_numpy(), y[train])
        expected.append(fitted.score(X.iloc[test].to_numpy(), y[test]))
    print(json.dumps({"scores": scores, "expected": expected, "failed": failed}))


if __name__ == "__main__":
    main()
