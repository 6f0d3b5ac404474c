"""A joblib backend: ``joblib.parallel_config("anabranch")`` sends any `joblib.Parallel` to the pool.

joblib's protocol for backends: https://joblib.readthedocs.io/en/stable/custom_parallel_backend.html
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import joblib

from anabranch.call_future import CallFuture
from anabranch.executor import Executor
from anabranch.slots import pool_slots
from anabranch.stored_arguments import StoredArguments
from anabranch.waiting import inside_task

#: Seconds that a batch of calls should take: well above what one task costs, well below what a user waits for.
BATCH_SECONDS = 0.02
#: Calls in one batch, at most.
BATCH_CALLS = 1024


class AnabranchBackend(joblib.ParallelBackendBase):
    """Runs the calls of `joblib.Parallel` on the pool.

    Large arguments (arrays, frames, sparse matrices) are stored once for each call of `Parallel`, however many tasks
    take them, and are read-only there, as joblib's own memory maps are. What a task itself parallelises with joblib
    runs in its own process, one after the other: slots times threads never exceeds the cores.

    Parameters
    ----------
    nesting_level : int, optional
        Set by joblib.
    inner_max_num_threads : int, optional
        Cores that one task uses for native threads; the `threads` of `ab.Executor`.
    timeout, memory, retries
        As of `ab.Executor`: seconds and bytes that one batch of calls may take, further attempts for one whose process
        died.
    """

    default_n_jobs = -1
    supports_retrieve_callback = True
    supports_inner_max_num_threads = True

    def __init__(
        self,
        nesting_level: int | None = None,
        inner_max_num_threads: int | None = None,
        *,
        timeout: float | None = None,
        memory: int | str | None = None,
        retries: int = 0,
    ) -> None:
        super().__init__(nesting_level=nesting_level, inner_max_num_threads=inner_max_num_threads)
        self._limits = {"timeout": timeout, "memory": memory, "retries": retries}
        self._executor: Executor | None = None
        self._callbacks: ThreadPoolExecutor | None = None
        self._stored = StoredArguments()
        self._batch_size = 1
        self._seconds_per_call: float | None = None

    def __reduce__(self) -> Any:
        # joblib sends the nested backend along with each batch; a pool's connection stays here.
        return _nested, (self.nesting_level,)

    # ---- how much at a time

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return how many tasks run at a time: `n_jobs`, the pool's slots for -1, one fewer for -2, and so on.

        Raises
        ------
        ValueError
            For `n_jobs` of 0.
        ConnectionFailed
            When the pool has no worker.
        """
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if self.nesting_level or inside_task():
            return 1
        if n_jobs is not None and n_jobs > 0:
            return n_jobs
        return max(pool_slots() + 1 + (-1 if n_jobs is None else n_jobs), 1)

    def compute_batch_size(self) -> int:
        """Return how many calls go into the next task."""
        return self._batch_size

    def batch_completed(self, batch_size: int, duration: float) -> None:
        """Learn how long calls take (`duration` in seconds, waiting included), so that tiny ones travel together."""
        if batch_size != self._batch_size:
            return  # of before the size last changed
        seconds = duration / batch_size
        known = self._seconds_per_call
        self._seconds_per_call = seconds if known is None else 0.8 * known + 0.2 * seconds
        wanted = BATCH_SECONDS / max(self._seconds_per_call, BATCH_SECONDS / BATCH_CALLS)
        # Doubled at the most: the first calls of a series say little about the rest.
        self._batch_size = max(1, min(int(wanted), 2 * self._batch_size, BATCH_CALLS))

    # ---- a Parallel's life

    def configure(self, n_jobs: int = 1, parallel: Any = None, **options: Any) -> int:
        """Open a session for one `Parallel`, and return how many tasks run at a time.

        joblib's options for memory maps (``max_nbytes``, ``mmap_mode``, ``temp_folder``) are of no use here.
        """
        self.parallel = parallel
        slots = self.effective_n_jobs(n_jobs)
        if slots > 1 and self._executor is None:
            self._executor = Executor(threads=self.inner_max_num_threads, **self._limits)
            # joblib's callbacks submit the next tasks, which may wait for the store: not on the connection's thread.
            self._callbacks = ThreadPoolExecutor(1, thread_name_prefix="anabranch-joblib")
        return slots

    def stop_call(self) -> None:
        """Let go of the arguments of one call of `Parallel`: they may have changed before the next."""
        self._stored.clear()

    def terminate(self) -> None:
        """End the session; what runs is stopped."""
        executor, self._executor = self._executor, None
        callbacks, self._callbacks = self._callbacks, None
        self._stored.clear()
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)
        if callbacks is not None:
            callbacks.shutdown(wait=False)

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Cancel what has not ended: after an exception or Ctrl-C."""
        self.terminate()
        if ensure_ready:
            self.configure(n_jobs=self.parallel.n_jobs, parallel=self.parallel)

    def get_nested_backend(self) -> tuple[joblib.ParallelBackendBase, int | None]:
        """Return the backend for `Parallel` within a task: this one, which runs nested calls where they are."""
        return _nested((self.nesting_level or 0) + 1), None

    # ---- calls

    def submit(self, func: Callable[[], Any], callback: Callable[[Future], None] | None = None) -> Future:
        """Queue one batch of calls."""
        assert self._executor is not None
        items = getattr(func, "items", None)
        if isinstance(items, list):
            func.items = [self._stored.with_references(item) for item in items]  # type: ignore[attr-defined]
        future = self._executor.submit(_call, func)
        if callback is not None:
            future.add_done_callback(lambda ended: self._call_back(callback, ended))
        return future

    # The name that joblib before 1.5 calls.
    apply_async = submit

    def retrieve_result_callback(self, out: Future) -> Any:
        """Return the values of a batch that has ended, or raise what it raised. Users write into what they get."""
        return out.own_result() if isinstance(out, CallFuture) else out.result()

    def _call_back(self, callback: Callable[[Future], None], ended: Future) -> None:
        callbacks = self._callbacks
        if callbacks is not None:
            with contextlib.suppress(RuntimeError):  # ended meanwhile: nobody waits for it
                callbacks.submit(callback, ended)


def _nested(nesting_level: int | None) -> AnabranchBackend:
    return AnabranchBackend(nesting_level=nesting_level)


def _call(batch: Callable[[], Any]) -> Any:
    return batch()
