"""A joblib backend that sees all calls of a search before the first of them runs.

scikit-learn's searches and validations hand their fits to joblib, whose backends are an interface for others to
implement. So their own code makes the candidates, cuts the folds and reads the results; here the calls are gathered,
planned together, and run on the pool.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import joblib
from joblib.parallel import ParallelBackendBase

from anabranch.model_selection.calls import Call
from anabranch.model_selection.options import current_options
from anabranch.model_selection.sharing import Sharing


class SearchBackend(ParallelBackendBase):
    """Gathers calls, and runs them when joblib begins to ask for results.

    Attributes
    ----------
    sharing : Sharing
        What all calls so far have computed.
    models : list of estimator or None
        Those of all fits so far, in the order of their calls, when they are kept; None for one that failed.
    """

    supports_retrieve_callback = False
    supports_timeout = True
    uses_threads = False
    supports_sharedmem = False

    def __init__(self, *, keeps_models: bool = False, **_: Any) -> None:
        super().__init__()
        self.models: list[Any] = []
        self._keeps_models = keeps_models
        self.sharing = Sharing()
        self.most_calls: int | None = None
        self._gathered: list[tuple[_Batch, Callable | None]] = []
        self._callbacks: list[Callable] = []

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
        self.parallel = parallel
        self.most_calls = n_jobs if n_jobs is not None and n_jobs > 0 else None
        return self.effective_n_jobs(n_jobs)

    def compute_batch_size(self) -> int:
        """Return how many calls joblib hands over together; each of them is planned by itself."""
        return 64

    def submit(self, func: Any, callback: Callable | None = None) -> Any:
        """Gather a batch of calls."""
        batch = _Batch([Call(*item) for item in func.items], self._run)
        self._gathered.append((batch, callback))
        if callback is not None:
            self._callbacks.append(callback)
        return batch

    #: Its name before joblib 1.5.
    apply_async = submit

    @contextlib.contextmanager
    def retrieval_context(self) -> Iterator[None]:
        """Run what was gathered; joblib enters this when it has dispatched what ``pre_dispatch`` allows."""
        # Each callback has joblib dispatch more, until there is no more.
        while self._callbacks:
            self._callbacks.pop(0)(None)
        self._run()
        yield

    def retrieve_result(self, out: Any, timeout: float | None = None) -> Any:
        """Return the results of a batch."""
        return out.get(timeout)

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Forget what was not run; what runs has been stopped where the failure was met."""
        self._gathered.clear()
        self._callbacks.clear()

    def _run(self) -> None:
        from anabranch.model_selection.dispatch import run

        gathered, self._gathered = self._gathered, []
        calls = [call for batch, _ in gathered for call in batch.calls]
        if not calls:
            return
        fits = [call for call in calls if call.is_fit] if self._keeps_models else []
        for call in fits:
            call.named["return_estimator"] = True
        answers = run(calls, current_options(), self.most_calls, self.sharing)
        if fits:
            for call, answer in zip(calls, answers):
                if call.is_fit:
                    model = answer.pop("estimator")
                    self.models.append(None if answer.get("fit_error") else model)
        results = iter(answers)
        for batch, _ in gathered:
            batch.results = [next(results) for _ in batch.calls]
            batch.calls = []


class _Batch:
    """What joblib holds for a batch until it asks for the results."""

    __slots__ = ("_run", "calls", "results")

    def __init__(self, calls: list[Call], run: Callable[[], None]) -> None:
        self.calls = calls
        self.results: list[Any] | None = None
        self._run = run

    def get(self, timeout: float | None = None) -> list[Any]:
        """Return the results; what joblib before 1.4 asks by itself."""
        if self.results is None:
            self._run()
        assert self.results is not None
        return self.results


@contextlib.contextmanager
def on_pool(*, keeps_models: bool = False) -> Iterator[SearchBackend]:
    """Have joblib's calls within the block run on the pool, and keep the models of its fits if told to."""
    backend = SearchBackend(keeps_models=keeps_models)
    with joblib.parallel_config(backend=backend, n_jobs=-1):
        yield backend
