"""What the pool runs for a search: scikit-learn's own functions, with known steps in the place of fits."""

from __future__ import annotations

import contextlib
import copy
import io
import pickle
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import cloudpickle
import joblib
import numpy as np
from sklearn.base import clone

from anabranch.model_selection.fold import (
    BranchStandIn,
    Fold,
    MemberStandIn,
    SegmentStandIn,
    StandIn,
    standing_scorer,
)
from anabranch.model_selection.here import is_here
from anabranch.model_selection.inner import backend_for, involved
from anabranch.model_selection.options import options
from anabranch.model_selection.recall import SegmentFitted
from anabranch.model_selection.said import Printed, Said, hang_on
from anabranch.model_selection.shared_steps import SharedMembers, SharedSteps, read_only
from anabranch.model_selection.stored_model import stored_if_asked

#: Bytes up to which a call is small.
PACKED_BYTES = 10_000
_inside: ContextVar[bool] = ContextVar("anabranch_model_selection_task", default=False)


@dataclass
class Answer(Said):
    """What one call came to.

    Attributes
    ----------
    value : object
        What it returned.
    seconds : float
        What it took in its process.
    warnings, printed
        As of `Said`.
    fits, transforms : Counter
        Of steps, by name: what was computed, not what was known.
    """

    value: Any = None
    seconds: float = 0.0
    fits: Counter[str] = field(default_factory=Counter)
    transforms: Counter[str] = field(default_factory=Counter)


def inside_task() -> bool:
    """Whether this is a task of a search: one that it starts itself then runs in this process."""
    return _inside.get()


def pack(calls: Sequence[tuple]) -> bytes | Sequence[tuple]:
    """Return the arguments of small calls as bytes: pickled by themselves nobody looks for references in each value.

    Those with much in them, which the store should hold, stay as they are, and so do those with references.
    """
    try:
        content = cloudpickle.dumps(calls, protocol=5)
    except Exception:
        # What cannot be sent at all is said where it is sent.
        return calls
    return content if len(content) <= PACKED_BYTES * len(calls) else calls


def run_with(chosen: dict[str, Any], body: Callable, *arguments: Any) -> Any:
    """Call one of the functions below under options of the search that are of account for what is nested in it."""
    with options(**chosen):
        return body(*arguments)


def run_calls(
    function: Callable,
    common: Mapping[Any, Any],
    rows: Sequence[Mapping[str, Any]],
    calls: bytes | Sequence[tuple[int, dict, dict]],
) -> list[Answer]:
    """Call a function as it was called by its user.

    Parameters
    ----------
    function : callable
        As given to joblib: it sets the configuration and the warning filters of its caller.
    common : dict
        Arguments that all calls have, by position or name.
    rows : sequence of dict
        Arguments by name that some calls have: the rows of folds.
    calls : sequence of (int, dict, dict), or bytes
        Of each call its place among ``rows`` and its other arguments, by position and by name; or these by `pack`.
    """
    positions = {key: value for key, value in common.items() if isinstance(key, int)}
    names = {key: value for key, value in common.items() if not isinstance(key, int)}
    answers: list[Answer] = []
    backend: Any = None
    for part, own, named in pickle.loads(calls) if isinstance(calls, bytes) else calls:
        placed = {**positions, **own}
        arguments = [placed[index] for index in range(len(placed))]
        given = {**names, **rows[part], **named}
        # The estimators of one task are clones of one.
        backend = backend or backend_for(involved(arguments[:1], given))
        answers.append(_answer(function, _body(function), arguments, given, backend))
        stored_if_asked(answers[-1].value, given.get("return_estimator"))
    return answers


def run_fits(
    function: Callable,
    common: Mapping[str, Any],
    estimator: Any,
    X: Any,
    y: Any,
    fold: tuple[Any, Any],
    shared: Sequence[Answer],
    calls: Sequence[dict],
    members: Sequence[Answer] | None = None,
) -> list[Answer]:
    """Fit and score candidates on one fold, all of which share the steps of ``shared``.

    Parameters
    ----------
    function : callable
        scikit-learn's function for one fit and its scores, as given to joblib.
    common : dict
        Its arguments by name, but those below.
    estimator : Pipeline
    X, y : array-like
    fold : (train, test)
    shared : sequence of Answer
        Of `run_segment`, for all segments above.
    calls : sequence of dict
        The arguments that differ between the calls.
    members : sequence of Answer, optional
        Of `run_members`, when the last step is a vote or a stack some of whose members are shared.
    """
    answers = []
    segments = [answer.value for answer in shared]
    known_members = None if members is None else [one for answer in members for one in answer.value.members]
    backend = backend_for([one for own in calls for one in involved((), own)] + [estimator])
    for own in calls:
        state = Fold(clone(estimator), X, *fold, segments, known_members)
        named = {**common, **own, "train": fold[0], "test": fold[1]}
        named["scorer"] = standing_scorer(named["scorer"], state)
        answer = _answer(function, _body(function), (StandIn(state), _row_numbers(X), y), named, backend)
        answer.fits, answer.transforms = state.fits, state.transforms
        known = [step for steps in segments for step in steps.steps]
        if "fit_time" in answer.value:
            # A candidate's time is its own and that of what it shares.
            answer.value["fit_time"] += sum(part.fit_seconds for part in (*known, *state.used_members))
            answer.value["score_time"] += sum(part.test_seconds for part in (*known, *state.used_members))
        if "estimator" in answer.value:
            answer.value["estimator"] = state.pipeline
        stored_if_asked(answer.value, named.get("return_estimator"))
        answers.append(answer)
    return answers


def run_segment(
    function: Callable,
    common: Mapping[str, Any],
    estimator: Any,
    X: Any,
    y: Any,
    fold: tuple[Any, Any],
    shared: Sequence[Answer],
    call: dict,
    until: int,
    branches: Sequence[Answer] = (),
) -> Answer:
    """Fit the steps that several candidates share, and transform what will be scored.

    Parameters
    ----------
    function, common, estimator, X, y, fold, shared
        As for `run_fits`.
    call : dict
        The arguments of one of the calls that share the steps.
    until : int
        Number of steps, those of ``shared`` included.
    branches : sequence of Answer
        Of `run_branches`, for branches of the first of the steps.

    Returns
    -------
    Answer
        With `SharedSteps`.
    """
    state = Fold(clone(estimator), X, *fold, [answer.value for answer in shared])
    known = [branch for answer in branches for branch in answer.value.branches]

    def finish(segment: SharedSteps, sides: Sequence[str]) -> None:
        if not segment.failed:
            state.transform_segment(segment, sides)

    return _run_part(function, common, state, y, fold, call, SegmentStandIn(state, until, known), finish)


def run_segment_and_fit(
    function: Callable,
    common: Mapping[str, Any],
    estimator: Any,
    X: Any,
    y: Any,
    fold: tuple[Any, Any],
    shared: Sequence[Answer],
    call: dict,
    until: int,
    branches: Sequence[Answer] = (),
) -> list[Answer]:
    """Fit steps as `run_segment`, then the only candidate that has them as `run_fits`, and return what both said."""
    steps = run_segment(function, common, estimator, X, y, fold, shared, call, until, branches)
    # As if it came from the store: a last step that writes to its input gets a copy, and scorers the rows as they were.
    steps.value.output = read_only(steps.value.output)
    for step in steps.value.steps:
        step.test, step.train = read_only(step.test), read_only(step.train)
    fits = run_fits(function, common, estimator, X, y, fold, [*shared, steps], [call])
    steps.value = None
    return [steps, *fits]


def run_branches(
    function: Callable,
    common: Mapping[str, Any],
    estimator: Any,
    X: Any,
    y: Any,
    fold: tuple[Any, Any],
    shared: Sequence[Answer],
    call: dict,
    position: int,
    titles: Sequence[str],
) -> Answer:
    """Fit branches that several unions share, and transform what will be scored.

    Parameters
    ----------
    function, common, estimator, X, y, fold, shared, call
        As for `run_segment`.
    position : int
        Of the union among the steps.
    titles : sequence of str
        Names of the branches in the union.

    Returns
    -------
    Answer
        With `SharedBranches`.
    """
    state = Fold(clone(estimator), X, *fold, [answer.value for answer in shared])
    stand_in = BranchStandIn(state, position, titles)
    return _run_part(function, common, state, y, fold, call, stand_in, lambda _, sides: state.transform_branches(sides))


def run_members(
    function: Callable,
    common: Mapping[str, Any],
    estimator: Any,
    X: Any,
    y: Any,
    fold: tuple[Any, Any],
    shared: Sequence[Answer],
    call: dict,
    titles: Sequence[str],
) -> Answer:
    """Fit members that several votes or stacks share, and predict what will be scored.

    Parameters
    ----------
    function, common, estimator, X, y, fold, shared, call
        As for `run_segment`; ``shared`` is of all steps before the last.
    titles : sequence of str
        Names of the members in the ensemble, which is the last step.

    Returns
    -------
    Answer
        With `SharedMembers`.
    """
    state = Fold(clone(estimator), X, *fold, [answer.value for answer in shared])
    stand_in = MemberStandIn(state, titles)

    def finish(_: SharedMembers, sides: Sequence[str]) -> None:
        state.predict_members(sides)

    return _run_part(function, common, state, y, fold, call, stand_in, finish)


def _run_part(
    function: Callable,
    common: Mapping[str, Any],
    state: Fold,
    y: Any,
    fold: tuple[Any, Any],
    call: dict,
    stand_in: StandIn,
    finish: Callable[[Any, Sequence[str]], None],
) -> Answer:
    """Have scikit-learn's function fit a part of a pipeline, by a stand-in that then ends it; ``finish`` the part."""
    named = {**common, **call, "train": fold[0], "test": fold[1]}
    if "verbose" in named:
        named["verbose"] = 0

    def body(*arguments: Any, **named: Any) -> Any:
        with contextlib.suppress(SegmentFitted):
            _body(function)(*arguments, **named)
        part = state.segment
        if part is None:
            raise state.refused or RuntimeError("the pipeline ended its fit without fitting the steps to be shared")
        finish(part, ["test", "train"] if named.get("return_train_score") else ["test"])
        return part

    backend = backend_for(involved([state.pipeline], call))
    answer = _answer(function, body, (stand_in, _row_numbers(state.X), y), named, backend)
    answer.fits, answer.transforms = state.fits, state.transforms
    return answer


def run_failed(function: Callable, error: Exception, X: Any, named: Mapping[str, Any]) -> Any:
    """Return what scikit-learn's function says of a fit that fails with ``error``, or raise it if it would."""
    kept = {name: value for name, value in named.items() if name not in ("fit_params", "score_params")}
    return _body(function)(_Failing(error), _row_numbers(X), None, fit_params=None, score_params=None, **kept)


class _Failing(StandIn):
    """Fails as a fit did whose process is gone."""

    def __init__(self, error: Any = None) -> None:
        self.error = error

    def set_params(self, **params: Any) -> StandIn:
        return self

    def fit(self, numbers: Any, y: Any = None, **params: Any) -> StandIn:
        raise self.error


def _body(function: Any) -> Callable:
    """Return the function within scikit-learn's wrapper, or the function itself."""
    return getattr(function, "function", function)


def _answer(wrapper: Any, body: Callable, arguments: Sequence[Any], named: Mapping[str, Any], backend: Any) -> Answer:
    """Run ``body`` under the configuration and filters that ``wrapper`` carries, and keep what it said."""
    answer = Answer()

    def kept(*arguments: Any, **named: Any) -> Any:
        with warnings.catch_warnings(record=True) as log:
            try:
                return body(*arguments, **named)
            finally:
                answer.warnings = [(one.message, one.category, one.filename, one.lineno) for one in log]

    call = kept
    if hasattr(wrapper, "function"):
        call = copy.copy(wrapper)
        call.function = kept
    # Here it is heard as it is printed, and only what is to come in the order of the calls waits.
    printed: io.StringIO | None = Printed()
    if is_here():
        printed = io.StringIO() if named.get("verbose") else None
    token = _inside.set(True)
    begun = time.perf_counter()
    try:
        # The pool's slots are the parallelism: what is nested runs in this one.
        redirected = contextlib.nullcontext() if printed is None else contextlib.redirect_stdout(printed)
        with joblib.parallel_config(backend=backend), redirected:
            answer.value = call(*arguments, **named)
    except Exception as error:
        answer.printed = printed.getvalue() if printed is not None else ""
        hang_on(error, answer)
        raise
    except BaseException:
        # Ctrl-C brings nothing along.
        if printed is not None and is_here():
            sys.stdout.write(printed.getvalue())
        raise
    finally:
        _inside.reset(token)
    answer.seconds = time.perf_counter() - begun
    answer.printed = printed.getvalue() if printed is not None else ""
    return answer


def _row_numbers(X: Any) -> Any:
    shape = getattr(X, "shape", None)
    return np.arange(shape[0] if shape else len(X))
