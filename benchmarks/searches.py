"""The searches that systems are measured with; warm, and without the refit, which is the same for all."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

from sklearn.exceptions import ConvergenceWarning


def digits(search: Callable[..., Any], *, memory: str | None = None) -> float:
    """Return the seconds of a grid over digits: 2 settings of a PCA, 8 of a model behind it, 5 folds.

    Parameters
    ----------
    search : callable
        A `GridSearchCV`, with what is the system's own.
    memory : str, optional
        Directory for the pipeline's ``memory=``.
    """
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    X, y = load_digits(return_X_y=True)
    steps = [
        ("scale", StandardScaler()),
        ("expand", PolynomialFeatures(2)),
        ("pca", PCA(random_state=0)),
        ("model", LogisticRegression(max_iter=200)),
    ]
    grid = {"pca__n_components": [20, 40], "model__C": np.logspace(-4, 3, 8)}
    return _measured(search, Pipeline(steps, memory=memory), grid, X, y)


def tiny_fits(search: Callable[..., Any]) -> float:
    """Return the seconds of 20,000 fits that take about a millisecond with their scores."""
    import numpy as np
    from sklearn.naive_bayes import GaussianNB

    X = np.random.default_rng(0).normal(size=(300, 10))
    y = (X[:, 0] > 0).astype(int)
    return _measured(search, GaussianNB(), {"var_smoothing": np.logspace(-9, 0, 4000)}, X, y)


def _measured(search: Callable[..., Any], estimator: Any, grid: dict[str, Any], X: Any, y: Any) -> float:
    # Those of the largest C do not converge, in any system.
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    first = {name: values[:2] for name, values in grid.items()}
    # Every process has imported what it needs, and has its threads.
    search(estimator, first, cv=2, refit=False).fit(X[:200], y[:200])
    begun = time.perf_counter()
    search(estimator, grid, cv=5, refit=False).fit(X, y)
    return time.perf_counter() - begun
