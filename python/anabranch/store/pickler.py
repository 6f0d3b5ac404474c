"""Cloudpickle that keeps more arrays out of the pickle. Imported when something needs it: it costs 30 ms."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import cloudpickle

from anabranch.store.pickle5 import SMALLEST_BUFFER, restore_view
from anabranch.store.polars_frames import reduce_frame


class Pickler(cloudpickle.Pickler):
    """Lays beside the pickle what NumPy (strided arrays and dates) and polars (frames) would copy into it."""

    #: Gets the top-level modules that the pickle names, and some whose code it has itself.
    named: set[str] | None = None

    def reducer_override(self, obj: Any) -> Any:
        """As of ``pickle.Pickler``."""
        if self.named is not None:
            self.named.add(_home_of(obj))
        numpy = sys.modules.get("numpy")
        if numpy is not None and type(obj) is numpy.ndarray and obj.nbytes >= SMALLEST_BUFFER:
            if obj.dtype.kind in "mM" and obj.dtype.isnative:
                return restore_view, (_compact(obj.view("i8")), obj.dtype.str)
            if not obj.flags.forc and not obj.dtype.hasobject:
                return _compact(obj).__reduce_ex__(5)
        polars = sys.modules.get("polars")
        if polars is not None and type(obj) is polars.DataFrame:
            return reduce_frame(obj) or super().reducer_override(obj)
        return super().reducer_override(obj)


class ReferencePickler(Pickler):
    """A pickler with a hook for references, which is asked about every object."""

    def __init__(self, stream: Any, buffer_callback: Callable[[Any], Any], persistent_id: Callable[[Any], Any]) -> None:
        super().__init__(stream, protocol=5, buffer_callback=buffer_callback)
        self._reference = persistent_id

    def persistent_id(self, obj: Any) -> Any:
        """As of ``pickle.Pickler``."""
        return self._reference(obj)


def _home_of(obj: Any) -> str:
    if isinstance(obj, ModuleType):
        name = obj.__name__
    elif isinstance(obj, (type, FunctionType, BuiltinFunctionType)):
        # A lambda has its code with it.
        name = obj.__module__ if "<" not in obj.__qualname__ else ""
    else:
        name = type(obj).__module__
    return name.partition(".")[0] if isinstance(name, str) else ""


def _compact(array: Any) -> Any:
    return array if array.flags.forc else array.copy(order="K")
