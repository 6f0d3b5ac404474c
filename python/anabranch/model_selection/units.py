"""The order in which pipelines, nested ones included, fit what stands before their last steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sklearn.pipeline import Pipeline


def fits(step: Any) -> bool:
    """Whether a pipeline's step is an estimator, not a place left empty."""
    return step is not None and not isinstance(step, str)


def steps_before_last(pipeline: Any) -> list[tuple[str, Any]]:
    """Return (name, estimator) of the steps that a pipeline fits before its last one; none of what is no pipeline."""
    if type(pipeline) is not Pipeline:
        return []
    return [(name, step) for name, step in pipeline.steps[:-1] if fits(step)]


def is_nested(step: Any) -> bool:
    """Whether a step is a pipeline whose own steps can be looked at one by one."""
    return (
        type(step) is Pipeline
        and isinstance(step.steps, list)
        and bool(step.steps)
        and getattr(step, "transform_input", None) is None
    )


def units(pipeline: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (name, estimator) of what a pipeline fits before its last step, in the order in which it is finished.

    A step is a unit. A pipeline as a step is the units before its last step, and then one itself, which is finished by
    the fit of its last step. Names are joined as those of parameters are.
    """
    for name, step in steps_before_last(pipeline):
        if is_nested(step):
            yield from units(step, f"{path}{name}__")
        yield path + name, step


def units_within(step: Any) -> int:
    """Return how many units come before that of the step itself because they are its own."""
    return sum(1 for _ in units(step)) if is_nested(step) else 0
