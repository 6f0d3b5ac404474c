"""A joblib backend that sees all calls of a `joblib.Parallel` before the first of them runs."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from joblib.parallel import ParallelBackendBase


class PlainCall(NamedTuple):
    """One call: a function as it was given to joblib, with its arguments."""

    function: Callable
    arguments: tuple
    named: dict[str, Any]


class GatheringBackend(ParallelBackendBase):
    """Gathers calls, and answers them together when joblib begins to ask for results."""

    supports_retrieve_callback = False
    supports_timeout = True
    uses_threads = False
    supports_sharedmem = False
    #: Makes what `answer` gets of a function and its arguments.
    call: Callable[[Callable, tuple, dict[str, Any]], Any] = PlainCall

    def __init__(self, **_: Any) -> None:
        super().__init__()
        self._gathered: list[tuple[_Batch, Callable | None]] = []
        self._callbacks: list[Callable] = []
        self._is_open = False

    @abstractmethod
    def answer(self, calls: Sequence[Any]) -> list[Any]:
        """Return the results of all calls of one `joblib.Parallel`, in order."""

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return a number above 1 to a `joblib.Parallel`: with 1, it would run the calls itself.

        All others that ask, to split their work in as many parts, hear that calls run one after the other.
        """
        return 2 if self._is_open else 1

    def configure(self, n_jobs: int = 1, parallel: Any = None, **named: Any) -> int:
        """Begin a `joblib.Parallel`."""
        self.parallel = parallel
        self._is_open = True
        return self.effective_n_jobs(n_jobs)

    def terminate(self) -> None:
        """End a `joblib.Parallel`."""
        self._is_open = False

    def compute_batch_size(self) -> int:
        """Return how many calls joblib hands over together; each of them is looked at by itself."""
        return 64

    def submit(self, func: Any, callback: Callable | None = None) -> Any:
        """Gather a batch of calls."""
        batch = _Batch([self.call(*item) for item in func.items], self._run)
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
        self._is_open = self._is_open and ensure_ready

    def _run(self) -> None:
        gathered, self._gathered = self._gathered, []
        calls = [call for batch, _ in gathered for call in batch.calls]
        if not calls:
            return
        results = iter(self.answer(calls))
        for batch, _ in gathered:
            batch.results = [next(results) for _ in batch.calls]
            batch.calls = []


class _Batch:
    """What joblib holds for a batch until it asks for the results."""

    __slots__ = ("_run", "calls", "results")

    def __init__(self, calls: list[Any], run: Callable[[], None]) -> None:
        self.calls = calls
        self.results: list[Any] | None = None
        self._run = run

    def get(self, timeout: float | None = None) -> list[Any]:
        """Return the results; what joblib before 1.4 asks by itself."""
        if self.results is None:
            self._run()
        assert self.results is not None
        return self.results
