"""When two steps are the same step: by the bytes of what they are, never by what they look like."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Hashable
from typing import Any


def fingerprint(value: Any) -> Hashable:
    """Return a key that two objects share only if they behave alike.

    The pickle is compared, which holds parameters, output configuration, metadata requests and fitted state; functions
    are known by their names, lambdas and what ``__main__`` defines by their code. What cannot be pickled is equal to
    itself only. Equal objects may have different keys (then nothing is shared between them), never the other way round.
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
