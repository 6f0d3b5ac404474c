"""What one task fitted for many: steps of a pipeline, and what they made of a fold's rows."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import Any

import cloudpickle

from anabranch.carried import carried


class _WithErrors:
    """Is pickled whatever the exceptions in it are."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: carried(one) if isinstance(one, BaseException) else one for name, one in vars(self).items()}


@dataclass
class Raised(_WithErrors):
    """Stands where an output would, for what was raised instead."""

    error: Exception


@dataclass
class SharedStep(_WithErrors):
    """One fitted step of one fold.

    Attributes
    ----------
    name : str
        Of the step, in its pipeline (``outer__inner`` in a nested one).
    fitted : estimator
    fit_seconds : float
        Of its fit and the transform of the training rows that belongs to it.
    test, train : object
        ``transform`` of the test rows and, for train scores, of the training rows; a `Raised` when it failed, None when
        it was not asked for.
    test_seconds : float
        Of ``transform`` of the test rows.
    within : int
        How many steps before this one are its own: those of a nested pipeline.
    error : Exception or None
        What its fit raised; then there is nothing else.
    """

    name: str
    fitted: Any = None
    fit_seconds: float = 0.0
    test: Any = None
    train: Any = None
    test_seconds: float = 0.0
    within: int = 0
    error: Exception | None = None


@dataclass
class SharedBranch(_WithErrors):
    """One fitted branch of a union, a `ColumnTransformer` or a `FeatureUnion`, in one fold.

    Attributes
    ----------
    title : str
        Its name in the union.
    fitted, fit_seconds, test, train, test_seconds, error
        As of `SharedStep`; outputs are weighted as the union weighs them.
    output : object
        What ``fit_transform`` made of the training rows.
    """

    title: str
    fitted: Any = None
    output: Any = None
    fit_seconds: float = 0.0
    test: Any = None
    train: Any = None
    test_seconds: float = 0.0
    error: Exception | None = None


@dataclass
class SharedBranches:
    """The branches that one task fitted; none where the union's fit was refused, which it will be again."""

    branches: list[SharedBranch] = field(default_factory=list)


@dataclass
class SharedMember(_WithErrors):
    """One fitted member of a vote or a stack in one fold.

    Attributes
    ----------
    title : str
        Its name in the ensemble.
    fitted, error
        As of `SharedStep`.
    method : str
        By which the ensemble asks it.
    predicted, predict_error : object
        What a stack's own cross validation predicted of the training rows, or what it raised.
    fit_seconds : float
        Of both.
    test, train, test_seconds
        As of `SharedStep`, by ``method``.
    """

    title: str
    fitted: Any = None
    method: str = "predict"
    predicted: Any = None
    fit_seconds: float = 0.0
    test: Any = None
    train: Any = None
    test_seconds: float = 0.0
    error: Exception | None = None
    predict_error: Exception | None = None


@dataclass
class SharedMembers:
    """The members that one task fitted."""

    members: list[SharedMember] = field(default_factory=list)


@dataclass
class SharedSteps:
    """The steps of one segment.

    Attributes
    ----------
    steps : list of SharedStep
    output : object
        What ``fit_transform`` of the last of them made of the training rows.
    """

    steps: list[SharedStep] = field(default_factory=list)
    output: Any = None

    @property
    def failed(self) -> bool:
        """Whether a step's fit raised."""
        return bool(self.steps) and self.steps[-1].error is not None


def read_only(value: Any) -> Any:
    """Return the value on the same memory, not to be written to."""
    buffers: list[pickle.PickleBuffer] = []
    content = cloudpickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    return pickle.loads(content, buffers=[buffer.raw().toreadonly() for buffer in buffers])
