"""How many cores this process may use."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress


def available_cores() -> int:
    """Return the cores of the affinity mask, or of the control groups' quota where that is less."""
    cores = len(os.sched_getaffinity(0))
    return max(1, min(cores, quota() or cores))


def quota(root: str = "/") -> int | None:
    """Return the least quota of the process's own group and of those above it, in whole cores.

    Rounded down, and one at least; the same rule stands in ``Sources/Worker/Runtime/CoreCount.swift``.

    Parameters
    ----------
    root : str, default '/'
        Where ``proc`` and ``sys`` are.

    Returns
    -------
    int or None
        None when there is no quota.
    """
    try:
        with open(f"{root}/proc/self/cgroup", encoding="utf-8") as file:
            groups = file.read().splitlines()
    except OSError:
        return None
    quotas = [cores for group in groups for cores in _quotas(root, group)]
    return max(1, math.floor(min(quotas))) if quotas else None


def _quotas(root: str, line: str) -> Iterator[float]:
    # hierarchy:controllers:path; hierarchy 0 is that of version 2, and has no controllers.
    fields = line.split(":", 2)
    if len(fields) != 3:
        return
    hierarchy, controllers, group = fields
    if hierarchy == "0":
        for path in _paths(group):
            yield from _cores(f"{root}/sys/fs/cgroup{path}/cpu.max")
    elif "cpu" in controllers.split(","):
        for mount in {"cpu", controllers}:
            for path in _paths(group):
                directory = f"{root}/sys/fs/cgroup/{mount}{path}"
                yield from _cores(f"{directory}/cpu.cfs_quota_us", f"{directory}/cpu.cfs_period_us")


def _paths(group: str) -> list[str]:
    """Return a group and those above it; in a container's tree the host's path has nothing but its top."""
    names = [name for name in group.split("/") if name]
    if ".." in names:
        return [""]
    return ["".join(f"/{name}" for name in names[:count]) for count in range(len(names) + 1)]


def _cores(*paths: str) -> Iterator[float]:
    """Yield quota by period, of numbers that stand in one file or two; nothing where there is no quota."""
    text = ""
    # Not there, or "max".
    with suppress(OSError, ValueError):
        for path in paths:
            with open(path, encoding="ascii") as file:
                text += file.read() + " "
        limit, period = map(float, text.split())
        if 0 < limit < math.inf and period > 0:
            yield min(limit / period, 1e6)
