"""The live view of a run or a search on a terminal. Needs rich."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from anabranch.progress import printable
from anabranch.rendering.escaping import shortened
from anabranch.summary import Row, Summary

#: Characters of a name.
_LONGEST_NAME = 40
#: Lines of a terminal that are not rows of the table.
_OTHER_LINES = 6


class LiveView:
    """A table that redraws itself: done of all, running, failed, rate and time left. Its first line stays at the end.

    Parameters
    ----------
    title : str
    console : Console, optional
        Standard error's by default.
    """

    def __init__(self, title: str, console: Console | None = None) -> None:
        self._title = shortened(printable(title), _LONGEST_NAME)
        self._console = console or Console(stderr=True)
        self._live = Live(console=self._console, transient=True, auto_refresh=False)
        self._last: Summary | None = None

    def update(self, summary: Summary) -> None:
        """Draw what is so now."""
        self._last = summary
        self._live.update(self._picture(summary), refresh=True)

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        if self._last is not None:
            self._console.print(self._line(self._last))

    def _line(self, summary: Summary) -> Text:
        # As Text, in which brackets are no markup.
        return Text(f"{self._title}: {summary.line()}", no_wrap=True, overflow="ellipsis")

    def _picture(self, summary: Summary) -> Group:
        rows = most_active(summary.rows, max(self._console.height - _OTHER_LINES, 1))
        hidden = len(summary.rows) - len(rows)
        caption = Text(f"and {hidden} more") if hidden else None
        table = Table(caption=caption, caption_justify="left")
        table.add_column("")
        table.add_column(summary.unit, justify="right")
        table.add_column("", width=20)
        table.add_column("running", justify="right")
        table.add_column("failed", justify="right")
        for row in rows:
            name = Text(shortened(printable(row.name), _LONGEST_NAME))
            skipped = Text(f" ({row.skipped} skipped)" if row.skipped else "")
            failed = Text(str(row.failed) if row.failed else "", style="red") + skipped
            counts = f"{row.done}/{row.planned}{'+' if row.is_open else ''}"
            bar = ProgressBar(total=max(row.planned, 1), completed=row.done, width=20)
            table.add_row(name, counts, bar, str(row.running or ""), failed)
        return Group(self._line(summary), table)


def most_active(rows: Sequence[Row], most: int) -> list[Row]:
    """Return so many rows in their order: those that run first, then those that are not done."""
    ranked = sorted(range(len(rows)), key=lambda i: (not rows[i].running, rows[i].done >= rows[i].planned, i))
    return [rows[index] for index in sorted(ranked[:most])]
