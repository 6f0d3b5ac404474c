"""Plain scikit-learn with joblib's own processes."""

from __future__ import annotations

from functools import partial

from sklearn.model_selection import GridSearchCV

import searches
from workloads import SLOTS


class ScikitLearnJobs:
    """``n_jobs=`` of the search."""

    def __init__(self) -> None:
        self.search = partial(GridSearchCV, n_jobs=SLOTS)

    def digits(self) -> float:
        return searches.digits(self.search)

    def flights(self) -> float:
        return searches.flights(self.search)
