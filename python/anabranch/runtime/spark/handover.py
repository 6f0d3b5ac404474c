"""What steps read and write on the spark executor: objects of the store, in place, by Spark's Python workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Any

from anabranch.runtime.context import TaskContext
from anabranch.runtime.errors import TaskRefused
from anabranch.runtime.spark.joined import JoinedSession
from anabranch.runtime.spark.kept import frame_key
from anabranch.runtime.spark.matrices import empty, gathered, in_sequence, matrix_header
from anabranch.runtime.spark.outlet import Outlet
from anabranch.runtime.spark.sink import complaint
from anabranch.runtime.spark.stored import ROWS_CHANGED, SparkTaskContext, StoredRows
from anabranch.spark.columns import ROW
from anabranch.spark.exchange import Exchange, MatrixPart, Outcome, array_of, beside_of_none, quoted, spark_schema
from anabranch.spark.far import PIECES, MatrixWriter, Reader, TableWriter, beside_of
from anabranch.store import Store
from anabranch.store.arrow import pieces_index
from anabranch.store.growing import GrowingObject
from anabranch.v1 import common_pb2


class StoreExchange(Exchange):
    """Of one task.

    Parameters
    ----------
    joined : JoinedSession
    context : SparkTaskContext
    store : Store
    outlet : Outlet
    """

    def __init__(self, joined: JoinedSession, context: SparkTaskContext, store: Store, outlet: Outlet) -> None:
        super().__init__(joined.session, context.name)
        self._joined = joined
        self._context: TaskContext = context
        self._tasks = context
        self._store = store
        self._outlet = outlet
        #: Rows of the last numbered frame: stages hand its numbers on.
        self._rows = 0

    @property
    def generation(self) -> Any:
        """Which of the keeper's sessions it is."""
        return self._joined.generation

    # ---- in

    def source(self, value: Any, column: str | None) -> tuple[Any, Any]:
        """Return the stored items of a value, and its schema."""
        from anabranch.spark.intake import schema_of

        stored = self._tasks.stored(value)
        return stored, schema_of(stored.value, column)

    def read_kept(self, sources: Sequence[tuple[Any, Any]], schemas: Sequence[tuple[Any, Any]], numbered: bool) -> Any:
        """See `Exchange`."""
        frames = self._joined.frames
        if frames is None:
            return self.read(sources, schemas, numbered)
        items = [item for stored, _ in sources for item in stored.items]
        form = [(len(stored.items), own.names) for (stored, _), (own, _) in zip(sources, schemas, strict=True)]
        key = frame_key([item.place() for item in items], [numbered, *form])
        frame = frames.frame(key, sum(item.nbytes for item in items), lambda: self.read(sources, schemas, numbered))
        if numbered:
            self._rows = sum(sources[0][0].counts)
        return frame

    def read(self, sources: Sequence[tuple[Any, Any]], schemas: Sequence[tuple[Any, Any]], numbered: bool) -> Any:
        """Have Spark's workers read the store: nothing is copied here."""
        stored: list[StoredRows] = [one for one, _ in sources]
        counts = [part.count for part in stored[0].items]
        items = []
        for index in range(len(counts)):
            item = []
            for part in stored:
                if len(part.items) != len(counts) or part.items[index].count != counts[index]:
                    raise TaskRefused(f"{self.name}: X has {counts} rows, what belongs to them {part.counts}")
                item.append(part.items[index].place())
            items.append(item)
        starts = [0]
        for count in counts:
            starts.append(starts[-1] + count)
        total = starts[-1]
        if numbered:
            self._rows = total
        partitions = self._joined.partitions(total, sum(item.nbytes for one in stored for item in one.items))
        bounds = [total * index // partitions for index in range(partitions + 1)]
        reader = Reader(
            self._store.path,
            items,
            [(own.serialize().to_pybytes(), crossing.serialize().to_pybytes()) for own, crossing in schemas],
            starts,
            bounds,
            numbered,
            self._outlet.address,
        )
        frame = self.session.range(0, partitions, 1, partitions)
        return frame.mapInArrow(reader, spark_schema(schemas, numbered))

    # ---- out

    def write_table(self, frame: Any, names: Sequence[str], fields: Sequence[Any], beside: Sequence[str]) -> Outcome:
        """See `Exchange.table`; the answer is a view of the store."""
        numbered = ROW in frame.columns
        found, growing = self._write_tables(frame, names, fields, beside, numbered, apart=False)
        pieces = found.get(0, [])
        if not pieces:
            kept = _no_rows() if numbered and self._rows else (None if numbered else ROWS_CHANGED)
            return Outcome(self._tasks.adopt(_schema(fields).empty_table(), kept), beside_of_none(frame, beside))
        kept = self._kept(pieces) if numbered else ROWS_CHANGED
        return Outcome(self._tasks.receive(_sealed(growing[0], pieces), kept), beside_of(pieces) if beside else {})

    def write_parts(self, frame: Any, names: Sequence[str], fields: Sequence[Any], beside: Sequence[str]) -> list[Any]:
        """See `Exchange.parts`."""
        found, growing = self._write_tables(frame, names, fields, beside, False, apart=True)
        return [
            (
                place,
                Outcome(
                    self._tasks.receive(_sealed(growing[place], pieces), ROWS_CHANGED),
                    beside_of(pieces) if beside else {},
                ),
            )
            for place, pieces in found.items()
        ]

    def _write_tables(
        self,
        frame: Any,
        names: Sequence[str],
        fields: Sequence[Any],
        beside: Sequence[str],
        numbered: bool,
        apart: bool,
    ) -> tuple[dict[int, list[Any]], dict[int, GrowingObject]]:
        """Return pieces and objects by partition, or all under 0."""
        # Writers take vectors as they are.
        chosen = frame.select(*[quoted(name) for name in (*names, *beside)], *([ROW] if numbered else []))
        growing = self._outlet.begin(apart=apart)
        try:
            schema = _schema(fields).serialize().to_pybytes()
            writer = TableWriter(self._outlet.address, self.name, list(beside), schema, apart)
            pieces = self._run(self._by_python(chosen, writer))
        except BaseException:
            _abandon(growing)
            raise
        found: dict[int, list[Any]] = {}
        for piece in pieces:
            found.setdefault(piece.partition if apart else 0, []).append(piece)
        _abandon({place: one for place, one in growing.items() if place not in found})
        return found, growing

    def write_matrix(self, frame: Any, parts: Sequence[MatrixPart], flat: bool, beside: Sequence[str]) -> Outcome:
        """See `Exchange.matrix`; the answer is a view of the store."""
        numbered = ROW in frame.columns
        growing = self._outlet.begin(self._rows if numbered else None)
        try:
            pieces = self._run(self._writing(frame, parts, beside, numbered))
            further = (beside_of(pieces) if pieces else beside_of_none(frame, beside)) if beside else {}
            count = sum(piece.rows for piece in pieces)
            width = pieces[0].length if pieces else 0
            kept: Any = self._placed(pieces) if numbered else ROWS_CHANGED
            if not pieces:
                return Outcome(self._tasks.adopt(empty(width, flat), kept), further)
            in_order = count == self._rows if numbered else in_sequence(pieces, width)
            # Rows are missing, or partitions were done in another order than theirs: those that are there, once more.
            whole = (
                growing[0] if in_order else self._gathered(growing[0].path, pieces, width, kept if numbered else None)
            )
            ref = whole.seal(common_pb2.ENCODING_TENSOR, matrix_header(count, width, flat))
            return Outcome(self._tasks.receive(ref, kept), further)
        finally:
            _abandon(growing)

    def _writing(
        self, frame: Any, parts: Sequence[MatrixPart], beside: Sequence[str], numbered: bool
    ) -> Callable[[], Sequence[Any]]:
        """Return the job that writes a matrix: in the JVM, or, with columns beside it, in Spark's Python workers."""
        from pyspark.sql import functions as F

        number = [F.col(ROW)] if numbered else []
        sink = None if beside else self._joined.sink
        if sink is not None:
            chosen = frame.select(*[part.column.alias(f"part{place}") for place, part in enumerate(parts)], *number)
            kinds = "".join(part.kind for part in parts)
            return lambda: sink.write(chosen, kinds, self._outlet.address, self.name, numbered)
        chosen = frame.select(array_of(parts).alias("values"), *[F.col(quoted(name)) for name in beside], *number)
        return self._by_python(chosen, MatrixWriter(self._outlet.address, self.name, list(beside), numbered))

    def _gathered(self, path: str, pieces: Sequence[Any], width: int, kept: Any) -> GrowingObject:
        """Return rows in their order in an object of their own; of those with places the ``kept`` ones."""
        rows = self._rows if kept is not None else None
        self._context.count_copied(sum(piece.rows for piece in pieces) * width * 8)
        return gathered(self._store, path, pieces, width, rows, kept)

    def same_rows(self, value: Any, other: Any) -> Any:
        """Return ``value``, which has the rows that ``other`` has."""
        return self._tasks.adopt(value, self._tasks.rows_kept(other))

    def _by_python(self, frame: Any, writer: Any) -> Callable[[], Sequence[Any]]:
        return lambda: frame.mapInArrow(writer, PIECES).collect()

    def _run(self, job: Callable[[], Sequence[Any]]) -> list[Any]:
        begun = perf_counter_ns()
        self._outlet.take_read_ns()
        try:
            pieces = job()
        except Exception as error:
            if self._outlet.failure is not None:
                raise self._outlet.failure from None
            raise complaint(self.explained(error), self.name) from None
        finally:
            self._outlet.end()
        parallel = max(1, self.session.sparkContext.defaultParallelism)
        took = perf_counter_ns() - begun
        # Of the job's time what its workers say of themselves: the rest is the stage's own.
        self._context.open_ns += min(took, self._outlet.take_read_ns() // parallel)
        self._context.store_ns += min(took, sum(piece.spent for piece in pieces) // parallel)
        return sorted(pieces, key=lambda piece: (piece.partition, piece.number))

    def _kept(self, pieces: Sequence[Any]) -> Any:
        """Return the numbers of the rows that are there, in their order; None when they are all, in order."""
        import numpy as np

        numbers = _numbers_of(pieces)
        return None if np.array_equal(numbers, np.arange(self._rows)) else numbers

    def _placed(self, pieces: Sequence[Any]) -> Any:
        """Return the numbers of the rows that are in their places; None when they are all."""
        import numpy as np

        numbers = np.sort(_numbers_of(pieces))
        if len(numbers) > 1 and (np.diff(numbers) == 0).any():
            raise TaskRefused(
                f"{self.name}: the stage repeats rows, "
                "so y and the rest that belongs to them cannot follow; make it an "
                "ab.spark.function that names its label column"
            )
        return None if len(numbers) == self._rows else numbers


def _schema(fields: Sequence[Any]) -> Any:
    import pyarrow as pa

    return pa.schema(list(fields))


def _sealed(growing: GrowingObject, pieces: Sequence[Any]) -> common_pb2.ObjectRef:
    header, index = pieces_index(growing.length, [(piece.offset, piece.length) for piece in pieces])
    return growing.seal(common_pb2.ENCODING_ARROW, header, index)


def _abandon(growing: dict[int, GrowingObject]) -> None:
    for one in growing.values():
        one.abandon()


def _numbers_of(pieces: Sequence[Any]) -> Any:
    import numpy as np

    found = [
        np.arange(piece.first, piece.first + piece.rows) if piece.first is not None else np.asarray(piece.numbers)
        for piece in pieces
    ]
    return np.concatenate(found).astype(np.int64) if found else _no_rows()


def _no_rows() -> Any:
    import numpy as np

    return np.empty(0, np.int64)
