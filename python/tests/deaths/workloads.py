"""What goes on while things die, and what it comes to: digests that are equal when every bit is."""

from __future__ import annotations

import hashlib
import os
import pathlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import anabranch as ab

#: How long slow tasks take: so many seconds, or, by its directory, until a gate opens.
Pace = float | str

#: Attempts for what dies with its runtime: tests kill runtimes, which is a task's own fault as far as anybody can tell.
RETRIES = 100


def linger(pace: Pace) -> None:
    """Take one's time; at a gate, leave word of worker and process."""
    if isinstance(pace, str):
        gate = pathlib.Path(pace)
        (gate / f"{os.getppid()}-{os.getpid()}").touch()
        while (gate / "closed").exists():
            time.sleep(0.005)
    else:
        time.sleep(pace)


class Slowly(ClassifierMixin, BaseEstimator):
    """Another classifier that takes its time to fit and to predict."""

    def __init__(self, estimator: Any = None, pace: Pace = 0.0) -> None:
        self.estimator = estimator
        self.pace = pace

    def fit(self, X: Any, y: Any) -> Slowly:
        linger(self.pace)
        self.fitted_ = self.estimator.fit(X, y)
        self.classes_ = self.fitted_.classes_
        return self

    def predict(self, X: Any) -> Any:
        linger(self.pace)
        return self.fitted_.predict(X)


def table(rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    return make_classification(rows, 12, random_state=7)


def graph(pace: Pace = 0.0) -> ab.Pipeline:
    """Two scalers rejoin before two models, one of which has variants; the models vote."""
    scalers = [
        ab.OrNode("standard", StandardScaler(), retries=RETRIES),
        ab.OrNode("minmax", MinMaxScaler(), retries=RETRIES),
    ]
    union = ab.AndNode("union", ab.nodes.ColumnConcat(), retries=RETRIES)
    models = [
        ab.OrNode(
            "tree", Slowly(DecisionTreeClassifier(random_state=0), pace), retries=RETRIES,
            params={"estimator__max_depth": [2, 4]},
        ),
        ab.OrNode("logistic", Slowly(LogisticRegression(max_iter=300), pace), retries=RETRIES),
    ]  # fmt: skip
    return ab.Pipeline("deaths", scalers >> union >> models >> ab.AndNode("vote", ab.nodes.Vote(), retries=RETRIES))


def _bytes(value: Any) -> bytes:
    return repr((value.dtype, value.shape)).encode() + np.ascontiguousarray(value).tobytes()


def digest(run: ab.Run) -> str:
    """Every entry of a run: node, key, state, scores to the last bit, output bytes. A failure stands in it in words."""
    lines = []
    for entry in run:
        scores = sorted((name, float(value).hex()) for name, value in entry.scores.items())
        output = hashlib.sha256(_bytes(np.asarray(entry.output))).hexdigest() if entry.has_output else ""
        error = f"{entry.error.kind}: {entry.error.message}" if entry.error is not None else ""
        key = sorted((str(name), str(label)) for name, label in entry.key.items())
        lines.append(f"{entry.node} {key} {entry.state} {scores} {output} {error}")
    return "\n".join(sorted(lines))


def cross_validated(pace: Pace = 0.0) -> str:
    X, y = table()
    return digest(graph(pace).cross_validate(X, y, cv=3, return_train_score=True))


def fitted(pace: Pace = 0.0) -> str:
    """Fit, then predict and score with the models of the fit."""
    X, y = table()
    run = graph(pace).fit(X, y, partitions=2)
    if run.failed:
        return digest(run)
    return "\n\n".join([digest(run), digest(run.predict(X)), digest(run.score(X, y))])


def called(pace: Pace = 0.0) -> str:
    """Calls, chains of calls, and calls that make large arrays of large arrays."""
    with ab.Executor(retries=RETRIES) as ex:
        plain = [ex.submit(_square, i, pace) for i in range(40)]
        chains = []
        for start in range(4):
            future = ex.submit(_square, start, 0)
            for _ in range(8):
                future = ex.submit(_increase, future)
            chains.append(future)
        arrays = [ex.submit(_grow, ex.submit(_array, i), pace) for i in range(6)]
        values = [repr(future.result()) for future in (*plain, *chains)]
        values += [hashlib.sha256(_bytes(future.result())).hexdigest() for future in arrays]
    return "\n".join(values)


def _square(i: int, pace: Pace) -> int:
    linger(pace)
    return i * i


def _increase(i: int) -> int:
    return i + 1


def _array(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=50_000 + seed)


def _grow(array: np.ndarray, pace: Pace) -> np.ndarray:
    linger(pace)
    return np.concatenate([array, array * 2])


KINDS: dict[str, Callable[[Pace], str]] = {"cross_validate": cross_validated, "fit": fitted, "calls": called}
