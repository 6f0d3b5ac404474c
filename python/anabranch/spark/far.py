"""What runs in Spark's Python workers: rows read from the store in place, batches written to where they stay."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import perf_counter_ns
from typing import Any

import pyarrow as pa

from anabranch.spark.columns import ROW, VECTOR, VECTOR_TYPE, cast
from anabranch.spark.intake import Part, batches_of

#: Columns of what the writers say of each piece.
PIECES = (
    "partition int, number int, offset long, length long, rows long, first long, numbers array<long>, beside binary, "
    "spent long"
)
_PIECES_SCHEMA = pa.schema(
    [
        ("partition", pa.int32()), ("number", pa.int32()), ("offset", pa.int64()), ("length", pa.int64()),
        ("rows", pa.int64()), ("first", pa.int64()), ("numbers", pa.list_(pa.int64())), ("beside", pa.binary()),
        ("spent", pa.int64()),
    ]
)  # fmt: skip


class OutletFull(RuntimeError):
    """The store has no room; the slot's process knows more."""


def echo() -> Callable[[Any], Any]:
    """Return a function that hands batches on: under another schema vectors become structs, and structs vectors.

    It travels by value, for executors of a cluster do not have this package.
    """

    def handed_on(batches):  # type: ignore[no-untyped-def]
        yield from batches

    return handed_on


def _partition() -> int:
    from pyspark import TaskContext

    context = TaskContext.get()
    return context.partitionId() if context is not None else 0


# ---- in

_stores: dict[str, Any] = {}


def _store(path: str) -> Any:
    from anabranch.store.reading_store import ReadingStore

    if path not in _stores:
        for other in list(_stores):
            del _stores[other]
        _stores[path] = ReadingStore(path)
    return _stores[path]


class Reader:
    """Yields rows of stored items, that stand below each other, partition by partition.

    Parameters
    ----------
    path : str
        The store's directory.
    items : list of list of (bytes, bytes or None)
        For each item and each of its parts the references of the object and of its row indices.
    schemas : list of (bytes, bytes)
        Of each part, as it is and as Spark is given it.
    starts : list of int
        The number of the first row of each item, and of the end.
    bounds : list of int
        The number of the first row of each partition, and of the end.
    numbered : bool
    report : str
        Socket of the slot's process, which counts.
    """

    def __init__(
        self,
        path: str,
        items: list[list[tuple[bytes, bytes | None]]],
        schemas: list[tuple[bytes, bytes]],
        starts: list[int],
        bounds: list[int],
        numbered: bool,
        report: str,
    ) -> None:
        self.path = path
        self.items = items
        self.schemas = schemas
        self.starts = starts
        self.bounds = bounds
        self.numbered = numbered
        self.report = report

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """See the class."""
        for _ in batches:
            pass
        partition = _partition()
        first, end = self.bounds[partition : partition + 2]
        schemas = [tuple(pa.ipc.read_schema(pa.py_buffer(one)) for one in pair) for pair in self.schemas]
        fields = [pa.field(field.name, field.type) for _, crossing in schemas for field in crossing]
        schema = pa.schema(fields)
        spent = 0
        for index, item in enumerate(self.items):
            start, stop = self.starts[index : index + 2]
            low, high = max(first, start), min(end, stop)
            if low >= high:
                continue
            parts = [self._part(place, *pair) for place, pair in zip(item, schemas, strict=True)]
            position = low
            source = batches_of(parts, schema, low - start, high - start)
            while True:
                begun = perf_counter_ns()
                batch = next(source, None)
                if batch is not None and self.numbered:
                    numbers = pa.array(range(position, position + batch.num_rows), pa.int64())
                    position += batch.num_rows
                    batch = pa.RecordBatch.from_arrays([*batch.columns, numbers], names=[*schema.names, ROW])
                spent += perf_counter_ns() - begun
                if batch is None:
                    break
                yield batch
        # Of a frame that is kept the slot that made it may have ended.
        with suppress(OSError, OutletFull), Slot(self.report) as slot:
            slot.ask({"read": spent})

    def _part(self, place: tuple[bytes, bytes | None], schema: Any, crossing: Any) -> Part:
        from anabranch.v1 import common_pb2

        store = _store(self.path)
        value, rows = (None if data is None else store.get(common_pb2.ObjectRef.FromString(data)) for data in place)
        return Part(value, rows, schema, crossing)


# ---- out


class Slot:
    """The connection of a writer to the process whose task it works for."""

    def __init__(self, address: str, of: int = 0) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(address)
        self._lines = self._socket.makefile("rb")
        self._of = of

    @property
    def path(self) -> str:
        """The file of the object."""
        return self.ask({"open": True})

    def ask(self, message: dict[str, Any]) -> Any:
        """Return the offset of the bytes that were asked for."""
        self._socket.sendall(json.dumps({"of": self._of, **message}).encode() + b"\n")
        answer = json.loads(self._lines.readline() or b"{}")
        if "answer" not in answer:
            raise OutletFull(answer.get("error", "the process that asked for these rows has ended"))
        return answer["answer"]

    def __enter__(self) -> Slot:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._socket.close()


class Writer:
    """Writes each batch into a place of its own in the file of an object that grows, and says where it is.

    Parameters
    ----------
    address : str
        The socket of the slot's process.
    name : str
        Of the node.
    beside : list of str
        Columns that are none of X: they are handed over with what is said.
    apart : bool
        An object for each partition.
    """

    def __init__(self, address: str, name: str, beside: list[str], apart: bool = False) -> None:
        self.address = address
        self.name = name
        self.beside = beside
        self.apart = apart

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """See the class."""
        partition = _partition()
        number = 0
        with Slot(self.address, partition if self.apart else 0) as slot, open(slot.path, "r+b", buffering=0) as file:
            for batch in batches:
                if not batch.num_rows:
                    continue
                begun = perf_counter_ns()
                columns = {name: batch.column(place) for place, name in enumerate(batch.schema.names)}
                numbers = columns.pop(ROW, None)
                beside = _beside({name: columns.pop(name) for name in self.beside})
                first, listed = _numbers(numbers)
                offset, length = self.write(slot, file, columns, first, listed)
                spent = perf_counter_ns() - begun
                yield pa.RecordBatch.from_arrays(
                    [
                        pa.array([value], field.type)
                        for value, field in zip(
                            (partition, number, offset, length, batch.num_rows, first, listed, beside, spent),
                            _PIECES_SCHEMA, strict=True,
                        )
                    ],
                    schema=_PIECES_SCHEMA,
                )  # fmt: skip
                number += 1

    def write(self, slot: Slot, file: Any, columns: dict[str, Any], first: int | None, listed: Any) -> tuple[int, int]:
        """Write the columns; return offset and length."""
        raise NotImplementedError


class TableWriter(Writer):
    """Writes batches as Arrow streams."""

    def __init__(self, address: str, name: str, beside: list[str], schema: bytes, apart: bool = False) -> None:
        super().__init__(address, name, beside, apart)
        self.schema = schema

    def write(self, slot: Slot, file: Any, columns: dict[str, Any], first: int | None, listed: Any) -> tuple[int, int]:
        """See `Writer`."""
        schema = pa.ipc.read_schema(pa.py_buffer(self.schema))
        batch = pa.RecordBatch.from_arrays(
            [cast(as_stored(column, field), field.type, field.name) for column, field in zip(columns.values(), schema)],
            schema=schema,
        )
        measure = pa.MockOutputStream()
        _stream(measure, batch)
        offset = slot.ask({"take": measure.size(), "alignment": 64})
        file.seek(offset)
        _stream(pa.PythonFile(file, "w"), batch)
        return offset, measure.size()


def _stream(sink: Any, batch: pa.RecordBatch) -> None:
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)


class MatrixWriter(Writer):
    """Writes arrays of numbers as rows of a float64 matrix: to their places where their numbers tell these."""

    def __init__(self, address: str, name: str, beside: list[str], placed: bool) -> None:
        super().__init__(address, name, beside)
        self.placed = placed

    def write(self, slot: Slot, file: Any, columns: dict[str, Any], first: int | None, listed: Any) -> tuple[int, int]:
        """See `Writer`."""
        block = block_of(next(iter(columns.values())), self.name)
        if not self.placed:
            offset = slot.ask({"take": block.nbytes, "alignment": 8})
            _write_at(file, offset, block)
            return offset, block.shape[1]
        base = slot.ask({"place": block.shape[1]})
        stride = block.shape[1] * block.itemsize
        if first is not None:
            _write_at(file, base + first * stride, block)
        else:
            for number, row in zip(listed, block, strict=True):
                _write_at(file, base + number * stride, row)
        return base, block.shape[1]


def _beside(columns: dict[str, Any]) -> bytes | None:
    if not columns:
        return None
    sink = pa.BufferOutputStream()
    _stream(sink, pa.RecordBatch.from_pydict(columns))
    return sink.getvalue().to_pybytes()


def beside_of(pieces: Any) -> dict[str, Any]:
    """Return what pieces have beside their rows as arrays, numbers and texts as NumPy has them."""
    tables = [pa.ipc.open_stream(piece["beside"]).read_all() for piece in pieces]
    if not tables:
        return {}
    table = pa.concat_tables(tables)
    return {name: table.column(name).to_numpy() for name in table.column_names}


def _write_at(file: Any, offset: int, block: Any) -> None:
    rest = memoryview(block).cast("B") if block.size else memoryview(b"")
    while len(rest):
        written = os.pwrite(file.fileno(), rest, offset)
        rest, offset = rest[written:], offset + written


def _numbers(column: Any) -> tuple[int | None, list[int] | None]:
    """Return the first of numbers that follow on each other, or all of them."""
    if column is None:
        return None, None
    import numpy as np

    numbers = column.to_numpy(zero_copy_only=False)
    if np.array_equal(numbers, np.arange(numbers[0], numbers[0] + len(numbers))):
        return int(numbers[0]), None
    return None, numbers.tolist()


def block_of(column: Any, name: str) -> Any:
    """Return a column of lists of numbers as a matrix, in place where they are of one length.

    Raises
    ------
    ValueError
        When rows differ in length, or a number is missing.
    """
    import numpy as np

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if column.null_count:
        raise ValueError(
            f"{name}: {column.null_count} rows have no vector where a matrix is made: "
            "drop them, or fill them, in a stage "
            'before (handleInvalid="skip", Imputer)'
        )
    lengths = np.diff(column.offsets.to_numpy())
    width = int(lengths[0]) if len(lengths) else 0
    if (lengths != width).any():
        raise ValueError(
            f"{name}: rows have from {lengths.min()} to {lengths.max()} numbers, and a matrix has as many in all"
        )
    values = column.flatten()
    # A number that is missing is NaN to NumPy.
    return values.to_numpy(zero_copy_only=False).reshape(len(column), width)


def as_stored(column: Any, field: Any) -> Any:
    """Return a column as tables have it: vectors without what Spark says of their parts' nullability."""
    if VECTOR not in (field.metadata or {}) or column.type == VECTOR_TYPE:
        return column
    parts = [column.field(place).cast(part.type) for place, part in enumerate(VECTOR_TYPE)]
    return pa.StructArray.from_arrays(parts, fields=list(VECTOR_TYPE), mask=column.is_null())
