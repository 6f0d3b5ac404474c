"""When two steps are the same step: by the bytes of what they are, never by what they look like."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Hashable
from typing import Any


def fingerprint(value: Any) -> Hashable:
    """Return a key that two objects share only if they pickle to the same bytes.

    What counts is what the pickle holds: an estimator's class, its parameters, output configuration, metadata requests
    and fitted state, or whatever its ``__getstate__`` gives instead. Classes and functions that can be found under
    their module and name count by these, those of ``__main__`` included; other functions (lambdas, nested ones) count
    by their code and what it refers to.

    What does not count is what a pickle leaves out: state that ``__getstate__`` drops, the code behind a name and the
    globals that it reads. So keys may be compared only while no module is reloaded and no such name bound anew.

    Equal objects may have different keys (then nothing is shared between them): the pickle also tells whether two
    parts are one object, and the order of sets and dicts. What cannot be pickled is equal to itself only.
    """
    try:
        content = pickle.dumps(value, protocol=5)
    except Exception:
        import cloudpickle

        try:
            content = cloudpickle.dumps(value, protocol=5)
        except Exception:
            return _Itself(value)
    return content if len(content) <= 1024 else hashlib.sha256(content).digest()


class _Itself:
    """Compares by identity, and keeps its object so that no other takes its place."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self._value is other._value

    def __hash__(self) -> int:
        return id(self._value)


def is_unseeded(estimator: Any) -> bool:
    """Whether an estimator, or one within it, has a ``random_state`` that is None."""
    get_params = getattr(estimator, "get_params", None)
    if get_params is None or isinstance(estimator, type):
        return False
    return any(
        value is None and (name == "random_state" or name.endswith("__random_state"))
        for name, value in get_params(deep=True).items()
    )
