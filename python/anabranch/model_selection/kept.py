"""The best candidates of a search, with the models that were scored in its folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from anabranch.errors import RequestError
from anabranch.model_selection.stored_model import StoredModel


@dataclass(frozen=True, eq=False)
class KeptCandidate:
    """One of the best candidates of a search.

    Attributes
    ----------
    index : int
        Its row in ``cv_results_``.
    params : dict
    mean_test_score : float
        Of the metric that ranks.
    """

    index: int
    params: dict[str, Any]
    mean_test_score: float
    _models: list[Any] = field(repr=False)

    @property
    def models(self) -> list[Any]:
        """The estimators that were fitted and scored in the folds, in their order; None where the fit failed.

        They are in the store until they are first read here. That may be after the pool has ended.
        """
        for fold, model in enumerate(self._models):
            if isinstance(model, StoredModel):
                self._models[fold] = model.load()
        return self._models


def check_ranked(search: Any, count: int) -> None:
    """Raise `RequestError` when it is plain before the fit that nothing will rank the candidates to be kept.

    Of a callable ``scoring`` it is known after the first scores only how many metrics it gives.
    """
    if isinstance(search.scoring, (list, tuple, set, dict)):
        _ranking_metric(search, count)


def _ranking_metric(search: Any, count: int) -> str:
    if not isinstance(search.refit, str):
        raise RequestError(
            f"options(top_k={count}): with several metrics, refit must name the one that ranks; it is {search.refit!r}"
        )
    return search.refit


def kept_candidates(search: Any, models: Sequence[Any], count: int) -> list[KeptCandidate]:
    """Return the best candidates of a fitted search, the best first.

    Parameters
    ----------
    search : BaseSearchCV
    models : sequence of StoredModel, estimator or None
        Candidate after candidate, as in ``cv_results_``, and fold after fold.
    count : int
        How many, at most. Candidates without a score are not among them, and of a halving search only those of the
        last iteration are.

    Raises
    ------
    RequestError
        When there are several metrics and ``refit`` names none to rank by.
    """
    metric = _ranking_metric(search, count) if search.multimetric_ else "score"
    results = search.cv_results_
    means = np.asarray(results[f"mean_test_{metric}"])
    ranks = results[f"rank_test_{metric}"]
    last = results["iter"] == np.max(results["iter"]) if "iter" in results else np.ones(len(means), dtype=bool)
    rows = [int(row) for row in np.argsort(ranks, kind="stable") if last[row] and not np.isnan(means[row])]
    folds = search.n_splits_
    return [
        KeptCandidate(row, results["params"][row], float(means[row]), list(models[row * folds : (row + 1) * folds]))
        for row in rows[:count]
    ]
