"""Arrays of the store are read-only; a few compiled estimators insist on writing to their input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from anabranch.runtime.context import TaskContext

_Answer = TypeVar("_Answer")

_COMPLAINTS = (
    "read-only",
    "read only",
    "readonly",
    "WRITEABLE",
)


def retried_with_copies(context: TaskContext, actor: Any, attempt: Callable[[], _Answer]) -> _Answer:
    """Run ``attempt``; when it fails because its input is read-only, once more on private copies, and so ever after.

    Parameters
    ----------
    context : TaskContext
        Its ``writable`` says how ``attempt`` is to open its inputs.
    actor : object
        The estimator or function whose class, or name, is remembered.
    attempt : callable
        Opens its inputs itself, and can be run twice.
    """
    kind = actor if hasattr(actor, "__qualname__") else type(actor)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if name not in context.stubborn:
        try:
            return attempt()
        except ValueError as error:
            if not is_read_only_complaint(error):
                raise
        context.stubborn.add(name)
    context.readonly_retries += 1
    context.writable = True
    try:
        return attempt()
    finally:
        context.writable = False


def is_read_only_complaint(error: ValueError) -> bool:
    """Whether NumPy or Cython raised this because an array must not be written to."""
    return any(complaint in str(error) for complaint in _COMPLAINTS)
