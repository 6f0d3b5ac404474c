"""One fold of one pipeline, in the process that runs it."""

from __future__ import annotations

import contextlib
import copy
import functools
import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

# Documented, and listed in `__all__`, despite the underscore.
from sklearn.utils import _safe_indexing as rows_of

from anabranch.model_selection.branch_backend import BranchBackend
from anabranch.model_selection.branches import reduced
from anabranch.model_selection.member_backend import MemberBackend
from anabranch.model_selection.recall import Recall, RecalledMethod, SegmentFitted, can_stand_before
from anabranch.model_selection.shared_steps import (
    Raised,
    SharedBranch,
    SharedBranches,
    SharedMember,
    SharedMembers,
    SharedSteps,
)
from anabranch.model_selection.units import is_nested, steps_before_last, units, units_within
from anabranch.runtime.private_copies import is_read_only_complaint

#: What stands for the name of a last step where there is no pipeline.
LONE = "estimator"


class Fold:
    """Fits and scores a pipeline on a fold's rows, of which some steps are known.

    Parameters
    ----------
    pipeline : Pipeline
        Not yet fitted; it will be. Or a vote or a stack by itself.
    X : array-like
        All rows.
    train, test : array-like of int or bool
    shared : sequence of SharedSteps
        Of the segments from the pipeline's first step on.
    members : sequence of SharedMember, optional
        Known ones, when the last step is a vote or a stack some of whose members are shared.
    """

    def __init__(
        self,
        pipeline: Any,
        X: Any,
        train: Any,
        test: Any,
        shared: Sequence[SharedSteps],
        members: Sequence[SharedMember] | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.X = X
        self._train = _numbers(train, X)
        self._test = _numbers(test, X)
        self._known = [step for steps in shared for step in steps.steps]
        self._output = shared[-1].output if shared else None
        self._sides: dict[str, Any] = {}
        self._branches: BranchBackend | None = None
        self._union: Any = None
        self._members = None if members is None else MemberBackend(self._last_name, members)
        self.segment: SharedSteps | SharedBranches | SharedMembers | None = None
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
            if not self._is_read_only or not is_read_only_complaint(error):
                raise
            self.pipeline = clone(self.pipeline)
            if self._members is not None:
                # A member sees what those before it wrote.
                self._members = MemberBackend(self._last_name)
            self._fit(y, params, Recall(self._known, copy.deepcopy(self._output)))
        finally:
            if self._members is not None:
                self.fits += self._members.fits

    def fit_segment(
        self, y: Any, params: dict[str, Any], until: int, branches: Sequence[SharedBranch] = ()
    ) -> SharedSteps:
        """Fit the steps up to number ``until``, and return those that were not known.

        Of the first of them, a union, ``branches`` are known.
        """
        position = len(self._known)
        recall = self._fit_until(y, params, until, position, branches)
        backend, self._branches = self._branches, self._branches if branches else None
        if branches and backend is not None:
            self.fits += backend.fits
            recall.fitted[0].fit_seconds += backend.fit_seconds
        return SharedSteps(recall.fitted, recall.output)

    def fit_branches(self, y: Any, params: dict[str, Any], position: int, titles: Sequence[str]) -> SharedBranches:
        """Fit these branches of the union that is the step of this number, and return them."""
        unit, union = list(units(self.pipeline))[position]
        self.pipeline.set_params(**{unit: reduced(union, titles)})
        recall = self._fit_until(y, params, position + 1, position, (), keeps=True)
        backend = self._branches
        assert backend is not None
        self._union = recall.fitted[-1].fitted if recall.fitted else None
        self.fits = backend.fits
        return SharedBranches(backend.made)

    def fit_members(self, y: Any, params: dict[str, Any], titles: Sequence[str]) -> SharedMembers:
        """Fit these members of the vote or the stack that is the last step, and return them."""
        backend = self._members = MemberBackend(self._last_name, wanted=titles)
        try:
            self._fit(y, params, Recall(self._known, self._output))
        except SegmentFitted:
            self.fits = backend.fits
            return SharedMembers(list(backend.made.values()))
        raise RuntimeError(f"{self._last_name!r} ended its fit without fitting the members to be shared")

    def _fit_until(
        self,
        y: Any,
        params: dict[str, Any],
        until: int,
        position: int,
        branches: Sequence[SharedBranch],
        *,
        keeps: bool = False,
    ) -> Recall:
        """Fit up to step number ``until``, on a copy of what is known if an estimator insists on writing to it."""
        output = self._output
        for attempt in range(2):
            if branches or keeps:
                unit = list(units(self.pipeline))[position][0]
                self._branches = BranchBackend(unit, position, branches, keeps=keeps)
            recall = Recall(self._known, output, until, self._branches)
            with contextlib.suppress(SegmentFitted):
                self._fit(y, params, recall)
            error = recall.fitted[-1].error if recall.fitted else None
            insists = isinstance(error, ValueError) and is_read_only_complaint(error)
            if attempt or not insists or not (self._known or branches):
                break
            self.pipeline = clone(self.pipeline)
            output, branches = copy.deepcopy((self._output, branches))
        return recall

    def _fit(self, y: Any, params: dict[str, Any], recall: Recall) -> None:
        # What is known stands for all rows: no step sees them.
        X = None if self._known else self.side("train")
        with contextlib.ExitStack() as stack:
            if is_nested(self.pipeline):
                # As `set_params` does, which looks at the parameters of all steps first: that takes as long as a small
                # fit.
                stack.callback(setattr, self.pipeline, "memory", self.pipeline.memory)
                self.pipeline.memory = recall
            stack.callback(self._name_fitted, recall)
            if self._members is not None:
                stack.enter_context(self._members.serving(self._last))
            if y is None:
                self.pipeline.fit(X, **params)
            else:
                self.pipeline.fit(X, y, **params)

    def _name_fitted(self, recall: Recall) -> None:
        names = [name for name, _ in units(self.pipeline)]
        for step, name in zip(recall.fitted, names[len(self._known) :]):
            step.name = name
            self.fits[name] += 1

    @property
    def _last(self) -> Any:
        return self.pipeline.steps[-1][1] if is_nested(self.pipeline) else self.pipeline

    @property
    def _last_name(self) -> str:
        return self.pipeline.steps[-1][0] if is_nested(self.pipeline) else LONE

    @property
    def _is_read_only(self) -> bool:
        """Whether anything of what is fitted or scored is another task's."""
        return bool(self._known) or self._members is not None

    @property
    def used_members(self) -> list[SharedMember]:
        """The members that were not fitted here."""
        return [] if self._members is None else self._members.used

    # ---- rows

    def side(self, which: str) -> Any:
        """Return the rows of a side, ``"train"`` or ``"test"``: the same object each time."""
        if which not in self._sides:
            self._sides[which] = rows_of(self.X, self._train if which == "train" else self._test)
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
                X = known[before] if before >= 0 else self._rows_to_score(which)
                begun = time.time()
                if not isinstance(X, Raised):
                    self.transforms[step.name] += 1
                    with contextlib.ExitStack() as stack:
                        if self._branches is not None and self._branches.position == position:
                            stack.enter_context(self._branches.transforming(which))
                        if step.within:
                            self._stand_before(stack, step.fitted, f"{step.name}__", known, position - step.within, X)
                        X = _transformed(step.fitted, X)
                known.append(X)
                setattr(step, which, X)
                if which == "test":
                    known_seconds = self._branches.test_seconds if step is segment.steps[0] and self._branches else 0.0
                    step.test_seconds = time.time() - begun + known_seconds
        if self._branches is not None:
            self.transforms += self._branches.transforms

    def transform_branches(self, sides: Sequence[str]) -> None:
        """Add to the branches that were fitted what they make of the rows that will be scored."""
        backend = self._branches
        if self._union is None or backend is None:
            return
        for which in sides:
            X = getattr(self._known[-1], which) if self._known else self._rows_to_score(which)
            if isinstance(X, Raised):
                for branch in backend.made:
                    setattr(branch, which, X)
            else:
                # What a branch raises is kept with it.
                with backend.transforming(which):
                    _transformed(self._union, X)
        self.transforms = backend.transforms

    def predict_members(self, sides: Sequence[str]) -> None:
        """Add to the members that were fitted what they make of the rows that will be scored."""
        assert self._members is not None
        for which in sides:
            X = getattr(self._known[-1], which) if self._known else self._rows_to_score(which)
            if not isinstance(X, Raised):
                self._members.predict(which, X, self.transforms)

    def _rows_to_score(self, which: str) -> Any:
        """Return the rows of a side for ``transform``, after the fit."""
        # A step that writes to its input has made of the training rows what later steps are trained on, in the same
        # memory. As in scikit-learn, it is what the fit has left of the rows that is scored.
        return copy.deepcopy(self.side(which)) if which == "train" else self.side(which)

    # ---- scoring

    def score(self, scorer: Callable, numbers: Any, y: tuple, params: dict[str, Any]) -> Any:
        """Call a scorer with the fitted pipeline and the rows of these numbers."""
        which = self.side_of(numbers)
        X = self.side(which) if which else rows_of(self.X, numbers)
        try:
            scores = self._score(scorer, which, X, y, params, as_stored)
        except ValueError as error:
            if not self._is_read_only or not is_read_only_complaint(error):
                raise
        else:
            # With several metrics, what one of them raised comes as text in the place of its score.
            said = [text for text in scores.values() if isinstance(text, str)] if isinstance(scores, dict) else []
            if not self._is_read_only or not any(is_read_only_complaint(ValueError(text)) for text in said):
                return scores
        return self._score(scorer, which, X, y, params, copy.deepcopy)

    def _score(
        self, scorer: Callable, which: str | None, X: Any, y: tuple, params: dict[str, Any], prepared: Callable
    ) -> Any:
        known = [prepared(getattr(step, which)) for step in self._known] if which else []
        with contextlib.ExitStack() as stack:
            self._stand_before(stack, self.pipeline, "", known, 0, X)
            if self._members is not None:
                self._members.stand_before(stack, which, known[-1] if known else X, prepared, self.transforms)
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
                # Known members know the last output by identity, as steps know those before it.
                is_fresh = own == len(known) - 1 and self._members is None
                stack.enter_context(RecalledMethod(step, path + name, pairs, self.transforms, is_fresh=is_fresh))
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


class PartStandIn(StandIn):
    """A `StandIn` that fits no more than a part of its pipeline."""

    @abstractmethod
    def fit_part(self, y: Any, params: dict[str, Any]) -> SharedSteps | SharedBranches | SharedMembers:
        """Return the fitted part."""

    def fit(self, numbers: Any, y: Any = None, **params: Any) -> StandIn:
        """Fit the part, and end with `SegmentFitted`."""
        try:
            self.fold.segment = self.fit_part(y, params)
        except Exception as error:
            # Not a step's: not to become a score.
            self.fold.refused = error
        raise SegmentFitted


class SegmentStandIn(PartStandIn):
    """Fits a segment.

    Parameters
    ----------
    fold : Fold
    until : int
    branches : sequence of SharedBranch
    """

    def __init__(self, fold: Any = None, until: int = 0, branches: Sequence[SharedBranch] = ()) -> None:
        super().__init__(fold)
        self.until = until
        self.branches = branches

    def fit_part(self, y: Any, params: dict[str, Any]) -> SharedSteps:
        """Return the segment's steps."""
        return self.fold.fit_segment(y, params, self.until, self.branches)


class BranchStandIn(PartStandIn):
    """Fits branches of a union.

    Parameters
    ----------
    fold : Fold
    position : int
    titles : sequence of str
    """

    def __init__(self, fold: Any = None, position: int = 0, titles: Sequence[str] = ()) -> None:
        super().__init__(fold)
        self.position = position
        self.titles = titles

    def fit_part(self, y: Any, params: dict[str, Any]) -> SharedBranches:
        """Return the branches."""
        return self.fold.fit_branches(y, params, self.position, self.titles)


class MemberStandIn(PartStandIn):
    """Fits members of a vote or a stack.

    Parameters
    ----------
    fold : Fold
    titles : sequence of str
    """

    def __init__(self, fold: Any = None, titles: Sequence[str] = ()) -> None:
        super().__init__(fold)
        self.titles = titles

    def fit_part(self, y: Any, params: dict[str, Any]) -> SharedMembers:
        """Return the members."""
        return self.fold.fit_members(y, params, self.titles)


def standing_scorer(scorer: Any, fold: Fold) -> Any:
    """Return a scorer that hands the fold's own pipeline and rows to ``scorer``, of its class as far as can be."""

    def score(_: Any, numbers: Any, *y: Any, **params: Any) -> Any:
        return fold.score(scorer, numbers, y, params)

    try:
        substitute = copy.copy(scorer)
        # Not its own `__setattr__`: that of a frozen dataclass refuses.
        object.__setattr__(substitute, "__class__", _standing_class(type(scorer)))
    except Exception:
        # A function, another callable whose class is not Python's, or one that may not be copied or subclassed.
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
