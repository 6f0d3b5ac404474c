"""Progress that shows itself where someone looks: runs and searches report, views draw."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from anabranch.summary import Summary
from anabranch.waiting import inside_task

if TYPE_CHECKING:
    from anabranch.run import Run

#: Seconds between two pictures.
INTERVAL = 0.2
#: Seconds that something must take before it is shown unasked: nobody reads less.
PATIENCE = 0.7
#: Seconds between two lines where lines stay.
LINE_INTERVAL = 5.0


class View(Protocol):
    """Draws summaries, one over the other, from entering to leaving."""

    def update(self, summary: Summary) -> None:
        """Draw what is so now."""

    def __enter__(self) -> View: ...
    def __exit__(self, *_: object) -> None: ...


class Progress:
    """Shows how far something is, when it takes its time and someone looks.

    Parameters
    ----------
    title : str
    wanted : bool, optional
        True shows it at once and wherever, False never. By default it is shown on terminals and in notebooks;
        ``ANABRANCH_PROGRESS=1`` or ``0`` decides for a whole process.
    """

    def __init__(self, title: str, wanted: bool | None = None) -> None:
        self._title = title
        self._at_once = wanted is True
        self._shown = someone_looks() if wanted is None else wanted
        self._began = time.monotonic()
        self._drawn = self._began
        self._view: View | None = None

    @property
    def interval(self) -> float | None:
        """Seconds until the next update is of use; None when none is."""
        if not self._shown:
            return None
        if self._at_once or self._view is not None:
            return INTERVAL
        return max(self._began + PATIENCE - time.monotonic(), 0.01)

    def update(self, summarise: Callable[[], Summary], *, last: bool = False) -> None:
        """Draw what is so now, if the last picture is old enough or this is the last one.

        Parameters
        ----------
        summarise : callable
            Called when there is something to draw.
        last : bool
            Nothing comes after it: what has been too short to be shown is not shown any more.
        """
        if not self._shown:
            return
        now = time.monotonic()
        if self._view is None:
            if not self._at_once and (last or now < self._began + PATIENCE):
                return
            self._view = make_view(self._title)
            self._view.__enter__()
            _views.append(self._view)
        elif not last and now < self._drawn + INTERVAL:
            return
        self._view.update(summarise())
        self._drawn = now

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._view is not None:
            _views.remove(self._view)
            self._view.__exit__(None, None, None)


#: Those that draw now.
_views: list[View] = []


def is_showing() -> bool:
    """Whether something is being shown: what comes up meanwhile has no place of its own."""
    return bool(_views)


def follow(run: Run, timeout: float | None = None, progress: bool | None = None) -> None:
    """Wait until a run has ended.

    Raises
    ------
    TimeoutError
        When it has not within `timeout` seconds.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    with Progress(run.graph.name or f"run {run.id}", progress) as shown:
        while not _wait(run, deadline, shown.interval):
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"{run!r} has not ended within {timeout:g} s (timeout=); it goes on")
            shown.update(lambda: Summary.of_run(run))
        shown.update(lambda: Summary.of_run(run), last=True)


def _wait(run: Run, deadline: float | None, seconds: float | None) -> bool:
    if deadline is not None:
        left = max(deadline - time.monotonic(), 0.0)
        seconds = left if seconds is None else min(seconds, left)
    with run.feed.changed:
        return run.feed.changed.wait_for(lambda: run.finished, seconds)


def someone_looks() -> bool:
    """Whether progress is shown unasked: on a terminal (standard error) and in a notebook, never within a task."""
    if inside_task():
        return False
    chosen = os.environ.get("ANABRANCH_PROGRESS", "").strip().lower()
    if chosen:
        return chosen not in ("0", "false", "no", "off")
    return _in_notebook() or _on_terminal()


def _in_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)


def _on_terminal() -> bool:
    return bool(getattr(sys.stderr, "isatty", lambda: False)())


def make_view(title: str) -> View:
    """Return the best view that there is where this process shows itself."""
    if _in_notebook():
        return NotebookView(title)
    if not _on_terminal():
        return LineView(title)
    try:
        from anabranch.live import LiveView
    except ImportError:
        return TerminalLine(title)
    return LiveView(title)


class LineView:
    """Plain lines for a pipe or a file: one every few seconds, and one at the end."""

    def __init__(self, title: str, every: float = LINE_INTERVAL) -> None:
        self._title = title
        self._every = every
        self._last = time.monotonic()
        self._unsaid: Summary | None = None

    def update(self, summary: Summary) -> None:
        """Write a line when it is time for one."""
        self._unsaid = summary
        if time.monotonic() - self._last >= self._every:
            self._last = time.monotonic()
            self._write()

    def __enter__(self) -> LineView:
        return self

    def __exit__(self, *_: object) -> None:
        self._write()

    def _write(self) -> None:
        if self._unsaid is not None:
            print(f"{printable(self._title)}: {self._unsaid.line()}", file=sys.stderr, flush=True)
            self._unsaid = None


class TerminalLine:
    """One line on a terminal that rewrites itself, for where rich is not installed."""

    def __init__(self, title: str) -> None:
        self._title = printable(title)

    def update(self, summary: Summary) -> None:
        """Write the line anew."""
        print(f"\r\x1b[K{self._title}: {summary.line()}", end="", file=sys.stderr, flush=True)

    def __enter__(self) -> TerminalLine:
        return self

    def __exit__(self, *_: object) -> None:
        print(file=sys.stderr, flush=True)


class NotebookView:
    """A display of a notebook that is updated in place, and stays as it was last."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._handle: Any = None

    def update(self, summary: Summary) -> None:
        """Replace what is displayed."""
        from IPython.display import display

        from anabranch.rendering.html import summary_to_html

        content = {"text/html": summary_to_html(summary, self._title), "text/plain": summary.line()}
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)

    def __enter__(self) -> NotebookView:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def printable(text: str) -> str:
    """Return text that moves no cursor."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
