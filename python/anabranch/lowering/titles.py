"""Names of nodes as names of steps: scikit-learn keeps ``__`` for itself."""

from __future__ import annotations

from collections.abc import Sequence


def titles(names: Sequence[str]) -> list[str]:
    """Return a name for each node's step: what follows the last ``__`` where that tells them apart."""
    short = [name.rpartition("__")[2] or name for name in names]
    if len(set(short)) < len(short):
        short = [name.replace("__", "_") for name in names]
    return short
