"""How a pipeline fits without fitting again what others have fitted: through scikit-learn's ``memory=`` interface.

A `Pipeline` hands each fit of a step before its last one to ``memory.cache(function)``. `Recall` is such a memory: it
answers the first steps with what is known of them and lets the others be fitted, in scikit-learn's own code and order,
with the parameters and metadata that the pipeline routes to them. `RecalledMethod` does the same for ``transform``
in scoring.
"""

from __future__ import annotations

import contextlib
import copy
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from anabranch.model_selection.branch_backend import BranchBackend
from anabranch.model_selection.branches import is_union
from anabranch.model_selection.shared_steps import Raised, SharedStep
from anabranch.model_selection.units import is_nested, units_within


def fresh(value: Any) -> Any:
    """Return the value as an object of the reader's own, on the same memory.

    What one reader does to a frame's columns, or to a list, no other then sees. An array has nothing but its memory,
    which is read-only, and a copy of one would be of that.
    """
    return value if isinstance(value, np.ndarray) else copy.copy(value)


class SegmentFitted(BaseException):
    """Ends a pipeline's fit when the steps that were wanted of it are fitted; no failure, so no `Exception`."""


class Recall:
    """A pipeline's ``memory`` for one fit, and that of the pipelines within it.

    Parameters
    ----------
    steps : sequence of SharedStep
        What is known, from the pipeline's first step on.
    output : object
        Of the last of them, for the training rows.
    until : int, optional
        Number of steps after which the fit ends with `SegmentFitted`. Then what a step raises is kept, not raised.
    branches : BranchBackend, optional
        Serves the fit of one union among the steps.
    """

    #: No place on a disk: the pipeline then fits its own steps, not clones of them.
    location = None

    def __init__(
        self,
        steps: Sequence[SharedStep],
        output: Any,
        until: int | None = None,
        branches: BranchBackend | None = None,
    ) -> None:
        self._known = list(steps)
        self._known_output = output
        self._until = until
        self._branches = branches
        self._position = 0
        self._raised = False
        self.fitted: list[SharedStep] = []
        self.output: Any = None

    def cache(self, function: Callable, **_: Any) -> Callable:
        """Return what the pipeline calls instead of ``function``; the interface of `joblib.Memory`."""

        def fit_transform(transformer: Any, X: Any, *others: Any, **named: Any) -> tuple[Any, Any]:
            own = self._position + units_within(transformer)
            if own < len(self._known):
                self._position = own + 1
                step = self._known[own]
                if step.error is not None:
                    raise step.error
                # Only the last known step's output is ever looked at.
                return (fresh(self._known_output) if own == len(self._known) - 1 else X), step.fitted
            return self._fit(function, (transformer, X, *others), named)

        return fit_transform

    def _fit(self, function: Callable, arguments: tuple, named: dict[str, Any]) -> tuple[Any, Any]:
        step = SharedStep("", within=units_within(arguments[0]))
        begun, before = time.time(), len(self.fitted)
        try:
            with self._within(arguments[0]):
                output, step.fitted = function(*arguments, **named)
        except Exception as error:
            if not self._raised:
                self._raised = True
                self._add(step, begun, before)
            if self._until is None:
                raise
            step.error = error
            raise SegmentFitted from None
        self._add(step, begun, before)
        if self._until is not None and self._position == self._until:
            self.output = output
            raise SegmentFitted
        return output, step.fitted

    def _add(self, step: SharedStep, begun: float, before: int) -> None:
        self._position += 1
        # What was fitted within it has its own time.
        step.fit_seconds = time.time() - begun - sum(inner.fit_seconds for inner in self.fitted[before:])
        self.fitted.append(step)

    @contextlib.contextmanager
    def _within(self, transformer: Any) -> Iterator[None]:
        """Be the memory of a nested pipeline too, and serve a union's branches, for as long as it fits."""
        if self._branches is not None and self._branches.position == self._position and is_union(transformer):
            with self._branches.fitting(transformer):
                yield
            return
        if not is_nested(transformer):
            yield
            return
        memory = transformer.memory
        transformer.memory = self
        try:
            yield
        finally:
            transformer.memory = memory


class RecalledMethod:
    """Stands in front of one method of an estimator and answers it for inputs whose outputs are known.

    All other calls are the estimator's. An input is known by identity, so that what a scorer makes of the rows is
    transformed as scikit-learn would.

    Parameters
    ----------
    estimator : fitted transformer
    name : str
    known : list of (input, output)
    count : Counter
        Of calls that were computed, by name.
    method : str
    is_fresh : bool
        Whether each caller gets an output of its own. One that is an input of the next step must stay what it is.
    """

    def __init__(
        self,
        estimator: Any,
        name: str,
        known: list[tuple[Any, Any]],
        count: Counter[str],
        method: str = "transform",
        *,
        is_fresh: bool = False,
    ) -> None:
        self._estimator = estimator
        self._name = name
        self._known = known
        self._count = count
        self._method = method
        self._is_fresh = is_fresh

    def __enter__(self) -> RecalledMethod:
        # In the instance, where it hides the method of the class.
        vars(self._estimator)[self._method] = self
        return self

    def __exit__(self, *_: object) -> None:
        vars(self._estimator).pop(self._method, None)

    def __call__(self, X: Any, *args: Any, **named: Any) -> Any:
        """Transform X, or predict of it."""
        if not args and not named:
            for given, output in self._known:
                if X is given:
                    if isinstance(output, Raised):
                        raise output.error
                    return fresh(output) if self._is_fresh else output
        self._count[self._name] += 1
        self.__exit__()
        try:
            return getattr(self._estimator, self._method)(X, *args, **named)
        finally:
            self.__enter__()

    def __reduce__(self) -> Any:
        # A copy of the estimator has its own method.
        return _plain_method, (self._estimator, self._method)


def _plain_method(estimator: Any, method: str) -> Any:
    return getattr(type(estimator), method).__get__(estimator)


def can_stand_before(estimator: Any, method: str = "transform") -> bool:
    """Whether an estimator's method can be hidden by one in the instance."""
    try:
        return method not in vars(estimator) and hasattr(estimator, method)
    except TypeError:
        return False
