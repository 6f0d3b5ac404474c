"""Processes by their numbers, which may end at any moment."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import psutil


def living(numbers: Iterable[int]) -> list[psutil.Process]:
    """Those of the processes that are there."""
    found = []
    for number in numbers:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(number))
    return found
