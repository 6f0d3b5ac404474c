"""Progress: when it is shown, and what."""

from __future__ import annotations

import io
import re
import sys
import threading
import types

import pytest
from made_runs import run_of, small_graph
from markup import HARMLESS, HOSTILE, Tags

from anabranch import progress, waiting
from anabranch.progress import LineView, NotebookView, Progress, TerminalLine, follow, make_view, someone_looks
from anabranch.summary import Row, Summary
from anabranch.v1 import control_pb2

HALF = Summary([Row("fits", done=30, planned=60, running=2, failed=1)], seconds=10.0, unit="fits")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    terminal = Terminal()
    # pytest sets standard error anew before the test begins.
    monkeypatch.setattr(progress, "sys", types.SimpleNamespace(stderr=terminal, modules=sys.modules))
    return terminal


class Notebook:
    """Stands for IPython in a notebook."""

    def __init__(self, monkeypatch):
        self.shown = []
        shell = type("Shell", (type("ZMQInteractiveShell", (), {}),), {})()
        package, displays = types.ModuleType("IPython"), types.ModuleType("IPython.display")
        package.get_ipython, displays.display = lambda: shell, self.display
        monkeypatch.setitem(sys.modules, "IPython", package)
        monkeypatch.setitem(sys.modules, "IPython.display", displays)

    def display(self, content, raw, display_id):
        assert raw and display_id
        self.shown.append(content)
        return types.SimpleNamespace(update=lambda content, raw: self.shown.__setitem__(-1, content))


@pytest.fixture
def notebook(monkeypatch):
    return Notebook(monkeypatch)


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_shown_on_a_terminal_and_silent_in_a_pipe(monkeypatch, terminal):
    assert someone_looks()
    monkeypatch.setattr(progress.sys, "stderr", io.StringIO())
    assert not someone_looks()
    monkeypatch.setattr(progress.sys, "stderr", None)
    assert not someone_looks()


def test_shown_in_a_notebook(notebook):
    assert someone_looks() and isinstance(make_view("run"), NotebookView)


@pytest.mark.parametrize(("value", "shown"), [("0", False), ("off", False), ("1", True), ("", True)])
def test_the_environment_decides(monkeypatch, terminal, value, shown):
    monkeypatch.setenv("ANABRANCH_PROGRESS", value)
    assert someone_looks() == shown


def test_never_within_a_task(terminal):
    waiting.begin_task(lambda waits: None)
    try:
        assert not someone_looks()
    finally:
        waiting.end_task()


def test_what_is_soon_over_is_not_shown(terminal, clock):
    with Progress("run") as shown:
        assert shown.interval == pytest.approx(progress.PATIENCE)
        shown.update(lambda: pytest.fail("nobody asked"))
        clock[0] += progress.PATIENCE
        shown.update(lambda: pytest.fail("it is over"), last=True)
    assert terminal.getvalue() == ""


def test_what_takes_longer_is(monkeypatch, terminal, clock):
    monkeypatch.setitem(sys.modules, "anabranch.live", None)
    with Progress("run") as shown:
        clock[0] += progress.PATIENCE
        shown.update(lambda: HALF)
        assert shown.interval == progress.INTERVAL
    assert "run:   10.0 s  30 of 60 fits, 3/s, 1 failed, 10 s left" in terminal.getvalue()


def test_pictures_are_not_drawn_faster_than_they_are_read(capsys, clock):
    drawn = []
    with Progress("run", True) as shown:
        for _ in range(1000):
            shown.update(lambda: drawn.append(clock[0]) or HALF)
            clock[0] += 0.001
        shown.update(lambda: drawn.append(clock[0]) or HALF, last=True)
    assert 5 <= len(drawn) <= 7


def test_silenced_it_asks_for_nothing(terminal, clock):
    with Progress("run", False) as shown:
        clock[0] += 60
        assert shown.interval is None
        shown.update(lambda: pytest.fail("nobody asked"))
    assert terminal.getvalue() == ""


def test_forced_in_a_pipe_it_is_lines(capsys, clock):
    with Progress("run", True) as shown:
        for _ in range(100):
            shown.update(lambda: HALF)
            clock[0] += 0.2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4 and set(lines) == {"run:   10.0 s  30 of 60 fits, 3/s, 1 failed, 10 s left"}


def test_a_run_is_followed_to_its_end(capsys):
    run = run_of(small_graph(), [], state=control_pb2.RUN_STATE_RUNNING)
    done = control_pb2.NodeProgress(node=1, planned=4, succeeded=4)
    end = control_pb2.RunUpdate(run=1, progress=[done], state=control_pb2.RUN_STATE_SUCCEEDED)
    with pytest.raises(TimeoutError):
        follow(run, 0.01, True)
    pushing = threading.Thread(target=run.feed.push, args=[end])
    pushing.start()
    follow(run, progress=True)
    pushing.join()
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("small: ") and " 4 of 4 keys" in last and "left" not in last


def test_without_rich_one_line_rewrites_itself(monkeypatch, terminal):
    monkeypatch.setitem(sys.modules, "anabranch.live", None)
    view = make_view("a\x1b[31m\nb")
    assert isinstance(view, TerminalLine)
    with view:
        view.update(HALF)
    assert terminal.getvalue().startswith("\r\x1b[Ka\ufffd[31m\ufffdb: ") and terminal.getvalue().endswith("\n")


def test_a_terminal_shows_what_runs_and_no_markup():
    console = pytest.importorskip("rich.console").Console(file=io.StringIO(), force_terminal=True, width=100, height=12)
    from anabranch.live import LiveView

    rows = [Row(f"node {i} [red]", done=5 if i != 150 else 2, planned=5, running=int(i == 150)) for i in range(200)]
    with LiveView("run [bold] " + "x" * 500, console) as view:
        view.update(Summary(rows, 10.0))
    text = console.file.getvalue()
    assert "node 150 [red]" in text and "2/5" in text and "and 194 more" in text and "run [bold]" in text
    assert len(set(re.findall("node [0-9]+", text))) == 6


def test_a_notebook_shows_one_display_that_changes(notebook):
    with make_view(HOSTILE) as view:
        view.update(Summary([Row(HOSTILE, 1, 2)], 1.0))
        view.update(HALF)
    (content,) = notebook.shown
    shown = Tags(content["text/html"])
    assert shown.tags <= HARMLESS and "30/60" in shown.text and "<script>alert(1)</script>" in shown.text
    assert content["text/plain"] == HALF.line()


def test_time_left_is_said_when_it_can_be_known():
    assert HALF.rate == 3.0 and HALF.seconds_left == 10.0
    assert Summary([Row("a", 0, 5)], 3.0).seconds_left is None
    assert Summary([Row("a", 1, 5, is_open=True)], 3.0).seconds_left is None
    assert Summary([Row("a", 5, 5)], 3.0).seconds_left is None
    assert Summary([Row("a", 1, 5)], 3.0, ended=True).seconds_left is None
    assert "1:01:40 left" in Summary([Row("a", 1, 38)], 100.0).line()


def test_lines_are_not_repeated(capsys):
    with LineView("run"):
        pass
    assert capsys.readouterr().err == ""
