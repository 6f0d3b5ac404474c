"""What a value becomes in the store: its encoding, and who writes its bytes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from anabranch.store.errors import StoreError
from anabranch.store.pickle5 import PicklePayload
from anabranch.store.tensor import DTYPES, TensorPayload
from anabranch.v1 import common_pb2

_TENSOR = common_pb2.ENCODING_TENSOR
_ARROW = common_pb2.ENCODING_ARROW
_PICKLE5 = common_pb2.ENCODING_PICKLE5


def payload_of(
    value: Any, encoding: int | None = None, persistent_id: Callable[[Any], Any] | None = None
) -> tuple[int, Any]:
    """Choose encoding and payload of a value: by its type unless ``encoding`` says otherwise."""
    kind = type(value)
    if encoding is None:
        if persistent_id is None:
            if _is_dense(value):
                return _TENSOR, TensorPayload(value)
            arrow = sys.modules.get("pyarrow")
            if arrow is not None and kind in (arrow.Table, arrow.RecordBatch):
                from anabranch.store.arrow import ArrowPayload

                return _ARROW, ArrowPayload(value)
        return _PICKLE5, PicklePayload(value, persistent_id)
    if encoding == _PICKLE5:
        return _PICKLE5, PicklePayload(value, persistent_id)
    if encoding == _TENSOR and _is_dense(value):
        return _TENSOR, TensorPayload(value)
    if encoding == _ARROW and kind.__module__ == "pyarrow.lib" and kind.__name__ in ("Table", "RecordBatch"):
        from anabranch.store.arrow import ArrowPayload

        return _ARROW, ArrowPayload(value)
    raise StoreError(f"a {kind.__name__} cannot be stored with the encoding {encoding}")


def _is_dense(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is None or not (type(value) is numpy.ndarray or type(value) is numpy.memmap):
        return False
    return value.dtype.str in DTYPES and value.dtype.names is None and value.ndim <= 32


class EncodedPayload:
    """Bytes that another store has encoded."""

    def __init__(self, data: memoryview) -> None:
        self._data = data.cast("B")
        self.length = len(self._data)

    def write(self, target: memoryview) -> None:
        """Fill the region."""
        target[:] = self._data


class NoPayload:
    """Bytes that come later."""

    @staticmethod
    def write(target: memoryview) -> None:
        """Leave the region as it is."""
