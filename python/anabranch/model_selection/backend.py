"""The joblib backend by which scikit-learn's searches and validations run on the pool.

They hand their fits to joblib, whose backends are an interface for others to implement. So their own code makes the
candidates, cuts the folds and reads the results; here the calls are planned together, and run on the pool.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import joblib

from anabranch.model_selection.break_even import Pace
from anabranch.model_selection.calls import Call, place
from anabranch.model_selection.gathering import GatheringBackend
from anabranch.model_selection.held_data import HeldData
from anabranch.model_selection.options import current_options
from anabranch.model_selection.sharing import Sharing
from anabranch.model_selection.stored_model import STORED


class SearchBackend(GatheringBackend):
    """Runs the calls of a search on the pool.

    Attributes
    ----------
    sharing : Sharing
        What all calls so far have computed.
    models : list of StoredModel, estimator or None
        Those of all fits so far, in the order of their calls, when they are kept; None for one that failed, and the
        estimator itself where it cannot be pickled.
    held : HeldData
        The data that all its fits have, in the store once the first of them went there.
    """

    def __init__(self, *, keeps_models: bool = False, **_: Any) -> None:
        super().__init__()
        self.models: list[Any] = []
        self._keeps_models = keeps_models
        self.sharing = Sharing()
        self.held = HeldData()
        self._pace = Pace()
        self.most_calls: int | None = None

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return a number above 1: with 1, joblib would run the calls in this process."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        from anabranch.cores import available_cores

        if n_jobs is None or n_jobs < 0:
            return max(2, available_cores() + 1 + (n_jobs or -1))
        return max(2, n_jobs)

    def configure(self, n_jobs: int = 1, parallel: Any = None, **named: Any) -> int:
        """Note how many calls may run at a time: ``n_jobs``, where it is a number above 0."""
        if parallel is not None:
            # Of no effect here, also where joblib itself would refuse it: all calls are gathered before the first runs.
            parallel.pre_dispatch = "all"
        self.most_calls = n_jobs if n_jobs is not None and n_jobs > 0 else None
        return super().configure(n_jobs, parallel, **named)

    def answer(self, calls: Sequence[Call]) -> list[Any]:
        """Run calls on the pool, or here where that is faster."""
        from anabranch.model_selection.dispatch import run

        place(calls)
        fits = [call for call in calls if call.is_fit] if self._keeps_models else []
        for call in fits:
            call.named["return_estimator"] = STORED
        answers = run(calls, current_options(), self.most_calls, self.sharing, self._pace, self.held)
        if fits:
            for call, answer in zip(calls, answers):
                if call.is_fit:
                    model = answer.pop("estimator")
                    self.models.append(None if answer.get("fit_error") else model)
        return answers


@contextlib.contextmanager
def on_pool(*, keeps_models: bool = False) -> Iterator[SearchBackend]:
    """Have joblib's calls within the block run on the pool, and keep the models of its fits if told to."""
    backend = SearchBackend(keeps_models=keeps_models)
    with joblib.parallel_config(backend=backend, n_jobs=-1):
        yield backend
