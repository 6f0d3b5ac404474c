"""What one task fitted for many: steps of a pipeline, and what they made of a fold's rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Raised:
    """Stands where an output would, for what was raised instead."""

    error: Exception


@dataclass
class SharedStep:
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
class SharedBranch:
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
