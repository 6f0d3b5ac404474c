"""How many cores this process may use."""

from __future__ import annotations

import math
import os


def available_cores() -> int:
    """Return the cores of the affinity mask, or of the control group's quota where that is less."""
    cores = len(os.sched_getaffinity(0))
    quota = _quota()
    return cores if quota is None else max(1, min(cores, math.floor(quota)))


def _quota() -> float | None:
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
            limit, period = file.read().split()
    except (OSError, ValueError):
        return None
    return None if limit == "max" else int(limit) / int(period)
