"""Successive halving: many candidates on few rows, the better half on twice as many, and so on.

python examples/halving_search.py
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import anabranch as ab


def main() -> None:
    """Search, and print the rounds."""
    X, y = load_digits(return_X_y=True)
    pipeline = Pipeline(
        [("scale", StandardScaler()), ("pca", PCA(random_state=0)), ("clf", LogisticRegression(max_iter=200))]
    )
    grid = {"pca__n_components": [10, 20], "clf__C": np.logspace(-3, 1, 6)}
    search = ab.model_selection.HalvingGridSearchCV(
        pipeline, grid, factor=2, cv=3, min_resources=200, random_state=0
    ).fit(X, y)
    for number, (candidates, rows) in enumerate(zip(search.n_candidates_, search.n_resources_)):
        scores = search.cv_results_["mean_test_score"][search.cv_results_["iter"] == number]
        print(f"round {number}: {candidates} candidates on {rows} rows, best {np.nanmax(scores):.4f}")
    print(f"best {search.best_params_}, fits {search.sharing_.fits}, without sharing {search.sharing_.fits_alone}")


if __name__ == "__main__":
    main()
