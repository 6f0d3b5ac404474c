"""scikit-learn's searches and validations on the pool, with every common step fitted once.

The names, parameters, attributes and results are those of `sklearn.model_selection`; `docs/scikit-learn.md` says how
sharing works and what is told by `options`.
"""

from __future__ import annotations

from anabranch.model_selection.driven import DrivenSearchCV
from anabranch.model_selection.kept import KeptCandidate
from anabranch.model_selection.options import options
from anabranch.model_selection.searches import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
)
from anabranch.model_selection.sharing import Sharing
from anabranch.model_selection.validation import (
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)

__all__ = [
    "DrivenSearchCV",
    "GridSearchCV",
    "HalvingGridSearchCV",
    "HalvingRandomSearchCV",
    "KeptCandidate",
    "RandomizedSearchCV",
    "Sharing",
    "cross_val_predict",
    "cross_val_score",
    "cross_validate",
    "learning_curve",
    "options",
    "permutation_test_score",
    "validation_curve",
]
