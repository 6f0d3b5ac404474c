"""Data that all fits of a search have: they stand in the store once, from the first fit there to the refit."""

from __future__ import annotations

from typing import Any

from anabranch.process_client import current
from anabranch.references import Ref


class HeldData:
    """X and y of one search, as far as they are in the store."""

    def __init__(self) -> None:
        # The value is kept beside its reference, for as long as its identity stands for it.
        self._stored: dict[tuple[str, int], tuple[Any, Ref]] = {}

    def __bool__(self) -> bool:
        return bool(self._stored)

    def store(self, value: Any) -> Ref:
        """Return the value's reference, in the pool that is the process's now."""
        client = current()
        key = client.address, id(value)
        if key not in self._stored:
            self._stored[key] = value, client.put(value, never_inline=True)
        return self._stored[key][1]

    def release(self) -> None:
        """Let go of all."""
        self._stored.clear()
