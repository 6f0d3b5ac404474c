"""What the pool runs for a search's refit: one fit on all rows, which answers with the fitted estimator."""

from __future__ import annotations

import contextlib
import copy
import io
import pickle
import random
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sklearn

from anabranch.model_selection.said import Printed, Said, hang_on
from anabranch.store.pickler import ReferencePickler

#: The only generator of NumPy's global state that every version can be given.
_GENERATOR = "MT19937"
_VALUES = (type(None), bool, int, float, complex, str, bytes)


@dataclass(frozen=True)
class Surroundings:
    """What a fit sees of the process that it is called in: configuration, filters of warnings, generators, threads.

    Parameters
    ----------
    native_threads : dict of str to int
        Of libraries, for each kind of them.
    """

    native_threads: Mapping[str, int]
    config: Mapping[str, Any] = field(default_factory=sklearn.get_config)
    filters: Sequence[Any] = field(default_factory=lambda: list(warnings.filters))
    drawn: tuple[Any, Any] = field(default_factory=lambda: global_generators())

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Have them here."""
        from threadpoolctl import threadpool_limits

        own = global_generators()
        with (
            sklearn.config_context(**self.config),
            warnings.catch_warnings(),
            threadpool_limits(dict(self.native_threads)),
        ):
            # As scikit-learn's own `Parallel` hands them on.
            warnings.filters = list(self.filters)  # type: ignore[misc]
            set_global_generators(self.drawn)
            try:
                yield
            finally:
                set_global_generators(own)


def global_generators() -> tuple[Any, Any]:
    """Return the states of NumPy's and Python's global generators; None for one that another process may not have."""
    numpys: Any = np.random.get_state(legacy=False)
    return random.getstate(), numpys if numpys["bit_generator"] == _GENERATOR else None


def set_global_generators(drawn: tuple[Any, Any]) -> None:
    """Set the states of both, as far as they are known."""
    random.setstate(drawn[0])
    if drawn[1] is not None:
        np.random.set_state(drawn[1])


class Refitted(Said):
    """A fitted estimator, and what its fit said.

    What was its user's own, rows and functions among it, is not in it: it is named by number, and found again.

    Attributes
    ----------
    seconds : float
        What the fit took.
    warnings, printed
        As of `Said`.
    drawn : tuple
        States of the global generators behind the fit.
    cannot : str
        Why the estimator cannot be pickled; empty when it is here.
    """

    def __init__(
        self, estimator: Any, own: Sequence[Any], seconds: float, drawn: tuple[Any, Any], printed: str, said: list
    ) -> None:
        super().__init__(said, printed)
        self.seconds = seconds
        self.drawn = drawn
        self.cannot = ""
        stream = io.BytesIO()
        buffers: list[pickle.PickleBuffer] = []
        numbers = {id(one): number for number, one in enumerate(own) if not isinstance(one, _VALUES)}
        try:
            ReferencePickler(stream, buffers.append, lambda obj: numbers.get(id(obj))).dump(estimator)
            self._content = np.frombuffer(stream.getvalue(), np.uint8)
            self._buffers = [_array(buffer) for buffer in buffers]
        except Exception as error:
            self.cannot = f"{type(error).__name__}: {error}"

    def load(self, own: Sequence[Any]) -> Any:
        """Return the estimator on memory of its own.

        Parameters
        ----------
        own : sequence
            Here, what it was in the task.
        """

        class Unpickler(pickle.Unpickler):
            def persistent_load(self, number: int) -> Any:
                return own[number]

        estimator = Unpickler(io.BytesIO(self._content), buffers=self._buffers).load()
        if not self._buffers:
            return estimator
        # All that lies in the store is copied, and nothing of what is the user's.
        return copy.deepcopy(estimator, {id(one): one for one in own})


def refit(
    given: tuple[Any, Sequence[Any]],
    data: Sequence[Any],
    params: Mapping[str, Any],
    surroundings: Surroundings,
    *,
    on_copies: bool = False,
) -> Refitted:
    """Fit an estimator as it would be in its user's process.

    Parameters
    ----------
    given : (estimator, sequence)
        What is to be fitted, and what of it is to be found again.
    data : sequence
        X, or X and y.
    params : dict
        Of its ``fit``.
    surroundings : Surroundings
    on_copies : bool
        Give it data that it may write to; what it keeps of them then is its own.
    """
    estimator, parts = given
    own = [None] * (len(data) + len(params)) if on_copies else [*data, *params.values()]
    if on_copies:
        data, params = copy.deepcopy((data, params))
    printed = Printed()
    with surroundings.entered(), contextlib.redirect_stdout(printed), warnings.catch_warnings(record=True) as log:
        begun = time.time()
        try:
            estimator.fit(*data, **params)
        except Exception as error:
            hang_on(error, Said(_of(log), printed.getvalue()))
            raise
        seconds = time.time() - begun
        drawn = global_generators()
    return Refitted(estimator, [*own, *parts], seconds, drawn, printed.getvalue(), _of(log))


def _of(log: Sequence[warnings.WarningMessage]) -> list[tuple[Any, type[Warning], str, int]]:
    return [(one.message, one.category, one.filename, one.lineno) for one in log]


def _array(buffer: pickle.PickleBuffer) -> np.ndarray:
    content = buffer.raw()
    return np.frombuffer(content, np.uint8) if len(content) else np.empty(0, np.uint8)
