"""Cloudpickle that keeps more arrays out of the pickle. Imported when something needs it: it costs 30 ms."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import cloudpickle

from anabranch.store.pickle5 import SMALLEST_BUFFER, restore_view
from anabranch.store.polars_frames import reduce_frame


class Pickler(cloudpickle.Pickler):
    """Lays beside the pickle what NumPy (strided arrays and dates) and polars (frames) would copy into it."""

    def reducer_override(self, obj: Any) -> Any:
        """As of ``pickle.Pickler``."""
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


def _compact(array: Any) -> Any:
    return array if array.flags.forc else array.copy(order="K")
