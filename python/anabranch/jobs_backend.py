"""The joblib backend under which a task fits an estimator whose ``n_jobs`` asks for more than one process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from joblib.parallel import BACKENDS, FallbackToBackend

from anabranch.cores import available_cores
from anabranch.gathering import GatheringBackend, PlainCall
from anabranch.spread_calls import run_spread


class JobsBackend(GatheringBackend):
    """Runs calls in the task, and on slots that are free beside it; those that prefer threads have the task's own.

    Parameters
    ----------
    threads : str
        The backend of joblib's for calls that prefer threads.
    patience : float, optional
        Seconds that calls run in the task alone; None for all of them.
    """

    #: So that those who need threads are told to use others, here.
    supports_sharedmem = True
    supports_return_generator = True
    #: Of whoever says nothing of ``n_jobs``.
    default_n_jobs = 1

    def __init__(self, threads: str = "threading", patience: float | None = None, **_: Any) -> None:
        super().__init__()
        self._threads = threads
        self._patience = patience

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return what joblib returns by itself in a process that has all cores: estimators cut their work by it."""
        return super().effective_n_jobs(n_jobs) if self._is_open else self._asked(n_jobs)

    def configure(
        self, n_jobs: int = 1, parallel: Any = None, prefer: str | None = None, require: str | None = None, **named: Any
    ) -> int:
        """Begin a `joblib.Parallel`."""
        if self._asked(n_jobs) == 1:
            return 1
        if prefer == "threads" or require == "sharedmem" or getattr(parallel, "return_generator", False):
            raise FallbackToBackend(BACKENDS[self._threads](nesting_level=self.nesting_level))
        return super().configure(n_jobs, parallel, **named)

    def answer(self, calls: Sequence[PlainCall]) -> list[Any]:
        """Return the results of all calls."""
        return run_spread(calls, self._patience)

    def _asked(self, n_jobs: int | None) -> int:
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if n_jobs is None:
            return 1
        return n_jobs if n_jobs > 0 else max(available_cores() + 1 + n_jobs, 1)
