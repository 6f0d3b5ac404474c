"""What other processes have open, by kind: a leak of one each time something dies is seen by its count."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections import Counter

from cluster import PATIENCE


def descriptors(pid: int) -> Counter[str]:
    """Return the kinds of what a process has open, and how many it has of each."""
    found: Counter[str] = Counter()
    for number in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found[_kind(os.readlink(f"/proc/{pid}/fd/{number}"))] += 1
    return found


def await_descriptors(pid: int, before: Counter[str], whose: str) -> None:
    """Wait until a process has open what it had before; kinds of which it has more, or fewer, are named."""
    deadline = time.monotonic() + PATIENCE
    while (now := descriptors(pid)) != before:
        if time.monotonic() > deadline:
            changes = {kind: f"{before[kind]} before, {now[kind]} now" for kind in before | now}
            changed = {kind: change for kind, change in changes.items() if before[kind] != now[kind]}
            raise AssertionError(f"descriptors of {whose} (process {pid}): {changed}")
        time.sleep(0.05)


def _kind(target: str) -> str:
    if "/seg-" in target:
        return "segment of the store"
    # Numbers say which one it is, not of what kind.
    return re.sub(r"\d+", "N", re.sub(r":\[\d+\]$", "", target))
