"""What is parallel in the estimators that a task fits: searches, whose candidates are tasks too, and ``n_jobs``."""

from __future__ import annotations

import contextlib
import os
import sys
from contextlib import AbstractContextManager
from typing import Any

from anabranch.v1 import task_pb2
from anabranch.waiting import inside_task

#: Seconds that the calls of an estimator with ``n_jobs`` run in its task alone: many times what sending them costs.
PATIENCE = 0.1


def calls_on_pool(task: task_pb2.Task, estimator: Any) -> AbstractContextManager[Any]:
    """Return a block in which the fits of scikit-learn's searches run on the pool, as those of ours do by themselves.

    There joblib's other calls use slots that are free, where the task's own has one thread.

    It is an empty one, so that all runs in the task, where there is neither search nor ``n_jobs``, where the task is
    held to a limit of memory, for others would not be, and where a run's seed has been given to this process's
    generators.
    """
    seeded = task.WhichOneof("work") == "fit" and task.fit.has_seed
    if seeded or task.limits.memory_bytes or not reaches_pool():
        return contextlib.nullcontext()
    if has_search(estimator):
        import joblib

        from anabranch.model_selection.in_task import InTaskBackend

        return joblib.parallel_config(backend=InTaskBackend())
    if os.environ.get("LOKY_MAX_CPU_COUNT") == "1" and has_jobs(estimator):
        import joblib

        from anabranch.jobs_backend import JobsBackend

        return joblib.parallel_config(backend=JobsBackend(patience=PATIENCE))
    return contextlib.nullcontext()


def reaches_pool() -> bool:
    """Whether this task can submit others."""
    return inside_task() and bool(os.environ.get("ANABRANCH_ADDRESS"))


def has_search(estimator: Any) -> bool:
    """Whether an estimator is a search, or has one among its parameters."""
    # Who has a search has imported this.
    if "sklearn.model_selection" not in sys.modules:
        return False
    return _is_search(estimator) or any(map(_is_search, _parameters(estimator).values()))


def has_jobs(estimator: Any) -> bool:
    """Whether an estimator, or one among its parameters, is told to use several processes or threads."""
    return any(
        value not in (None, 1) and (name == "n_jobs" or name.endswith("__n_jobs"))
        for name, value in _parameters(estimator).items()
        if isinstance(value, int)
    )


def _parameters(estimator: Any) -> dict[str, Any]:
    get_params = getattr(estimator, "get_params", None)
    return {} if get_params is None or isinstance(estimator, type) else get_params(deep=True)


def _is_search(estimator: Any) -> bool:
    # The method by which scikit-learn's searches are told apart in its documentation for those who derive from them.
    return hasattr(type(estimator), "_run_search") and not isinstance(estimator, type)
