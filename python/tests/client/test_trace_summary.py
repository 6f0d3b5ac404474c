"""The benchmarks' summary of a timeline, over timelines made by hand."""

from __future__ import annotations

import importlib.util
import pathlib
import sys

import pytest

from anabranch.timeline import ClockOffsets, TraceFile, write_attempt
from anabranch.v1 import task_pb2

SCRIPT = pathlib.Path(__file__).parents[3] / "benchmarks" / "trace_summary.py"


@pytest.fixture(scope="module")
def summary():
    spec = importlib.util.spec_from_file_location("trace_summary", SCRIPT)
    module = sys.modules["trace_summary"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["trace_summary"]


def attempt(sent, received, started, work, arrived, slot=0):
    opened, computed, stored = work
    return task_pb2.Usage(
        worker=1, slot=slot, dispatched_us=sent, received_us=received, started_us=started, arrived_us=arrived,
        open_us=opened, compute_us=computed, store_us=stored,
    )  # fmt: skip


@pytest.fixture
def timeline(tmp_path):
    """Two tasks on slot 0, the second at the worker from 130 and begun at 250; one on slot 1 from 200 to 300."""
    path = tmp_path / "run.json.gz"
    file = TraceFile(path)
    for ready, usage in [
        (0, attempt(50, 80, 100, (10, 80, 10), 240)),
        (20, attempt(110, 130, 250, (0, 50, 0), 320)),
        (20, attempt(150, 190, 200, (20, 60, 20), 310, slot=1)),
    ]:
        write_attempt(file, "work", usage, ready, ClockOffsets(), {"attempt": 1})
    file.close()
    return path


def test_a_slots_time_is_split(summary, timeline):
    slots, span = summary.summarise(summary.load(timeline))
    assert span == 200 and list(slots) == [(1, 0), (1, 1)]
    first, second = slots.values()
    assert first.work == {"open": 10, "compute": 130, "store": 10} and second.work == {
        "open": 20,
        "compute": 60,
        "store": 20,
    }
    assert first.waits == {"queue": [50, 90], "transfer": [30, 20], "wait for slot": [20, 120], "answer": [40, 20]}
    # 200 to 250: its next task was there. 100 to 190: that of slot 1 was on its way, from 190 at the worker.
    assert (first.between, first.no_task_yet) == (50, 0) and (second.between, second.no_task_yet) == (10, 90)


def test_the_parts_of_a_slots_row_make_up_the_whole(summary, timeline, capsys):
    summary.main([str(timeline)])
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert lines[0] == f"{timeline}: 200 µs, 3 tasks, median 100 µs"
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]
    assert cells[0][:3] == ["slot", "tasks", "open"] and len(cells) == 5
    for row in cells[2:]:
        assert sum(float(cell.rstrip("%")) for cell in row[2:8]) == pytest.approx(100, abs=0.3)
    assert cells[4][:8] == ["all", "3", "7.5%", "47.5%", "7.5%", "15.0%", "22.5%", "0.0%"]
    assert cells[4][8:] == ["90 µs", "30 µs", "50 µs", "23 µs"]


def test_a_timeline_without_tasks_is_said(summary, tmp_path):
    TraceFile(tmp_path / "none.json").close()
    with pytest.raises(SystemExit, match=r"none\.json: no task in it"):
        summary.main([str(tmp_path / "none.json")])


@pytest.mark.parametrize(
    ("one", "other", "length"),
    [
        ([], [(0, 5)], 0),
        ([(0, 5)], [(5, 9)], 0),
        ([(0, 10)], [(1, 2), (3, 5), (9, 12)], 4),
        ([(0, 4), (6, 8)], [(3, 7)], 2),
    ],
)
def test_overlap(summary, one, other, length):
    assert summary.overlap(one, other) == summary.overlap(other, one) == length
