"""What every timeline must be: checks that the tests of the client and of real runs share."""

from __future__ import annotations

import gzip
import itertools
import json
import pathlib
from collections import defaultdict

NEEDED = {
    "X": {"name", "ts", "dur", "pid", "tid"},
    "M": {"name", "pid", "args"},
    "b": {"name", "cat", "id", "ts", "pid"},
    "e": {"name", "cat", "id", "ts", "pid"},
    "s": {"id", "ts", "pid", "tid"},
    "f": {"id", "ts", "pid", "tid", "bp"},
    "C": {"name", "ts", "pid", "args"},
}


def load(path: pathlib.Path) -> list[dict]:
    """Return a file's events, checked: known phases with their fields, pairs complete, no overlap within a slot."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        events = json.load(file)["traceEvents"]
    opened: dict[tuple, dict] = {}
    for event in events:
        assert event.keys() >= NEEDED[event["ph"]], event
        if event["ph"] == "b":
            opened[event["cat"], event["id"]] = event
        elif event["ph"] == "e":
            assert opened.pop((event["cat"], event["id"]))["ts"] < event["ts"]
    assert not opened
    for spans in slots(events).values():
        for before, after in itertools.pairwise(spans):
            assert before["ts"] + before["dur"] <= after["ts"], (before, after)
    named = {(event["pid"], event["tid"]) for event in events if event["ph"] == "M"}
    assert {(event["pid"], event["tid"]) for event in events if event["ph"] != "M"} <= named
    return events


def slots(events: list[dict]) -> dict[tuple[int, int], list[dict]]:
    """Return the tasks of each slot in order; what a task did lies within it."""
    rows: dict[tuple[int, int], list[dict]] = defaultdict(list)
    for event in events:
        if event["ph"] == "X" and event["cat"] == "task":
            rows[event["pid"], event["tid"]].append(event)
    for spans in rows.values():
        spans.sort(key=lambda event: event["ts"])
    for event in events:
        if event["ph"] == "X" and event["cat"] != "task":
            assert any(
                task["ts"] <= event["ts"] and event["ts"] + event["dur"] <= task["ts"] + task["dur"]
                for task in rows[event["pid"], event["tid"]]
            ), event
    return rows


def tasks(events: list[dict]) -> list[dict]:
    """Return the spans of tasks in the order of their beginnings."""
    return sorted((task for row in slots(events).values() for task in row), key=lambda event: event["ts"])


def waits(events: list[dict], name: str) -> list[tuple[int, int]]:
    """Return (start, end) of what waited under a name."""
    starts = {event["id"]: event["ts"] for event in events if event["ph"] == "b" and event["name"] == name}
    return [(starts[event["id"]], event["ts"]) for event in events if event["ph"] == "e" and event["name"] == name]
