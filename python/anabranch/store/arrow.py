"""The ``arrow`` layout: an Arrow IPC stream, or several that other processes have written beside each other."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from anabranch.store.errors import StoreError

if TYPE_CHECKING:
    import pyarrow as pa

# Stands behind the end of the stream, where readers of streams do not look: the value was one RecordBatch, no Table.
BATCH_TRAILER = b"ABRBATCH"


# Begins an object of pieces: where their index stands, and how many there are; the index has (offset, length) of each.
PIECES_MAGIC = b"ABRPIECE"
_PIECES = struct.Struct("<8sQQ")
#: Bytes before the first piece.
PIECES_HEADER = 64


class ArrowPayload:
    """A table or record batch to be written."""

    __slots__ = ("_value", "length")

    def __init__(self, value: pa.Table | pa.RecordBatch) -> None:
        import pyarrow as pa

        self._value = value
        measure = pa.MockOutputStream()  # counts and copies nothing
        self._stream(measure)
        self.length = measure.size()

    def write(self, target: memoryview) -> None:
        """Fill ``target``, which is ``length`` bytes long."""
        import pyarrow as pa

        self._stream(pa.FixedSizeBufferWriter(pa.py_buffer(target)))

    def send(self, sink: Any) -> None:
        """Hand all bytes to ``sink.write``, in order."""
        import pyarrow as pa

        self._stream(pa.PythonFile(_Stream(sink), mode="w"))

    def _stream(self, sink: Any) -> None:
        import pyarrow as pa

        with pa.ipc.new_stream(sink, self._value.schema) as writer:
            writer.write(self._value)
        if isinstance(self._value, pa.RecordBatch):
            sink.write(BATCH_TRAILER)


class _Stream:
    """A sink as pyarrow wants its files."""

    closed = False

    def __init__(self, sink: Any) -> None:
        self._sink = sink
        self._position = 0

    def write(self, data: Any) -> int:
        self._sink.write(data)
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def read_arrow(root: Any) -> pa.Table | pa.RecordBatch:
    """Read an object's bytes as the table or record batch that they hold, in place. StoreError when malformed."""
    import pyarrow as pa

    data = pa.py_buffer(root)
    if data.size >= PIECES_HEADER and data.slice(0, 8).to_pybytes() == PIECES_MAGIC:
        return _read_pieces(data)
    try:
        with pa.ipc.open_stream(data) as reader:
            table = reader.read_all()
        table.validate()
    except (pa.ArrowException, OSError) as error:
        raise StoreError(f"malformed Arrow stream: {error}") from error
    if data.slice(max(0, data.size - len(BATCH_TRAILER))).to_pybytes() != BATCH_TRAILER:
        return table
    batches = table.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def pieces_index(offset: int, places: Sequence[tuple[int, int]]) -> tuple[bytes, bytes]:
    """Return header and index of an object of pieces.

    Parameters
    ----------
    offset : int
        Where the index stands.
    places : sequence of (int, int)
        Offset and length of each piece, an Arrow IPC stream, in the order of the table's rows.
    """
    numbers = [number for place in places for number in place]
    header = _PIECES.pack(PIECES_MAGIC, offset, len(places)).ljust(PIECES_HEADER, b"\0")
    return header, struct.pack(f"<{len(numbers)}Q", *numbers)


def _read_pieces(data: pa.Buffer) -> pa.Table:
    import pyarrow as pa

    _, offset, count = _PIECES.unpack(data.slice(0, _PIECES.size).to_pybytes())
    if not count or offset + 16 * count > data.size:
        raise StoreError(f"malformed Arrow pieces: {count} of them, their index at {offset} of {data.size} bytes")
    numbers = struct.unpack(f"<{2 * count}Q", data.slice(offset, 16 * count).to_pybytes())
    tables = []
    try:
        for start, length in zip(numbers[::2], numbers[1::2], strict=True):
            if start + length > data.size:
                raise StoreError(f"malformed Arrow pieces: {length} bytes at {start} of {data.size}")
            with pa.ipc.open_stream(data.slice(start, length)) as reader:
                tables.append(reader.read_all())
        table = pa.concat_tables(tables)
        table.validate()
    except (pa.ArrowException, OSError) as error:
        raise StoreError(f"malformed Arrow pieces: {error}") from error
    return table
