"""`read`: data files as references, read here or by the workers."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from anabranch.data import Xy
from anabranch.errors import RequestError
from anabranch.keys import PARTITION, Key
from anabranch.references import DataRef, Ref
from anabranch.v1 import common_pb2

if TYPE_CHECKING:
    from anabranch.client import Client
    from anabranch.records import DataRefs

#: What a path begins with that the workers see, and this process perhaps does not.
CLUSTER = "cluster:"


def read(
    path: str | os.PathLike[str],
    target: str | int | None = None,
    *,
    columns: Sequence[str] | None = None,
    row_ids: bool = False,
) -> DataRef | list[DataRef]:
    """Read a data file into the store.

    Parameters
    ----------
    path : path
        A CSV, Parquet, Arrow IPC or NumPy file, or a directory of them, which are partitions. ``cluster:PATH`` is one
        that a worker reads, wherever this process is: nothing of it passes through here.
    target : str or int, optional
        Column that holds y; of a NumPy array its index.
    columns : sequence of str, optional
        Columns of X; all but the target when not given.
    row_ids : bool
        Number the rows, so that the numbers stand beside predictions.

    Returns
    -------
    DataRef, or list of DataRef for a directory
        To be given to `Pipeline.fit` and the others as X: ``g.fit(ab.read("cluster:/data/flights.parquet", "late"))``.

    Raises
    ------
    RequestError
        When a file is missing, cannot be read or has no such column; the message names it, and the worker.
    """
    from anabranch.process_client import current

    text, name = os.fspath(path), None if target is None else str(target)
    client = current()
    if text.startswith(CLUSTER):
        found, several = _read_there(client, text.removeprefix(CLUSTER), name, columns)
        if row_ids:
            found = _numbered(found)
        return found if several else found[0]
    from anabranch.cli.datafiles import read_data
    from anabranch.cli.request import CommandError

    try:
        tables = read_data(text, name, columns)
    except CommandError as error:
        raise RequestError(str(error)) from None
    start, refs = 0, []
    for table in tables:
        rows = len(table.X) if hasattr(table.X, "__len__") else table.X.shape[0]
        refs.append(client.put_data(Xy(table.X, table.y, row_ids=_numbers(start, rows) if row_ids else None)))
        start += rows
    return refs if os.path.isdir(text) else refs[0]


def _numbers(start: int, count: int) -> Any:
    import numpy as np

    return np.arange(start, start + count)


def _read_there(
    client: Client, path: str, target: str | None, columns: Sequence[str] | None
) -> tuple[list[DataRef], bool]:
    import numpy as np

    from anabranch.execution import run_graph
    from anabranch.executor import Executor
    from anabranch.graph import Pipeline
    from anabranch.mode import Mode
    from anabranch.node import OrNode

    with Executor() as executor:
        files, several, problem = executor.submit(_files, path).result()
    if problem:
        raise RequestError(problem)
    # As a graph: what a node returns are objects of their own, X and y, and each is written once.
    graph = Pipeline(f"read {path}", OrNode("read", _Read(target, columns)))
    named = [Xy(np.array([file], dtype=object)) for file in files]
    run = run_graph(graph, Mode.FIT, {"read": named}, progress=False)
    refs = []
    for index, file in enumerate(files):
        (record,) = (r for r in run.feed.snapshot() if r.node == 0 and r.key == Key([(PARTITION, index)]))
        if record.output is None:
            said = record.failure
            where = f" (read by the worker on {said.host})" if said is not None and said.host else ""
            raise RequestError(f"{CLUSTER}{file}: {said.message if said is not None else run.state}{where}")
        refs.append(_data_ref(record.output, client))
    return refs, several


def _data_ref(output: DataRefs, client: Client) -> DataRef:
    """Return an output, whose views have no rows of their own, as what was put."""
    held = {ref.id: ref for ref in output.refs}
    parts: dict[str, Ref] = {}
    data = common_pb2.Data()
    for name, field in (("X", "x"), ("y", "y")):
        if output.message.HasField(field):
            view = getattr(output.message, field)
            parts[name] = held[view.object.writer, view.object.sequence]
            getattr(data, field).object.CopyFrom(view.object)
    return DataRef(data, parts, client)


def _numbered(refs: list[DataRef]) -> list[DataRef]:
    from anabranch.executor import Executor

    numbered, start = [], 0
    with Executor() as executor:
        counts = list(executor.map(_rows, [ref.parts["X"] for ref in refs]))
        for ref, count in zip(refs, counts):
            ids = executor.submit(_numbers, start, count)
            ids.exception()
            assert ids.ref is not None
            numbered.append(ref.with_part("row_ids", ids.ref))
            start += count
    return numbered


# ---- what workers run


def _rows(X: Any) -> int:
    from anabranch.tables import row_count

    return row_count(X)


def _files(path: str) -> tuple[list[str], bool, str]:
    """Return the data files that a path names, whether it is a directory, and what is wrong with it."""
    from anabranch.cli.datafiles import data_files
    from anabranch.cli.request import CommandError

    try:
        return data_files(path), os.path.isdir(path), ""
    except CommandError as error:
        return [], False, f"{CLUSTER}{error} (looked for by the worker on {socket.gethostname()})"


class _Read:
    """Reads the file that its X names."""

    takes_xy = True

    def __init__(self, target: str | None, columns: Sequence[str] | None) -> None:
        self.target = target
        self.columns = None if columns is None else list(columns)

    def __call__(self, data: Xy) -> Xy:
        from anabranch.cli.datafiles import read_data

        (table,) = read_data(str(data.X[0]), self.target, self.columns)
        return Xy(table.X, table.y)
