"""Searches within a task: one after the other there, with their common steps shared among their own candidates."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import joblib

from anabranch.jobs_backend import JobsBackend
from anabranch.model_selection.callbacks import drop_unheard
from anabranch.model_selection.calls import Call
from anabranch.model_selection.gathering import GatheringBackend
from anabranch.model_selection.options import current_options
from anabranch.model_selection.sharing import Sharing
from anabranch.runtime.searches import has_jobs, has_search, reaches_pool

#: Seconds that the calls of an estimator with ``n_jobs`` run in a search's task alone: other fits may have all slots.
PATIENCE = 0.5


class InnerBackend(GatheringBackend):
    """Runs the fits of a search where they are, each shared step once, and all other calls as they come.

    Attributes
    ----------
    sharing : Sharing
        What the fits so far have computed.
    """

    def __init__(self, **_: Any) -> None:
        super().__init__()
        self.sharing = Sharing()

    def answer(self, calls: Sequence[Call]) -> list[Any]:
        """Return the results of all calls."""
        if all(call.is_fit for call in calls):
            from anabranch.model_selection.dispatch import run_within

            drop_unheard(calls)
            return run_within(calls, self.sharing)
        # The members of a vote may be searches.
        with joblib.parallel_config(backend=InnerBackend()):
            return [call.function(*call.arguments, **call.named) for call in calls]


@contextlib.contextmanager
def within_task() -> Iterator[InnerBackend]:
    """Have joblib's calls within the block run in this process, those of a search with shared steps."""
    backend = InnerBackend()
    with joblib.parallel_config(backend=backend):
        yield backend


def backend_for(estimators: Sequence[Any]) -> Any:
    """Return the joblib backend for what is nested in a call of a search: ``n_jobs``, and other searches."""
    if any(map(has_search, estimators)):
        return InnerBackend()
    if any(map(has_jobs, estimators)):
        # Whatever the calls of a search are held to, others would not be.
        spreads = reaches_pool() and not current_options().limited
        return JobsBackend("sequential", PATIENCE if spreads else None)
    return "sequential"


def in_place(calls: Sequence[Call]) -> list[Any]:
    """Run calls one after the other, where they are."""
    results = []
    for call in calls:
        with joblib.parallel_config(backend=backend_for(involved(call.arguments[:1], call.named))):
            results.append(call.function(*call.arguments, **call.named))
    return results


def involved(estimators: Iterable[Any], named: dict[str, Any]) -> list[Any]:
    """Return estimators with those among the parameters that are set on them."""
    parameters = named.get("parameters")
    return [*estimators, *(parameters.values() if isinstance(parameters, dict) else ())]
