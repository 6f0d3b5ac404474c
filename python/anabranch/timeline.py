"""Timelines: what each slot did when, in the Chrome trace event format.

All times are CLOCK_MONOTONIC in microseconds. Coordinator, workers and clients of one host share that clock. A worker
of another host (or of a container with a time namespace) has its own: its times are shifted by one offset, the smallest
under which no task arrives before it was sent and no answer before it was given.
"""

from __future__ import annotations

import gzip
import json
import os
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

from anabranch.v1 import control_pb2, task_pb2

if TYPE_CHECKING:
    from anabranch.records import Record
    from anabranch.run import Run

#: The row of what is no worker's: counters.
POOL = 0


class ClockOffsets:
    """What is added to a worker's times to have them on the coordinator's clock, in microseconds."""

    def __init__(self) -> None:
        self._bounds: dict[int, tuple[int, int]] = {}
        self._offsets: dict[int, int] = {}

    def observe(self, usage: task_pb2.Usage) -> None:
        """Learn from one attempt: it was sent before it was received, and ended before it arrived."""
        if not usage.received_us or not usage.dispatched_us:
            return
        low, high = self._bounds.get(usage.worker, (-(1 << 62), 1 << 62))
        low = max(low, usage.dispatched_us - usage.received_us)
        high = min(high, usage.arrived_us - max(_end(usage), usage.received_us))
        self._bounds[usage.worker] = (low, high)
        if not low <= self._offsets.get(usage.worker, 0) <= high:
            self._offsets[usage.worker] = low if low > 0 else min(high, 0)

    def of(self, worker: int) -> int:
        """Return a worker's offset: 0 as long as nothing speaks against one clock."""
        return self._offsets.get(worker, 0)


class TraceFile:
    """Writes events as they come, so that a timeline needs no memory; the file appears when it is complete.

    Parameters
    ----------
    path : path
        Compressed when it ends in ``.gz``.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._unfinished = f"{self._path}.part"
        opener = gzip.open if self._path.endswith(".gz") else open
        self._file: TextIO = opener(self._unfinished, "wt", encoding="utf-8")  # type: ignore[assignment]
        self._file.write('{"displayTimeUnit":"ms","traceEvents":[')
        self._rows: set[tuple[int, int]] = set()
        self._separator = "\n"
        self._spans = 0

    def event(self, **fields: Any) -> None:
        """Write one event; fields are those of the format."""
        self._file.write(self._separator)
        self._file.write(json.dumps(fields, separators=(",", ":"), default=str))
        self._separator = ",\n"

    def row(self, worker: int, slot: int | None = None) -> tuple[int, int]:
        """Return process and thread of a row, and name both the first time."""
        if (worker, 0) not in self._rows:
            self._rows.add((worker, 0))
            name = f"worker {worker}" if worker != POOL else "pool"
            self.event(ph="M", name="process_name", pid=worker, tid=0, args={"name": name})
        if slot is None:
            return worker, 0
        if (worker, slot + 1) not in self._rows:
            self._rows.add((worker, slot + 1))
            self.event(ph="M", name="thread_name", pid=worker, tid=slot + 1, args={"name": f"slot {slot}"})
        return worker, slot + 1

    def span(self, name: str, category: str, start: int, end: int, row: tuple[int, int], **args: Any) -> None:
        """Write a span of a slot's row."""
        pid, tid = row
        self.event(ph="X", name=name, cat=category, ts=start, dur=end - start, pid=pid, tid=tid, args=args)

    def waiting(self, name: str, start: int, end: int, row: tuple[int, int], **args: Any) -> None:
        """Write a span that may overlap others of its row; nothing when it is empty."""
        if end <= start:
            return
        self._spans += 1
        pid, tid = row
        common = {"name": name, "cat": name, "id": self._spans, "pid": pid, "tid": tid}
        self.event(ph="b", ts=start, args=args, **common)
        self.event(ph="e", ts=end, **common)

    def counter(self, name: str, at: int, value: int) -> None:
        """Write the value that something has from here on."""
        pid, tid = self.row(POOL)
        self.event(ph="C", name=name, ts=at, pid=pid, tid=tid, args={name: value})

    def close(self) -> None:
        """Complete the file."""
        self._file.write("\n]}\n")
        self._file.close()
        os.replace(self._unfinished, self._path)

    def discard(self) -> None:
        """Leave nothing."""
        self._file.close()
        os.unlink(self._unfinished)


def write_attempt(
    file: TraceFile, name: str, usage: task_pb2.Usage, ready: int, offsets: ClockOffsets, args: dict[str, Any]
) -> tuple[int, int, tuple[int, int]] | None:
    """Write one attempt's way.

    Parameters
    ----------
    ready : int
        When all that it needs was there, on the coordinator's clock.

    Returns
    -------
    (start, end, row) or None
        Where its span stands; None for an attempt that is not known to have begun.
    """
    own = file.row(usage.worker)
    which = {"task": name, "attempt": args.get("attempt", 1), "worker": usage.worker, "slot": usage.slot}
    file.waiting("queue", ready, usage.dispatched_us, file.row(POOL), **which)
    if not usage.started_us:
        file.waiting("lost", usage.dispatched_us, usage.arrived_us, own, task=name, **args)
        return None
    shift = offsets.of(usage.worker)
    start, received = usage.started_us + shift, usage.received_us + shift
    end = _end(usage) + shift
    if usage.received_us:
        file.waiting("transfer", usage.dispatched_us, received, own, **which)
        file.waiting("wait for slot", received, start, own, **which)
    row = file.row(usage.worker, usage.slot)
    file.span(name, "task", start, end, row, bytes_in=usage.bytes_in, bytes_out=usage.bytes_out, **args)
    at = start
    for part, took in (("open", usage.open_us), ("compute", usage.compute_us), ("store", usage.store_us)):
        if took:
            file.span(part, part, at, at + took, row)
            at += took
    if usage.arrived_us:
        file.waiting("answer", end, usage.arrived_us, own, **which)
    return start, end, row


def write_run(run: Run, path: str | os.PathLike[str]) -> None:
    """Write the timeline of a run's finished entries."""
    with run.feed.changed:
        records = list(run.feed.records.values())
    file = TraceFile(path)
    try:
        _write_records(file, records, [node.name for node in run.graph.nodes], int(run.started * 1e6))
    except BaseException:
        file.discard()
        raise
    file.close()


def _write_records(file: TraceFile, records: list[Record], names: list[str], started: int) -> None:
    offsets = ClockOffsets()
    for record in records:
        for usage, _, _ in _attempts(record):
            offsets.observe(usage)
    finished: dict[int, int] = {}
    places: dict[int, tuple[int, int, tuple[int, int]]] = {}
    waiting: list[tuple[int, int]] = []
    stored: list[tuple[int, int]] = []
    arrows = 0
    # In the order in which they ended: what an entry consumed comes before it.
    for record in records:
        needed = (*record.inputs, record.model_entry)
        ready = max((finished[entry] for entry in needed if entry in finished), default=started)
        # A part of a splitter's answer was there when the answer was.
        finished[record.id] = ready
        name = _name(record, names)
        for usage, number, ending in _attempts(record):
            args: dict[str, Any] = {"key": str(record.key), "attempt": number, "outcome": ending}
            since = min(ready, usage.dispatched_us)
            place = write_attempt(file, name, usage, since, offsets, args)
            waiting += [(since, 1), (usage.dispatched_us, -1)]
            ready = finished[record.id] = usage.arrived_us
            if place is not None:
                places[record.id] = place
                stored.append((place[1], usage.bytes_out))
        if record.id in places:
            for entry in needed:
                if entry in places:
                    arrows += 1
                    _arrow(file, arrows, places[entry], places[record.id])
    _count(file, "queued tasks", waiting)
    _count(file, "bytes stored by tasks", stored)


def _attempts(record: Record) -> Iterable[tuple[task_pb2.Usage, int, str]]:
    for text in record.earlier:
        earlier = task_pb2.EarlierAttempt.FromString(text)
        yield earlier.usage, earlier.attempt, _kind(earlier)
    usage = task_pb2.Usage.FromString(record.usage)
    if usage.dispatched_us:
        state = control_pb2.EntryState.Name(record.state).removeprefix("ENTRY_STATE_")
        yield usage, record.attempts, state.lower()


def _kind(earlier: task_pb2.EarlierAttempt) -> str:
    return task_pb2.FailureKind.Name(earlier.kind).removeprefix("FAILURE_KIND_").lower()


def _name(record: Record, names: list[str]) -> str:
    node = names[record.node] if record.node < len(names) else "folds"
    return f"{node} {control_pb2.Phase.Name(record.phase).removeprefix('PHASE_').lower()}"


def _arrow(
    file: TraceFile, number: int, source: tuple[int, int, tuple[int, int]], target: tuple[int, int, tuple[int, int]]
) -> None:
    start, end, (pid, tid) = source
    file.event(ph="s", name="reads", cat="data", id=number, ts=max(start, end - 1), pid=pid, tid=tid)
    begun, _, (pid, tid) = target
    file.event(ph="f", bp="e", name="reads", cat="data", id=number, ts=begun, pid=pid, tid=tid)


def _count(file: TraceFile, name: str, changes: list[tuple[int, int]]) -> None:
    value = 0
    changes.sort()
    for index, (at, change) in enumerate(changes):
        value += change
        if index + 1 == len(changes) or changes[index + 1][0] != at:
            file.counter(name, at, value)


class CallTimeline:
    """The timeline of an executor's calls, written while they end. Any thread submits, the connection's ends."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = TraceFile(path)
        self._offsets = ClockOffsets()
        self._calls: dict[int, tuple[str, int]] = {}
        self._stored = 0
        self._lock = threading.Lock()
        self._open = True

    def submitted(self, number: int, name: str) -> None:
        """Note when a call was submitted, and what it calls."""
        self._calls[number] = (name, _now())

    def ended(self, results: Iterable[control_pb2.CallResult]) -> None:
        """Write what became of calls."""
        with self._lock:
            if not self._open:
                return
            for result in results:
                self._write(result)
            self._file.counter("calls in flight", _now(), len(self._calls))
            self._file.counter("bytes stored by tasks", _now(), self._stored)

    def _write(self, result: control_pb2.CallResult) -> None:
        name, ready = self._calls.pop(result.call, ("call", 0))
        for earlier in result.earlier:
            self._attempt(name, earlier.usage, ready, {"attempt": earlier.attempt, "outcome": _kind(earlier)})
            ready = earlier.usage.arrived_us
        if result.usage.dispatched_us:
            ending = "succeeded" if result.WhichOneof("outcome") == "value" else "failed"
            args = {"call": result.call, "attempt": len(result.earlier) + 1, "outcome": ending}
            self._attempt(name, result.usage, ready, args)

    def _attempt(self, name: str, usage: task_pb2.Usage, ready: int, args: dict[str, Any]) -> None:
        self._offsets.observe(usage)
        write_attempt(self._file, name, usage, ready or usage.dispatched_us, self._offsets, args)
        self._stored += usage.bytes_out

    def close(self) -> None:
        """Complete the file; calls that end later are not in it."""
        with self._lock:
            if self._open:
                self._open = False
                self._file.close()


def _end(usage: task_pb2.Usage) -> int:
    return usage.started_us + usage.open_us + usage.compute_us + usage.store_us if usage.started_us else 0


def _now() -> int:
    return time.monotonic_ns() // 1000
