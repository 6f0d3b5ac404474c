"""A search whose candidates are proposed while it runs: by an optimiser, or by a function of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import sklearn.model_selection

from anabranch.model_selection.searches import OnPool

#: What a driver is given: candidates in, all results so far out.
Evaluate = Callable[[Iterable[Mapping[str, Any]]], dict[str, Any]]


class DrivenSearchCV(OnPool, sklearn.model_selection.GridSearchCV):
    """A search that asks a driver for candidates and tells it their scores.

    Candidates of one call of ``evaluate`` run together and share their common steps. All else, results, refit and
    attributes, is as for `GridSearchCV`.

    Parameters
    ----------
    estimator : estimator
    driver : callable
        Called with ``evaluate``, a function of a list of candidates (dicts of parameters) that returns all results so
        far as in ``cv_results_``; those of the candidates are the last ones, in their order. The search ends when the
        driver returns; when it has proposed nothing, `fit` raises ValueError.
    scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        As for `GridSearchCV`.

    Examples
    --------
    With Optuna, four candidates at a time::

        study = optuna.create_study(direction="maximize")

        def drive(evaluate):
            for _ in range(10):
                trials = [study.ask({"clf__C": FloatDistribution(1e-3, 1e3, log=True)}) for _ in range(4)]
                results = evaluate([trial.params for trial in trials])
                for trial, score in zip(trials, results["mean_test_score"][-4:]):
                    study.tell(trial, score)

        search = DrivenSearchCV(pipeline, drive, cv=5).fit(X, y)
    """

    def __init__(
        self,
        estimator: Any,
        driver: Callable[[Evaluate], None],
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        error_score: Any = np.nan,
        return_train_score: bool = False,
    ) -> None:
        self.estimator = estimator
        self.driver = driver
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.refit = refit
        self.cv = cv
        self.verbose = verbose
        self.pre_dispatch = pre_dispatch
        self.error_score = error_score
        self.return_train_score = return_train_score

    def _propose(self, evaluate: Callable, named: Mapping[str, Any]) -> None:
        proposed = 0

        def evaluate_list(candidates: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
            nonlocal proposed
            settings = [dict(candidate) for candidate in candidates]
            proposed += len(settings)
            return evaluate(settings, **named)

        self.driver(evaluate_list)
        if not proposed:
            raise ValueError(
                f"DrivenSearchCV(driver={self.driver!r}): the driver returned without a candidate; it has to call its "
                "argument, evaluate, with a list of dicts of parameters at least once"
            )
