"""A search's refit, run as one task of the pool where scikit-learn would fit in this process."""

from __future__ import annotations

import concurrent.futures
import pickle
import time
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from anabranch.cores import available_cores
from anabranch.errors import TaskError
from anabranch.executor import Executor
from anabranch.model_selection.here import native_threads
from anabranch.model_selection.options import Options
from anabranch.model_selection.refit_task import Refitted, Surroundings, refit, set_global_generators
from anabranch.model_selection.said import Voice, taken_from
from anabranch.process_client import current
from anabranch.progress import Progress
from anabranch.references import Ref
from anabranch.runtime.private_copies import is_read_only_complaint
from anabranch.slots import slots_now
from anabranch.summary import Row, Summary

_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)


class Refit:
    """Stands in an estimator for its ``fit``, which scikit-learn then calls.

    Parameters
    ----------
    estimator : estimator
        Not yet fitted.
    candidate : dict
        Its parameters in the search, for messages.
    options : Options
    store : callable
        Returns a reference of a value that the search's own tasks may have used, too.
    take : callable
        Called with the fitted estimator.

    Attributes
    ----------
    seconds : float or None
        What the fit took on the pool; None where it was done here.
    """

    def __init__(
        self,
        estimator: Any,
        candidate: Mapping[str, Any],
        options: Options,
        store: Callable[[Any], Ref],
        take: Callable[[Any], None],
    ) -> None:
        self._estimator = estimator
        self._title = f"{type(estimator).__name__}, refit"
        self._where = f"candidate {candidate!r}, refit"
        self._options = options
        self._store = store
        self._take = take
        self.seconds: float | None = None
        # In the instance, where it hides the method of the class; what has no such place is fitted here.
        if hasattr(estimator, "__dict__"):
            vars(estimator)["fit"] = self

    def __call__(self, *data: Any, **params: Any) -> Any:
        """Fit the estimator on the pool, or here when it cannot cross and nothing says that it must."""
        self.stand_aside()
        parts = list(_parts(self._estimator))
        try:
            answer = self._answer(data, params, parts)
        except _CannotCross as error:
            if self._options.limited:
                raise TypeError(
                    f"{self._where}: {error}; only a process of the pool can be held to limits (timeout, memory)"
                ) from error.__cause__
            return self._estimator.fit(*data, **params)
        except Exception as error:
            Voice().say(taken_from(error))
            raise
        fitted = answer.load([*data, *params.values(), *parts])
        set_global_generators(answer.drawn)
        self.seconds = answer.seconds
        Voice().say(answer)
        self._take(fitted)
        return fitted

    def stand_aside(self) -> None:
        """Let the estimator have its own ``fit`` again."""
        if hasattr(self._estimator, "__dict__"):
            vars(self._estimator).pop("fit", None)

    def _answer(self, data: Sequence[Any], params: Mapping[str, Any], parts: Sequence[Any]) -> Refitted:
        try:
            answer = self._run(data, params, parts, on_copies=False)
        except ValueError as error:
            if not is_read_only_complaint(error):
                raise
            answer = self._run(data, params, parts, on_copies=True)
        if answer.cannot:
            raise _CannotCross(f"the fitted estimator cannot come back from the pool: {answer.cannot}")
        return answer

    def _run(self, data: Sequence[Any], params: Mapping[str, Any], parts: Sequence[Any], *, on_copies: bool) -> Any:
        threads = _threads(self._estimator)
        surroundings = Surroundings({kind: min(number, threads or 1) for kind, number in native_threads().items()})
        executor = Executor(threads=threads, timeout=self._options.timeout, memory=self._options.memory)
        try:
            try:
                given = current().put((self._estimator, parts), never_inline=True)
                stored = [self._store(one) for one in data]
                future = executor.submit(refit, given, stored, params, surroundings, on_copies=on_copies)
            except (TypeError, AttributeError, pickle.PicklingError) as error:
                raise _CannotCross(f"it cannot be sent to the pool: {error}") from error
            self._wait(future)
            return future.result()
        except TaskError as error:
            told = type(error)(f"{self._where}: {error}")
            raise told from error.__cause__
        finally:
            # Ctrl-C waits for nothing that runs.
            executor.shutdown(wait=True, cancel_futures=True)

    def _wait(self, future: concurrent.futures.Future) -> None:
        begun = time.monotonic()

        def summary() -> Summary:
            row = Row("refits", int(future.done()), 1, int(not future.done()))
            return Summary([row], time.monotonic() - begun, unit=row.name, ended=future.done())

        with Progress(self._title, self._options.progress) as shown:
            while not future.done():
                shown.update(summary)
                concurrent.futures.wait([future], shown.interval)
            shown.update(summary, last=True)


class _CannotCross(Exception):
    """An estimator cannot be pickled on one of its ways."""


def _parts(estimator: Any) -> Iterator[Any]:
    """Yield what is to be the very same in the fitted estimator: functions that are parameters, and callbacks."""
    inner = list(estimator.get_params().values()) if hasattr(estimator, "get_params") else []
    for one in inner:
        if isinstance(one, _FUNCTIONS):
            yield one
    for one in [estimator, *inner]:
        for _, value in _callbacks(one):
            yield from value if isinstance(value, list) else ()


def _callbacks(estimator: Any) -> list[tuple[str, Any]]:
    """Return what scikit-learn has noted of callbacks, by whatever name the installed version does."""
    attributes = {} if isinstance(estimator, type) else getattr(estimator, "__dict__", {})
    return [(name, value) for name, value in attributes.items() if "callback" in name]


def as_left(fitted: Any, estimator: Any) -> None:
    """Have the fitted estimator know of callbacks what the one that was to be fitted does, when the fit is over."""
    if hasattr(fitted, "__dict__"):
        for name, _ in _callbacks(fitted):
            del vars(fitted)[name]
        vars(fitted).update(_callbacks(estimator))


def _threads(estimator: Any) -> int | None:
    """Return the cores that the fit would use here, as far as the pool has them; None for one slot's share."""
    # How many a worker has is known of one's own pool only; in others' somebody may be waiting for them.
    slots = slots_now() if current().pool is not None else 0
    if not slots:
        return None
    cores = available_cores()
    params = estimator.get_params() if hasattr(estimator, "get_params") else {}
    is_parallel = any(name.rpartition("__")[2] == "n_jobs" and value not in (None, 1) for name, value in params.items())
    wanted = max([cores if is_parallel else 1, *native_threads().values()])
    return min(wanted, slots * max(1, cores // slots))
