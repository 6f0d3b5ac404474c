"""When a search is faster in this process than on the pool: seconds of small searches, here and there.

    PYTHONPATH=python:examples python benchmarks/break_even.py [--rounds 5] [--cold]

Each search is run one way after the other, in each round; the table has medians in milliseconds. With ``--cold`` each
figure is of a process of its own that has imported scikit-learn and started no pool.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import sklearn.model_selection
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import anabranch as ab

WAYS = ("scikit-learn", "here", "pool", "auto")


def _plain(candidates: int) -> tuple[Any, dict[str, Any]]:
    return GaussianNB(), {"var_smoothing": np.logspace(-9, 0, candidates)}


def _pipeline(candidates: int) -> tuple[Any, dict[str, Any]]:
    steps = Pipeline([("scale", StandardScaler()), ("pca", PCA(5, random_state=0)), ("model", GaussianNB())])
    return steps, {"model__var_smoothing": np.logspace(-9, 0, candidates)}


def _union(candidates: int) -> tuple[Any, dict[str, Any]]:
    parts = FeatureUnion([("pca", PCA(3, random_state=0)), ("best", SelectKBest(k=2)), ("scaled", MinMaxScaler())])
    steps = Pipeline([("parts", parts), ("model", GaussianNB())])
    return steps, {"parts__best__k": list(range(1, 1 + min(8, candidates))), "model__var_smoothing": [1e-9]}


def _columns(candidates: int) -> tuple[Any, dict[str, Any]]:
    columns = ColumnTransformer([("left", StandardScaler(), slice(0, 5)), ("right", PCA(random_state=0), slice(5, 10))])
    steps = Pipeline([("columns", columns), ("model", GaussianNB())])
    return steps, {"columns__right__n_components": [1, 2, 3, 4, 5][:candidates], "model__var_smoothing": [1e-9, 1e-6]}


SEARCHES: dict[str, tuple[Callable[[int], tuple[Any, dict[str, Any]]], int]] = {
    **{f"GaussianNB, {5 * count} fits": (_plain, count) for count in (1, 2, 4, 8, 16, 32, 64, 128, 512, 1024)},
    **{f"scale, PCA, GaussianNB, {5 * count} fits": (_pipeline, count) for count in (4, 16, 64)},
    "union of 3, one varies, 40 fits": (_union, 8),
    "columns of 2, one varies, 50 fits": (_columns, 5),
}


def measure(name: str, way: str) -> float:
    """Return the milliseconds of one search."""
    make, candidates = SEARCHES[name]
    estimator, grid = make(candidates)
    X = np.random.default_rng(0).normal(size=(300, 10))
    y = (X[:, 0] > 0).astype(int)
    kind = sklearn.model_selection if way == "scikit-learn" else ab.model_selection
    search = kind.GridSearchCV(estimator, grid, cv=5, refit=False)
    place = contextlib.nullcontext() if way == "scikit-learn" else ab.model_selection.options(where=way)
    begun = time.perf_counter()
    with place:
        search.fit(X, y)
    return (time.perf_counter() - begun) * 1e3


def _measure_cold(name: str, way: str) -> float:
    command = [sys.executable, str(pathlib.Path(__file__)), "--one", name, way]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    return float(said.stdout.split()[-1])


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cold", action="store_true", help="a process and a pool for each figure")
    parser.add_argument(
        "--only", default="", help="searches whose names have one of these words, separated by |, in them"
    )
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(measure(*arguments.one))
        return
    if not arguments.cold:
        ab.init(slots=2)
        for _ in range(2):
            measure("GaussianNB, 20 fits", "pool")
    print(f"{'ms, ' + ('cold' if arguments.cold else 'warm'):<42}" + "".join(f"{way:>14}" for way in WAYS))
    for name in [name for name in SEARCHES if any(word in name for word in arguments.only.split("|"))]:
        figures: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(arguments.rounds):
            for way in WAYS:
                figures[way].append((_measure_cold if arguments.cold else measure)(name, way))
        print(f"{name:<42}" + "".join(f"{statistics.median(figures[way]):>14.1f}" for way in WAYS), flush=True)


if __name__ == "__main__":
    main()
