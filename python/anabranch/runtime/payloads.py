"""Functions, estimators, models and parameter lists that this process has loaded, by the object that they came from."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from anabranch.v1 import common_pb2

_Key = tuple[int, int]


class PayloadCache:
    """Keeps the least recently used of its values out, beyond a number of bytes.

    Parameters
    ----------
    limit : int
        Bytes, by the length of the objects. What is longer than that is not kept at all: as long as it were, its region
        of the store could not be used again.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = 0
        self._entries: OrderedDict[_Key, tuple[Any, int]] = OrderedDict()

    def get(self, ref: common_pb2.ObjectRef, load: Callable[[common_pb2.ObjectRef], Any]) -> Any:
        """Return the value of ``ref``, by ``load`` when it is not here. What ``load`` raises is not kept."""
        key = (ref.writer, ref.sequence)
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
            return entry[0]
        value = load(ref)
        if ref.length > self._limit:
            return value
        self._entries[key] = (value, ref.length)
        self._bytes += ref.length
        while self._bytes > self._limit:
            _, (_, length) = self._entries.popitem(last=False)
            self._bytes -= length
        return value

    def keys(self) -> set[_Key]:
        """Return (writer, sequence) of what is here."""
        return set(self._entries)
