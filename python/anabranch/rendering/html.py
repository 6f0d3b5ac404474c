"""What notebooks show of graphs, runs, relations and entries: HTML without scripts, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from anabranch.rendering.escaping import escaped, shortened
from anabranch.rendering.svg import to_svg
from anabranch.summary import Row, Summary

if TYPE_CHECKING:
    from anabranch.entry import Entry
    from anabranch.graph import Pipeline
    from anabranch.relation import Relation
    from anabranch.run import Run

#: Rows of a table of entries, failures that are shown with a run, and characters of a cell.
MOST_ROWS, MOST_FAILURES, LONGEST_CELL = 30, 5, 160
_LEFT = 'style="text-align:left;vertical-align:top"'


def graph_to_html(graph: Pipeline) -> str:
    """Return a graph's picture, in a box that scrolls."""
    if not graph.nodes:
        return f"<pre>{escaped(repr(graph))}</pre>"
    return f'<div style="overflow:auto;max-height:40em;background:#fff">{to_svg(graph)}</div>'


def run_to_html(run: Run) -> str:
    """Return what became of a run so far: its state, and per node counts, time, bytes and errors."""
    summary = Summary.of_run(run)
    name = f" {escaped(shortened(run.graph.name, LONGEST_CELL))}" if run.graph.name else ""
    head = f"<b>Run {run.id}{name}</b>, {escaped(run.mode.name.lower())}: <b>{escaped(run.state)}</b>, "
    entries = {node: list(run[node]) for node in run.graph.nodes}
    rows = [_node_row(node.name, entries[node], summary.row(node.name)) for node in run.graph.nodes]
    columns = ("node", "keys", "succeeded", "failed", "skipped", "running", "attempts", "seconds", "bytes")
    parts = [f"<div>{head}{escaped(summary.line())}</div>", _table(columns, rows)]
    failed = [entry for group in entries.values() for entry in group if entry.state == "failed"]
    parts += [_failure(entry) for entry in failed[:MOST_FAILURES]]
    if len(failed) > MOST_FAILURES:
        parts.append(f"<div>and {len(failed) - MOST_FAILURES} more failed keys: <code>run.failed</code></div>")
    parts.append(f"<details><summary>graph</summary>{graph_to_html(run.graph)}</details>")
    return "<div>" + "".join(parts) + "</div>"


def summary_to_html(summary: Summary, title: str) -> str:
    """Return how far something is: a bar and a line in all, and per row."""
    rows = []
    for row in summary.rows:
        bar = f'<progress max="{max(row.planned, 1)}" value="{row.done}"></progress>'
        more = "+" if row.is_open else ""
        rows.append((row.name, f"{row.done}/{row.planned}{more}", _Markup(bar), row.running or "", row.failed or ""))
    table = _table(("", "done", "", "running", "failed"), rows)
    return f"<div><b>{escaped(shortened(title, LONGEST_CELL))}</b>: {escaped(summary.line())}</div>{table}"


def relation_to_html(relation: Relation, name: str) -> str:
    """Return a table of a relation's entries."""
    more = f", the first {MOST_ROWS} shown" if len(relation) > MOST_ROWS else ""
    return f"<div><code>{escaped(name)}</code>: {len(relation)} entries{more}</div>{table_of(relation[:MOST_ROWS])}"


def table_of(entries: Iterable[Entry]) -> str:
    """Return entries as a table, columns that say nothing left out."""
    from anabranch.frame import COUNTED, rows_of

    columns, rows = rows_of(entries)
    empty = {name: (None, 0) if name in COUNTED else (None,) for name in columns}
    columns = [name for name in columns if any(row.get(name) not in empty[name] for row in rows)]
    return _table(columns, [[row.get(name) for name in columns] for row in rows])


def _node_row(name: str, entries: Sequence[Entry], progress: Row) -> Sequence[Any]:
    states = [entry.state for entry in entries]
    return (
        name,
        f"{progress.done}/{progress.planned}{'+' if progress.is_open else ''}" if progress.planned else len(entries),
        states.count("succeeded"),
        states.count("failed") or "",
        states.count("skipped") or "",
        progress.running or "",
        max((entry.attempts for entry in entries), default=0) or "",
        sum(entry.seconds for entry in entries),
        _Markup(_bytes(sum(entry.bytes for entry in entries))),
    )


def _failure(entry: Entry) -> str:
    assert entry.error is not None
    first = shortened(entry.error.message.strip().split("\n", 1)[0] or entry.error.kind, LONGEST_CELL)
    whole = entry.error.describe() + (f"\n\n{entry.error.traceback}" if entry.error.traceback else "")
    where = f"{shortened(entry.node, LONGEST_CELL)} {shortened(str(entry.key), LONGEST_CELL)}"
    return (
        f'<details><summary><span style="color:#b00020">failed</span> {escaped(where)}: {escaped(first)}</summary>'
        f"<pre>{escaped(whole)}</pre></details>"
    )


class _Markup(str):
    """Text that is HTML already."""


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f"<th {_LEFT}>{_cell(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td {_LEFT}>{_cell(value)}</td>" for value in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    if isinstance(value, _Markup):
        return value
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    short = escaped(shortened(text, LONGEST_CELL))
    return short if len(text) <= LONGEST_CELL else f'<span title="{escaped(text)}">{short}</span>'


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
