"""The ``arrow`` layout: an Arrow IPC stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anabranch.store.errors import StoreError

if TYPE_CHECKING:
    import pyarrow as pa

# Stands behind the end of the stream, where readers of streams do not look: the value was one RecordBatch, no Table.
BATCH_TRAILER = b"ABRBATCH"


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

    def _stream(self, sink: Any) -> None:
        import pyarrow as pa

        with pa.ipc.new_stream(sink, self._value.schema) as writer:
            writer.write(self._value)
        if isinstance(self._value, pa.RecordBatch):
            sink.write(BATCH_TRAILER)


def read_arrow(root: Any) -> pa.Table | pa.RecordBatch:
    """Read an object's bytes as the table or record batch that they hold, in place. StoreError when malformed."""
    import pyarrow as pa

    data = pa.py_buffer(root)
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
