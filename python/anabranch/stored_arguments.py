"""Large arguments of calls, in the store once however many calls take them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from anabranch.calls import LARGE
from anabranch.process_client import current
from anabranch.references import Ref


class StoredArguments:
    """Stores arguments of calls, and knows them again by their identity until it is cleared."""

    def __init__(self) -> None:
        self._stored: dict[int, tuple[Any, Ref]] = {}

    def clear(self) -> None:
        """Let go of all of them."""
        self._stored.clear()

    def with_references(self, item: tuple[Callable, Sequence[Any], dict[str, Any]]) -> tuple:
        """Return a function and its arguments, with references in the place of large ones."""
        function, args, kwargs = item
        return (
            function,
            tuple(self._stored_once(value) for value in args),
            {name: self._stored_once(value) for name, value in kwargs.items()},
        )

    def _stored_once(self, value: Any) -> Any:
        if _nbytes(value) < LARGE:
            return value
        known = self._stored.get(id(value))
        if known is None:
            # The value is kept too, so that its identity stays its own.
            known = self._stored[id(value)] = (value, current().put(value))
        return known[1]


def _nbytes(value: Any) -> int:
    """Return the bytes of an array, a frame or a sparse matrix, 0 of anything else."""
    if isinstance(value, type):
        return 0
    if hasattr(value, "memory_usage"):
        usage = value.memory_usage()
        return int(usage if isinstance(usage, int) else usage.sum())
    if hasattr(value, "indptr"):
        value = value.data
    nbytes = getattr(value, "nbytes", 0)
    return nbytes if isinstance(nbytes, int) and not isinstance(value, memoryview) else 0
