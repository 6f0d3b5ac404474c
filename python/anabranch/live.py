"""The live view of a run on a terminal or in a notebook. Needs rich."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.table import Table

from anabranch.progress import Summary

if TYPE_CHECKING:
    from anabranch.run import Run


class LiveView:
    """A table of nodes that redraws itself: keys done of all, running, failed, rate and time left."""

    def __init__(self) -> None:
        self._live = Live(console=Console(stderr=True), transient=True, auto_refresh=False)

    def update(self, run: Run) -> None:
        """Draw the run as it is now."""
        self._live.update(_table(Summary(run), run.graph.name or f"run {run.id}"), refresh=True)

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()


def _table(summary: Summary, title: str) -> Table:
    left = summary.seconds_left
    rest = f", {left:.0f} s left" if left is not None else ""
    table = Table(title=f"{title}: {summary.seconds:.0f} s, {summary.rate:.1f} keys/s{rest}", title_justify="left")
    table.add_column("node")
    table.add_column("keys", justify="right")
    table.add_column("", width=20)
    table.add_column("running", justify="right")
    table.add_column("failed", justify="right")
    for name, done, planned, is_open, running, failed, skipped in summary.nodes:
        filled = round(20 * done / planned) if planned else 0
        more = "+" if is_open else ""
        bad = f"[red]{failed}[/red]" if failed else ""
        if skipped:
            bad += f" ({skipped} skipped)"
        table.add_row(name, f"{done}/{planned}{more}", "█" * filled, str(running or ""), bad)
    return table
