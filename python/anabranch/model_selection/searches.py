"""scikit-learn's searches over candidates, run on the pool."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import sklearn.model_selection

# What makes the halving searches importable, in every version.
from sklearn.experimental import enable_halving_search_cv  # noqa: F401

from anabranch.model_selection.backend import SearchBackend, on_pool
from anabranch.model_selection.callbacks import has_callbacks
from anabranch.model_selection.inner import within_task
from anabranch.model_selection.kept import KeptCandidate, check_ranked, kept_candidates
from anabranch.model_selection.nesting import runs_in_process
from anabranch.model_selection.options import current_options
from anabranch.model_selection.refit import Refit, as_left
from anabranch.model_selection.sharing import Sharing
from anabranch.waiting import inside_task

#: The fit of the search that is being fitted here.
_fitting: ContextVar[_Fitting | None] = ContextVar("anabranch_fitting", default=None)


@dataclass
class _Fitting:
    """One fit of a search; what follows its candidates does not use its backend.

    Parameters
    ----------
    search : BaseSearchCV
    backend : SearchBackend
    leave_pool : callable
        Ends the use of the backend.
    is_inner : bool
        It runs within a task, or within a search of this process; so does its refit.
    """

    search: Any
    backend: SearchBackend
    leave_pool: Callable[[], None]
    is_inner: bool = False
    refit: Refit | None = None
    asked: Any = None
    fitted: Any = None

    def refits(self, estimator: Any) -> None:
        """Have the search's best estimator fitted on the pool if its candidates were, or if it is held to limits."""
        if self.is_inner or self.refit is not None:
            return
        options = current_options()
        on_pool = bool(self.backend.held) and not inside_task()
        if on_pool or options.limited:
            self.asked = estimator
            self.refit = Refit(estimator, self.search.best_params_, options, self.backend.held.store, self._take)

    def _take(self, fitted: Any) -> None:
        self.search.best_estimator_ = self.fitted = fitted

    def end(self) -> None:
        """Tell the search what only the pool knows of its refit."""
        if self.refit is not None and self.refit.seconds is not None:
            as_left(self.fitted, self.asked)
            self.search.refit_time_ = self.refit.seconds


class OnPool:
    """Runs a scikit-learn search's candidates on the pool; all else is scikit-learn's.

    Attributes
    ----------
    sharing_ : Sharing
        How often each step was fitted, and how often it would have been if nothing were shared.
    top_k_ : list of KeptCandidate
        With ``options(top_k=...)``: the best candidates, each with the models that were scored in the folds.
    """

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Run fit with all sets of parameters; see scikit-learn's method."""
        is_inner = runs_in_process()
        with contextlib.ExitStack() as stack:
            top_k = 0 if is_inner else current_options().top_k
            if top_k:
                check_ranked(self, top_k)
            backend: Any = stack.enter_context(within_task() if is_inner else on_pool(keeps_models=top_k > 0))
            fitting = _Fitting(self, backend, stack.close, is_inner)
            token = _fitting.set(fitting)
            try:
                super().fit(X, y, **params)  # type: ignore[misc]
                fitting.end()
            finally:
                _fitting.reset(token)
                if fitting.refit is not None:
                    fitting.refit.stand_aside()
                if not is_inner:
                    backend.held.release()
            self.sharing_: Sharing = backend.sharing
            vars(self).pop("top_k_", None)
            if top_k:
                self.top_k_: list[KeptCandidate] = kept_candidates(self, backend.models, top_k)
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute. With ``best_estimator_``, scikit-learn is about to refit: see `Refit`."""
        super().__setattr__(name, value)
        if name == "best_estimator_":
            fitting = _fitting.get()
            if fitting is not None and fitting.search is self:
                fitting.refits(value)

    def _run_search(self, evaluate_candidates: Callable, *, callback_ctx: Any = None) -> None:
        """Evaluate the candidates, and leave the pool before the refit; scikit-learn's interface for subclasses."""
        told = has_callbacks(self)

        def evaluate(
            candidate_params: Any, cv: Any = None, more_results: Any = None, callback_ctx: Any = None
        ) -> dict[str, Any]:
            # A context for each candidate and fold is of use to callbacks only.
            named = {"callback_ctx": callback_ctx} if told and callback_ctx is not None else {}
            return evaluate_candidates(candidate_params, cv=cv, more_results=more_results, **named)

        named = {} if callback_ctx is None else {"callback_ctx": callback_ctx}
        self._propose(evaluate, named)
        fitting = _fitting.get()
        # One within a task of another search has no pool of its own.
        if fitting is not None and fitting.search is self:
            fitting.leave_pool()

    def _propose(self, evaluate: Callable, named: dict[str, Any]) -> None:
        """Call ``evaluate`` with candidates, as often as there are new ones."""
        super()._run_search(evaluate, **named)  # type: ignore[misc]


class GridSearchCV(OnPool, sklearn.model_selection.GridSearchCV):
    """scikit-learn's `GridSearchCV`, its parameters and attributes, with its candidates fitted on the pool."""


class RandomizedSearchCV(OnPool, sklearn.model_selection.RandomizedSearchCV):
    """scikit-learn's `RandomizedSearchCV`, its parameters and attributes, with its candidates fitted on the pool."""


class HalvingGridSearchCV(OnPool, sklearn.model_selection.HalvingGridSearchCV):
    """scikit-learn's `HalvingGridSearchCV`, its parameters and attributes, with its candidates fitted on the pool."""


class HalvingRandomSearchCV(OnPool, sklearn.model_selection.HalvingRandomSearchCV):
    """scikit-learn's `HalvingRandomSearchCV`, its parameters and attributes, with its candidates fitted on the pool."""
