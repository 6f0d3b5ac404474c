"""The searches that systems are measured with; warm, and without the refit, which is the same for all."""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Callable
from typing import Any

from sklearn.exceptions import ConvergenceWarning

#: measurement -> a number that stands for the scores which its last search gave, to the bit.
SCORES: dict[str, int] = {}


def digits(search: Callable[..., Any], *, memory: str | None = None) -> float:
    """Return the seconds of a grid over digits: 2 settings of a PCA, 8 of a model behind it, 5 folds.

    Parameters
    ----------
    search : callable
        A `GridSearchCV`, with what is the system's own.
    memory : str, optional
        Directory for the pipeline's ``memory=``.
    """
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return digits_grid(search, X, y, memory=memory)


def digits_grid(search: Callable[..., Any], X: Any, y: Any, *, memory: str | None = None, models: int = 8) -> float:
    """Return the seconds of the grid of `digits` over these rows, with fewer settings of the model where asked for."""
    import numpy as np
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    steps = [
        ("scale", StandardScaler()),
        ("expand", PolynomialFeatures(2)),
        ("pca", PCA(random_state=0)),
        ("model", LogisticRegression(max_iter=200)),
    ]
    grid = {"pca__n_components": [20, 40], "model__C": np.logspace(-4, 3, models)}
    return _measured("digits", search, Pipeline(steps, memory=memory), grid, X, y)


def tiny_fits(search: Callable[..., Any]) -> float:
    """Return the seconds of 20,000 fits that take about a millisecond with their scores."""
    import numpy as np
    from sklearn.naive_bayes import GaussianNB

    X = np.random.default_rng(0).normal(size=(300, 10))
    y = (X[:, 0] > 0).astype(int)
    return _measured("tiny_fits", search, GaussianNB(), {"var_smoothing": np.logspace(-9, 0, 4000)}, X, y)


def flights(search: Callable[..., Any]) -> float:
    """Return the seconds of a grid over flights, mixed columns: 3 settings of an encoder, 9 of a tree, 5 folds."""
    X, y = _flights()
    return _measured("flights", search, _late(), _LATE_GRID, X, y)


def flights_work() -> float:
    """Return the seconds of the same with every distinct step once, one after the other: the work there is."""
    import itertools

    from sklearn.base import clone
    from sklearn.model_selection import StratifiedKFold

    X, y = _flights()
    (encoder, frequencies), *rest = _LATE_GRID.items()
    settings = [dict(zip([name for name, _ in rest], values)) for values in itertools.product(*dict(rest).values())]
    begun = time.perf_counter()
    for train, test in StratifiedKFold(5).split(X, y):
        X_train, y_train, X_test, y_test = X.iloc[train], y[train], X.iloc[test], y[test]
        for frequency in frequencies:
            pipeline = clone(_late()).set_params(**{encoder: frequency})
            columns = pipeline[0]
            seen = columns.fit_transform(X_train, y_train)
            unseen = columns.transform(X_test)
            for setting in settings:
                tree = clone(pipeline).set_params(**setting)[-1].fit(seen, y_train)
                tree.score(unseen, y_test)
    return time.perf_counter() - begun


_LATE_GRID = {
    "columns__categories__encode__min_frequency": [10, 50, 200],
    "tree__max_depth": [4, 8, 16],
    "tree__min_samples_leaf": [1, 20, 100],
}


def _flights() -> tuple[Any, Any]:
    import flights

    X, y, _, _ = flights.split_by_month(flights.load())
    return X, y.to_numpy()


def _late() -> Any:
    from sklearn.compose import ColumnTransformer, make_column_selector
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    numbers = Pipeline([("impute", SimpleImputer()), ("scale", StandardScaler())])
    categories = Pipeline([("encode", OneHotEncoder(handle_unknown="ignore"))])
    columns = ColumnTransformer(
        [
            ("numbers", numbers, make_column_selector(dtype_include="number")),
            ("categories", categories, make_column_selector(dtype_exclude="number")),
        ]
    )
    return Pipeline([("columns", columns), ("tree", DecisionTreeClassifier(random_state=0))])


def large(search: Callable[..., Any], store_bytes: Callable[[], int]) -> float:
    """Return how many folds' outputs a search of 10 folds over 500 MB held at most, beside X, y and the folds' rows.

    Parameters
    ----------
    search : callable
    store_bytes : callable
        What the store holds now, in bytes.
    """
    import threading

    import numpy as np
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X = np.random.default_rng(0).normal(size=(1_000_000, 62))
    y = (X[:, 0] > 0).astype(int)
    before = peak = store_bytes()
    over = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.01):
            peak = max(peak, store_bytes())

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        grid = {"gaussiannb__var_smoothing": [1e-9, 1e-6]}
        search(make_pipeline(StandardScaler(), GaussianNB()), grid, cv=10, refit=False).fit(X, y)
    finally:
        over.set()
        watching.join()
    # Which rows a fold trains on and which it tests: every row in each fold, once.
    rows = 10 * len(X) * np.dtype(np.intp).itemsize
    return (peak - before - X.nbytes - y.nbytes - rows) / X.nbytes


def _measured(name: str, search: Callable[..., Any], estimator: Any, grid: dict[str, Any], X: Any, y: Any) -> float:
    # Those of the largest C do not converge, in any system.
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    first = {name: values[:2] for name, values in grid.items()}
    # Every process has imported what it needs, and has its threads.
    search(estimator, first, cv=2, refit=False).fit(X[:200], y[:200])
    begun = time.perf_counter()
    fitted = search(estimator, grid, cv=5, refit=False).fit(X, y)
    seconds = time.perf_counter() - begun
    if hasattr(fitted, "n_splits_"):
        SCORES[name] = number_of_scores(fitted)
    return seconds


def number_of_scores(fitted: Any) -> int:
    """Return a number that differs when any score of any fold does, in its last bit."""
    import numpy as np

    content = hashlib.sha256()
    for fold in range(fitted.n_splits_):
        content.update(np.asarray(fitted.cv_results_[f"split{fold}_test_score"], dtype=float).tobytes())
    # What JSON's numbers hold exactly.
    return int.from_bytes(content.digest()[:6], "little")
