"""One fold of one pipeline, in the process that runs it."""

from __future__ import annotations

import contextlib
import copy
import functools
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

# Documented, and listed in `__all__`, despite the underscore.
from sklearn.utils import _safe_indexing as rows_of

from anabranch.model_selection.recall import Recall, RecalledTransform, SegmentFitted, can_stand_before
from anabranch.model_selection.shared_steps import Raised, SharedSteps
from anabranch.model_selection.units import steps_before_last, units, units_within
from anabranch.runtime.private_copies import is_read_only_complaint


class Fold:
    """Fits and scores a pipeline on a fold's rows, of which some steps are known.

    Parameters
    ----------
    pipeline : Pipeline
        Not yet fitted; it will be.
    X : array-like
        All rows.
    train, test : array-like of int or bool
    shared : sequence of SharedSteps
        Of the segments from the pipeline's first step on.
    """

    def __init__(self, pipeline: Any, X: Any, train: Any, test: Any, shared: Sequence[SharedSteps]) -> None:
        self.pipeline = pipeline
        self._X = X
        self._train = _numbers(train, X)
        self._test = _numbers(test, X)
        self._known = [step for steps in shared for step in steps.steps]
        self._output = shared[-1].output if shared else None
        self._sides: dict[str, Any] = {}
        self.segment: SharedSteps | None = None
        self.refused: Exception | None = None
        self.fits: Counter[str] = Counter()
        self.transforms: Counter[str] = Counter()

    # ---- fit

    def fit(self, y: Any, params: dict[str, Any]) -> None:
        """Fit the steps that are not known.

        Outputs of others are read-only. When an estimator insists on writing to one, the fit is done again on a copy.
        """
        try:
            self._fit(y, params, Recall(self._known, self._output))
        except ValueError as error:
            if not self._known or not is_read_only_complaint(error):
                raise
            self.pipeline = clone(self.pipeline)
            self._fit(y, params, Recall(self._known, copy.deepcopy(self._output)))

    def fit_segment(self, y: Any, params: dict[str, Any], until: int) -> SharedSteps:
        """Fit the steps up to number ``until``, and return those that were not known."""
        recall = Recall(self._known, self._output, until)
        with contextlib.suppress(SegmentFitted):
            self._fit(y, params, recall)
        if recall.fitted and recall.fitted[-1].error is not None and self._known:
            error = recall.fitted[-1].error
            if isinstance(error, ValueError) and is_read_only_complaint(error):
                self.pipeline = clone(self.pipeline)
                recall = Recall(self._known, copy.deepcopy(self._output), until)
                with contextlib.suppress(SegmentFitted):
                    self._fit(y, params, recall)
        return SharedSteps(recall.fitted, recall.output)

    def _fit(self, y: Any, params: dict[str, Any], recall: Recall) -> None:
        memory = self.pipeline.memory
        self.pipeline.set_params(memory=recall)
        # What is known stands for all rows: no step sees them.
        X = None if self._known else self.side("train")
        try:
            if y is None:
                self.pipeline.fit(X, **params)
            else:
                self.pipeline.fit(X, y, **params)
        finally:
            self.pipeline.set_params(memory=memory)
            names = [name for name, _ in units(self.pipeline)]
            for step, name in zip(recall.fitted, names[len(self._known) :]):
                step.name = name
                self.fits[name] += 1

    # ---- rows

    def side(self, which: str) -> Any:
        """Return the rows of a side, ``"train"`` or ``"test"``: the same object each time."""
        if which not in self._sides:
            self._sides[which] = rows_of(self._X, self._train if which == "train" else self._test)
        return self._sides[which]

    def side_of(self, numbers: Any) -> str | None:
        """Return the side whose row numbers these are."""
        for which, own in (("test", self._test), ("train", self._train)):
            if np.array_equal(numbers, own):
                return which
        return None

    def transform_segment(self, segment: SharedSteps, sides: Sequence[str]) -> None:
        """Add to a segment's steps what they make of the rows that will be scored."""
        for which in sides:
            known = [getattr(step, which) for step in self._known]
            for step in segment.steps:
                position = len(known)
                before = position - step.within - 1
                X = known[before] if before >= 0 else self.side(which)
                begun = time.time()
                if not isinstance(X, Raised):
                    self.transforms[step.name] += 1
                    with contextlib.ExitStack() as stack:
                        if step.within:
                            self._stand_before(stack, step.fitted, f"{step.name}__", known, position - step.within, X)
                        X = _transformed(step.fitted, X)
                known.append(X)
                setattr(step, which, X)
                if which == "test":
                    step.test_seconds = time.time() - begun

    # ---- scoring

    def score(self, scorer: Callable, numbers: Any, y: tuple, params: dict[str, Any]) -> Any:
        """Call a scorer with the fitted pipeline and the rows of these numbers."""
        which = self.side_of(numbers)
        X = self.side(which) if which else rows_of(self._X, numbers)
        try:
            return self._score(scorer, which, X, y, params, as_stored)
        except ValueError as error:
            if not self._known or not is_read_only_complaint(error):
                raise
            return self._score(scorer, which, X, y, params, copy.deepcopy)

    def _score(
        self, scorer: Callable, which: str | None, X: Any, y: tuple, params: dict[str, Any], prepared: Callable
    ) -> Any:
        known = [prepared(getattr(step, which)) for step in self._known] if which else []
        with contextlib.ExitStack() as stack:
            self._stand_before(stack, self.pipeline, "", known, 0, X)
            return scorer(self.pipeline, X, *y, **params)

    def _stand_before(
        self, stack: contextlib.ExitStack, pipeline: Any, path: str, known: Sequence[Any], position: int, X: Any
    ) -> None:
        """Have the steps of a fitted pipeline answer what is known of X, and count what they transform themselves.

        Parameters
        ----------
        stack : ExitStack
            Ends it.
        pipeline : Pipeline
        path : str
            What stands before its steps' names.
        known : sequence
            Outputs of the first units of all.
        position : int
            Of the pipeline's first unit.
        X : array-like
            What the pipeline transforms.
        """
        for name, step in steps_before_last(pipeline):
            own = position + units_within(step)
            # Where it is not known, nobody has it yet: an object that is no step's input.
            pairs, output = [], object()
            if own < len(known):
                output = known[own]
                pairs.append((X, output))
            elif own > position:
                self._stand_before(stack, step, f"{path}{name}__", known, position, X)
            if can_stand_before(step):
                stack.enter_context(RecalledTransform(step, path + name, pairs, self.transforms))
            X = output
            position = own + 1


class StandIn(BaseEstimator):
    """Stands for a pipeline where scikit-learn fits and scores one: it gets row numbers in the place of rows.

    Parameters
    ----------
    fold : Fold
    """

    def __init__(self, fold: Any = None) -> None:
        self.fold = fold

    def set_params(self, **params: Any) -> StandIn:
        """Set parameters of the pipeline."""
        self.fold.pipeline.set_params(**params)
        return self

    def fit(self, numbers: Any, y: Any = None, **params: Any) -> StandIn:
        """Fit the pipeline on the fold's training rows."""
        self.fold.fit(y, params)
        return self


class SegmentStandIn(StandIn):
    """A `StandIn` that fits no more than a segment.

    Parameters
    ----------
    fold : Fold
    until : int
    """

    def __init__(self, fold: Any = None, until: int = 0) -> None:
        super().__init__(fold)
        self.until = until

    def fit(self, numbers: Any, y: Any = None, **params: Any) -> StandIn:
        """Fit the segment, and end with `SegmentFitted`."""
        try:
            self.fold.segment = self.fold.fit_segment(y, params, self.until)
        except Exception as error:
            # Not a step's: not to become a score.
            self.fold.refused = error
        raise SegmentFitted


def standing_scorer(scorer: Any, fold: Fold) -> Any:
    """Return a scorer that hands the fold's own pipeline and rows to ``scorer``, of its class as far as can be."""

    def score(_: Any, numbers: Any, *y: Any, **params: Any) -> Any:
        return fold.score(scorer, numbers, y, params)

    try:
        substitute = copy.copy(scorer)
        substitute.__class__ = _standing_class(type(scorer))
    except TypeError:
        # A function, or another callable whose class is not Python's.
        return score
    vars(substitute)[_SCORE] = score
    return substitute


_SCORE = "_anabranch_score"


@functools.cache
def _standing_class(kind: type) -> type:
    """Return a class that is ``kind`` but for its call, which is what the instance was given."""
    # One for each class, and without a fold in it: a class is a cycle, and would keep the fold's arrays alive.
    return type(kind.__name__, (kind,), {"__call__": lambda self, *args, **named: vars(self)[_SCORE](*args, **named)})


def as_stored(value: Any) -> Any:
    """Return the value as it is."""
    return value


def _transformed(estimator: Any, X: Any) -> Any:
    try:
        try:
            return estimator.transform(X)
        except ValueError as error:
            if not is_read_only_complaint(error):
                raise
            return estimator.transform(copy.deepcopy(X))
    except Exception as error:
        return Raised(error)


def _numbers(rows: Any, X: Any) -> Any:
    rows = np.asarray(rows)
    return np.flatnonzero(rows) if rows.dtype.kind == "b" else rows
