"""Values of parameters as descriptions hold them: plain ones as they are, stages described, the rest pickled."""

from __future__ import annotations

import dataclasses
import io
import pickle
from typing import Any

import cloudpickle

_PLAIN = (type(None), bool, int, float, str, bytes)


@dataclasses.dataclass(frozen=True)
class Opaque:
    """A value that is unpickled where its library is: vectors, maps of parameters, what users define."""

    content: bytes

    def load(self) -> Any:
        """Return the value."""
        return pickle.loads(self.content)


def is_params(value: Any) -> bool:
    """Whether a value is a stage or an evaluator of pyspark.ml, looked at without importing pyspark."""
    return any(base.__module__ == "pyspark.ml.param" and base.__name__ == "Params" for base in type(value).__mro__)


def encoded(value: Any) -> Any:
    """Return what a description holds of a value.

    Raises
    ------
    TypeError
        When it cannot be pickled.
    """
    from anabranch.spark.stages import StageDescription, describe

    if isinstance(value, (StageDescription, Opaque)) or type(value) in _PLAIN:
        return value
    if is_params(value):
        return describe(value)
    if type(value) in (list, tuple):
        return type(value)(encoded(item) for item in value)
    return Opaque(dumps(value, value))


def decoded(value: Any) -> Any:
    """Return the value of which `encoded` made this; stages are rebuilt."""
    from anabranch.spark.stages import StageDescription

    if isinstance(value, StageDescription):
        return value.rebuild()
    if isinstance(value, Opaque):
        return value.load()
    if type(value) in (list, tuple):
        return type(value)(decoded(item) for item in value)
    return value


def dumps(value: Any, named: Any) -> bytes:
    """Pickle a value in which stages may stand anywhere; they travel as descriptions.

    Parameters
    ----------
    value : object
    named : object
        Whose it is, for errors.
    """
    stream = io.BytesIO()
    try:
        _Pickler(stream, protocol=5).dump(value)
    except Exception as error:
        raise TypeError(f"{type(named).__name__} cannot travel: {type(error).__name__}: {error}") from error
    return stream.getvalue()


class _Pickler(cloudpickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        """As of ``pickle.Pickler``: asked for all but plain Python values."""
        if not isinstance(obj, type) and is_params(obj):
            from anabranch.spark.stages import describe

            return _rebuilt, (describe(obj),)
        return super().reducer_override(obj)


def _rebuilt(description: Any) -> Any:
    return description.rebuild()
