"""Exceptions and warnings that cannot be pickled by themselves, on their way between processes."""

from __future__ import annotations

import pickle
from typing import Any

#: Attribute of an exception: what was said before it was raised.
SAID = "_anabranch_said"


def carried(said: BaseException) -> Any:
    """Return what is pickled in the place of an exception or a warning, and comes back as one of its class.

    It is what was given, unless that cannot be pickled and read again: because its ``__init__`` takes other arguments
    than it hands on, or because it holds something that stays where it is, a lock. Then it comes back without its
    ``__init__``, with its arguments and what of its attributes can be pickled.
    """
    if _travels(said):
        return said
    args = said.args if _travels(said.args) else (str(said),)
    parts = type(said), args, {name: value for name, value in vars(said).items() if _travels(value)}
    try:
        says_the_same = str(_rebuilt(*parts)) == str(said)
    except Exception:
        # A `__new__` of its own, or words that need what cannot come along: whoever pickles it says why it cannot be.
        return said
    return _Carried(*parts) if says_the_same else said


class _Carried:
    def __init__(self, *parts: Any) -> None:
        self._parts = parts

    def __reduce__(self) -> Any:
        return _rebuilt, self._parts


def _rebuilt(kind: type[BaseException], args: tuple, state: dict[str, Any]) -> BaseException:
    said = kind.__new__(kind, *args)
    said.args = args
    vars(said).update(state)
    return said


def _travels(value: Any) -> bool:
    import cloudpickle

    try:
        return type(pickle.loads(cloudpickle.dumps(value))) is type(value)
    except Exception:
        return False
