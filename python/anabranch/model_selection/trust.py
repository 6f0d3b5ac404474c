"""Whose code a search runs: what is not scikit-learn's own may end its process, and belongs on the pool."""

from __future__ import annotations

import io
import pickle
import types
from collections.abc import Iterable
from typing import Any

_ARRAYS = ("numpy", "scipy", "pandas", "polars", "pyarrow")
_PACKAGES = frozenset(
    ("sklearn", "joblib", "threadpoolctl", *_ARRAYS, "collections", "functools", "copyreg", "datetime")
)


class _Foreign(Exception):
    """Something of another package was met."""


class _Inspector(pickle.Pickler):
    """Pickles, and stops at the first object whose class or function is of another package."""

    def reducer_override(self, obj: Any) -> Any:
        """As of ``pickle.Pickler``: asked for all but plain Python values."""
        # Of what is compiled, a function's class says nothing of where it is from.
        module = getattr(obj, "__module__", None) or type(obj).__module__
        # Python's own types are harmless, its functions (`exec`, `exit`) need not be; `getattr` is how methods travel.
        harmless = module == "builtins" and (not isinstance(obj, types.BuiltinFunctionType) or obj is getattr)
        if not harmless and module.partition(".")[0] not in _PACKAGES:
            raise _Foreign
        return NotImplemented


def is_all_scikit_learns(values: Iterable[Any]) -> bool:
    """Whether estimators, scorers, parameters and data are of scikit-learn and what it is built on, all the way down.

    What cannot be pickled, lambdas among it, is not.
    """
    # Arrays are handed to the callback, and not copied.
    inspector = _Inspector(io.BytesIO(), protocol=5, buffer_callback=lambda buffer: False)
    try:
        for value in values:
            inspector.dump(value)
    except Exception:
        return False
    return True
