"""What client containers run: prints one JSON document.

python program.py digests PACE KIND...    what kinds of work of `workloads` come to
python program.py follow GATE             a run: how it ends, and what is said of that; GATE/followed once it has begun
python program.py spread HOSTS            tasks of 50 ms until so many hosts have had many: busy seconds of each
python program.py facts                   what a task sees of its worker; a large array goes there and back
"""

from __future__ import annotations

import collections
import concurrent.futures
import json
import os
import pathlib
import socket
import sys
import time

import cloudpickle
import numpy as np

import anabranch as ab
import workloads

cloudpickle.register_pickle_by_value(workloads)


def nap() -> tuple[str, float, float]:
    start = time.time()
    time.sleep(0.05)
    return socket.gethostname(), start, time.time()


def spread(hosts: int, enough: int = 60) -> dict[str, float]:
    """Keep the pool full until each host has napped often; return how long each napped while all were there."""
    naps: dict[str, list[tuple[float, float]]] = collections.defaultdict(list)
    with ab.Executor() as executor:
        waiting = {executor.submit(nap) for _ in range(64)}
        while len(naps) < hosts or min(map(len, naps.values())) < enough:
            finished, waiting = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED)
            for host, start, end in (future.result() for future in finished):
                naps[host].append((start, end))
            waiting |= {executor.submit(nap) for _ in finished}
        for future in waiting:
            future.cancel()
    begin = max(min(start for start, _ in own) for own in naps.values())
    over = min(max(end for _, end in own) for own in naps.values())
    return {host: sum(max(0.0, min(end, over) - max(start, begin)) for start, end in own) for host, own in naps.items()}


def follow(gate: str) -> tuple[str, str]:
    run = workloads.graph(gate).fit(*workloads.table(), partitions=2, wait=False)
    # Tasks run before the answer that names their run is read: who ends the coordinator by them alone is too early.
    pathlib.Path(gate, "followed").touch()
    try:
        run.wait()
    except ab.ConnectionFailed as error:
        return run.state, str(error)
    return run.state, ""


def look(array: np.ndarray) -> tuple[np.ndarray, dict[str, object]]:
    import sklearn  # noqa: F401
    from threadpoolctl import threadpool_info

    facts = {"user": os.getuid(), "threads": max(pool["num_threads"] for pool in threadpool_info())}
    return array * 2, facts


def facts() -> dict[str, object]:
    array = np.arange(25_000_000, dtype=np.float64)
    with ab.Executor() as executor:
        doubled, seen = executor.submit(look, array).result()
    return {**seen, "doubled": bool(np.array_equal(doubled, array * 2)), "bytes": array.nbytes}


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "digests":
        pace, *kinds = arguments
        told = {kind: workloads.KINDS[kind](float(pace) if pace[0].isdigit() else pace) for kind in kinds}
    elif command == "follow":
        told = follow(arguments[0])
    elif command == "spread":
        told = spread(int(arguments[0]))
    else:
        told = facts()
    print(json.dumps(told))
