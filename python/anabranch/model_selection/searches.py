"""scikit-learn's searches over candidates, run on the pool."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import sklearn.model_selection

# What makes the halving searches importable, in every version.
from sklearn.experimental import enable_halving_search_cv  # noqa: F401

from anabranch.model_selection.backend import on_pool
from anabranch.model_selection.kept import KeptCandidate, check_ranked, kept_candidates
from anabranch.model_selection.nesting import runs_in_process
from anabranch.model_selection.options import current_options
from anabranch.model_selection.sharing import Sharing

#: Ends the use of the pool of the search that is being fitted here: what follows its candidates is for this process.
_leave_pool: ContextVar[Callable[[], None]] = ContextVar("anabranch_leave_pool", default=lambda: None)


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
        if runs_in_process():
            return super().fit(X, y, **params)  # type: ignore[misc]
        with contextlib.ExitStack() as stack:
            top_k = current_options().top_k
            if top_k:
                check_ranked(self, top_k)
            backend = stack.enter_context(on_pool(keeps_models=top_k > 0))
            token = _leave_pool.set(stack.close)
            try:
                super().fit(X, y, **params)  # type: ignore[misc]
            finally:
                _leave_pool.reset(token)
            self.sharing_: Sharing = backend.sharing
            vars(self).pop("top_k_", None)
            if top_k:
                self.top_k_: list[KeptCandidate] = kept_candidates(self, backend.models, top_k)
        return self

    def _run_search(self, evaluate_candidates: Callable, *, callback_ctx: Any = None) -> None:
        """Evaluate the candidates, and leave the pool before the refit; scikit-learn's interface for subclasses."""
        told = _has_callbacks(self)

        def evaluate(
            candidate_params: Any, cv: Any = None, more_results: Any = None, callback_ctx: Any = None
        ) -> dict[str, Any]:
            # A context for each candidate and fold is of use to callbacks only.
            named = {"callback_ctx": callback_ctx} if told and callback_ctx is not None else {}
            return evaluate_candidates(candidate_params, cv=cv, more_results=more_results, **named)

        named = {} if callback_ctx is None else {"callback_ctx": callback_ctx}
        self._propose(evaluate, named)
        _leave_pool.get()()

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


def _has_callbacks(search: Any) -> bool:
    """Whether callbacks are set on the search, or on an estimator in it."""
    parts = [search, *(part for part in search.get_params().values() if hasattr(part, "set_callbacks"))]
    return any(_registered(part) for part in parts if not isinstance(part, type))


def _registered(estimator: Any) -> bool:
    # By whatever name the installed scikit-learn keeps them. The context that its fit has just made says nothing: it
    # makes one without callbacks too.
    return any("callback" in name and name != "_callback_fit_ctx" and value for name, value in vars(estimator).items())
