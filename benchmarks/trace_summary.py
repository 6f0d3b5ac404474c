"""Where a timeline's time went: per slot what it did, and how long its tasks were on their way.

    python benchmarks/trace_summary.py run.json [more.json.gz ...]

Reads what ``run.trace``, ``--trace FILE`` and ``Executor(trace=FILE)`` write. A slot's time is split into what its
tasks opened, computed and stored, and into gaps: ``between`` tasks, while the next one was at the worker already (what
the runtime does between two tasks, and its wait for a core); ``no task yet``, while tasks were ready and none of them
was here; ``none ready``. What tasks wait overlaps (many are queued at a time), so it is given per task.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import pathlib
import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

#: What a slot does for a task, and what a task waits for before and after; names of the timeline's events.
WORK = ("open", "compute", "store")
WAITS = ("queue", "transfer", "wait for slot", "answer")
#: While one of these lasts, a task is ready and does not run.
READY = ("queue", "transfer", "wait for slot")
HELD = "wait for slot"

Spans = list[tuple[float, float]]


@dataclass
class Slot:
    """What one slot did, in microseconds.

    Attributes
    ----------
    tasks : list of (start, end)
    work : dict
        Sum by each of `WORK`.
    waits : dict
        What each task waited, by each of `WAITS`; a task that waited nothing is not in it.
    held : list of (start, end)
        When a task for this slot was at its worker and had not begun.
    between, no_task_yet : float
        How long it ran no task although one was at its worker, or was ready elsewhere.
    """

    tasks: Spans = field(default_factory=list)
    work: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    held: Spans = field(default_factory=list)
    between: float = 0.0
    no_task_yet: float = 0.0


def load(path: pathlib.Path) -> list[dict]:
    """Return a file's events."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        return json.load(file)["traceEvents"]


def summarise(events: Iterable[dict]) -> tuple[dict[tuple[int, int], Slot], float]:
    """Return what each (worker, slot) did, and the microseconds from the first task's beginning to the last's end."""
    slots: dict[tuple[int, int], Slot] = defaultdict(Slot)
    begun: dict[int, dict] = {}
    ready: Spans = []
    for event in events:
        if event["ph"] == "X":
            slot = slots[event["pid"], event["tid"] - 1]
            if event["cat"] == "task":
                slot.tasks.append((event["ts"], event["ts"] + event["dur"]))
            else:
                slot.work[event["cat"]] += event["dur"]
        elif event["ph"] == "b":
            begun[event["id"]] = event
        elif event["ph"] == "e":
            start = begun.pop(event["id"])
            if start["name"] in READY:
                ready.append((start["ts"], event["ts"]))
            if start["name"] in WAITS:
                where = start["args"]["worker"], start["args"]["slot"]
                slots[where].waits[start["name"]].append(event["ts"] - start["ts"])
                if start["name"] == HELD:
                    slots[where].held.append((start["ts"], event["ts"]))
    tasks = [span for slot in slots.values() for span in slot.tasks]
    if not tasks:
        return {}, 0.0
    first, last = min(start for start, _ in tasks), max(end for _, end in tasks)
    ready = union(ready)
    for slot in slots.values():
        idle = gaps(union(slot.tasks), first, last)
        slot.between = overlap(idle, union(slot.held))
        slot.no_task_yet = overlap(idle, ready) - slot.between
    return dict(sorted(slots.items())), last - first


def union(spans: Iterable[tuple[float, float]]) -> Spans:
    """Return the same times without overlap, in order."""
    merged: Spans = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged


def gaps(spans: Spans, first: float, last: float) -> Spans:
    """Return the times between first and last that are in none of the spans, which are in order."""
    edges = [first, *itertools.chain.from_iterable(spans), last]
    return [(start, end) for start, end in zip(edges[::2], edges[1::2]) if end > start]


def overlap(one: Spans, other: Spans) -> float:
    """Return how long both last, each in order and without overlap."""
    total, index = 0.0, 0
    for start, end in one:
        while index < len(other) and other[index][1] <= start:
            index += 1
        at = index
        while at < len(other) and other[at][0] < end:
            total += min(end, other[at][1]) - max(start, other[at][0])
            at += 1
    return total


def table(slots: dict[tuple[int, int], Slot], span: float) -> list[str]:
    """Return the summary as a table in Markdown."""
    head = ["slot", "tasks", *WORK, "between", "no task yet", "none ready", *(f"{name}, per task" for name in WAITS)]
    rows = [[f"worker {worker} slot {number}", *_cells([slot], span)] for (worker, number), slot in slots.items()]
    rows.append(["all", *_cells(list(slots.values()), span * len(slots))])
    return [_line(head), _line(["---"] * len(head)), *map(_line, rows)]


def _cells(slots: list[Slot], span: float) -> list[str]:
    parts = [sum(slot.work[name] for slot in slots) for name in WORK]
    busy = sum(end - start for slot in slots for start, end in slot.tasks)
    idle = [sum(slot.between for slot in slots), sum(slot.no_task_yet for slot in slots)]
    count = sum(len(slot.tasks) for slot in slots)
    waits = [[wait for slot in slots for wait in slot.waits[name]] for name in WAITS]
    shares = [f"{part / span:.1%}" for part in (*parts, *idle, max(span - busy - sum(idle), 0.0))]
    return [str(count), *shares, *(_duration(sum(wait) / count if count else 0.0) for wait in waits)]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _duration(microseconds: float) -> str:
    if microseconds < 1_000:
        return f"{microseconds:.0f} µs"
    return f"{microseconds / 1e3:.1f} ms" if microseconds < 1e6 else f"{microseconds / 1e6:.2f} s"


def main(arguments: list[str] | None = None) -> None:
    """Print a table for each file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=pathlib.Path, metavar="FILE")
    for path in parser.parse_args(arguments).files:
        slots, span = summarise(load(path))
        if not slots:
            raise SystemExit(f"{path}: no task in it")
        lengths = [end - start for slot in slots.values() for start, end in slot.tasks]
        print(f"\n{path}: {_duration(span)}, {len(lengths)} tasks, median {_duration(statistics.median(lengths))}\n")
        print("\n".join(table(slots, span)))


if __name__ == "__main__":
    main()
