"""Where the CPU time of a call goes: microseconds and context switches per call, by thread of each process.

    python benchmarks/cpu.py [throughput native_throughput round_trip chain native_chain]

The scheduler's own counts, so that a machine that is busy with other things says nearly the same as a quiet one.
"""

from __future__ import annotations

import os
import pathlib
import sys
from collections import defaultdict

import psutil

from systems.anabranch_pool import AnabranchPool

#: measurement -> calls that it makes, warm-up included
CALLS = {"throughput": 105_000, "native_throughput": 205_000, "round_trip": 501, "chain": 4_000, "native_chain": 4_000}


def counts() -> dict[tuple[str, str], tuple[int, int]]:
    """Return (process and thread, thread id) -> (nanoseconds on a core, context switches)."""
    found = {}
    me = psutil.Process()
    for process in [me, *me.children(recursive=True)]:
        role = _role(process, me)
        for thread in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
            nanoseconds = int((thread / "schedstat").read_text().split()[0])
            status = (thread / "status").read_text().splitlines()
            switches = sum(int(line.split()[1]) for line in status if "ctxt_switches" in line)
            found[f"{role}, {(thread / 'comm').read_text().strip()}", thread.name] = (nanoseconds, switches)
    return found


def _role(process: psutil.Process, me: psutil.Process) -> str:
    if process == me:
        return "client"
    words = process.cmdline()
    if "anabranch.runtime" in words:
        return "runtime"
    return "coordinator" if "pool" in words else "worker"


def main() -> None:
    """Measure what the arguments name, one after the other in one pool."""
    pool = AnabranchPool()
    for name in sys.argv[1:] or list(CALLS):
        before = counts()
        getattr(pool, name)()
        spent: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for key, now in counts().items():
            then = before.get(key, (0, 0))
            spent[key[0]][0] += now[0] - then[0]
            spent[key[0]][1] += now[1] - then[1]
        calls = CALLS[name]
        total = sum(nanoseconds for nanoseconds, _ in spent.values()) / calls / 1e3
        print(f"{name}: {total:.1f} us of CPU per call, {len(os.sched_getaffinity(0))} cores")
        for role, (nanoseconds, switches) in sorted(spent.items(), key=lambda item: -item[1][0]):
            if nanoseconds > total * calls * 5:  # half a percent
                print(f"  {nanoseconds / calls / 1e3:8.2f} us {switches / calls:6.2f} switches  {role}")


if __name__ == "__main__":
    main()
