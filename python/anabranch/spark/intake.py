"""Whatever X is, as record batches for Spark: its schema looked up at once, its rows read where Spark asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from anabranch.runtime.rows import library_of, row_count, take
from anabranch.spark.columns import VECTOR, VECTOR_TYPE, CannotCross, cast

#: A batch has about so many bytes, and so many rows at most.
_BATCH_BYTES = 4 << 20
_BATCH_ROWS = 65536
_FIRST_ROWS = 1024


def schema_of(value: Any, column: str | None = None) -> pa.Schema:
    """Return the Arrow schema of a table, a frame or an array.

    Parameters
    ----------
    value : object
    column : str, optional
        Of a matrix: the name of the one vector column that it becomes, in place of columns x0, x1, …; of a
        one-dimensional array its name.

    Raises
    ------
    CannotCross
        When it is none, or has a column of no Arrow type; the message names the column and the remedy.
    """
    library = library_of(value)
    if library == "numpy":
        return _schema_of_array(value, column)
    if library == "pyarrow":
        return value.schema
    if library == "pandas":
        return _schema_of_frame(value, column)
    if library == "polars":
        return (value.to_frame(column or value.name) if value.ndim == 1 else value)[:0].to_arrow().schema
    if library == "scipy":
        raise CannotCross("a SciPy sparse matrix does not cross into Spark: give X.toarray(), or vectors made by Spark")
    if isinstance(value, (list, tuple)):
        raise CannotCross("a list does not cross into Spark: give a data frame, pd.DataFrame({'text': X})")
    raise CannotCross(
        f"a {type(value).__name__} does not cross into Spark: give a data frame, an Arrow table or an array"
    )


def _schema_of_array(value: Any, column: str | None) -> pa.Schema:
    if value.ndim not in (1, 2):
        raise CannotCross(f"an array of {value.ndim} dimensions has no columns: reshape it to (n_rows, n_columns)")
    if value.dtype.kind in "OUS" and value.ndim == 1:
        return pa.schema([pa.field(column or "x0", _array(value, column or "x0").type)])
    try:
        kind = pa.from_numpy_dtype(value.dtype)
    except (pa.ArrowNotImplementedError, NotImplementedError):
        raise CannotCross(f"an array of {value.dtype} has no type in Arrow: give a data frame") from None
    if value.ndim == 1:
        return pa.schema([pa.field(column or "x0", kind)])
    if column is None:
        return pa.schema([pa.field(f"x{index}", kind) for index in range(value.shape[1])])
    return pa.schema([pa.field(column, VECTOR_TYPE, metadata={VECTOR: b"1"})])


def _schema_of_frame(value: Any, column: str | None) -> pa.Schema:
    if value.ndim == 1:
        value = value.to_frame(column or value.name or "x0")
    for name in value.columns:
        if not isinstance(name, str):
            raise CannotCross(f"column {name!r} has no text for a name: X.columns = X.columns.astype(str)")
    fields = []
    for place, name in enumerate(value.columns):
        series = value.iloc[:, place]
        # What NumPy types say needs no look at the values.
        sample = series if series.dtype == object else series.iloc[:1]
        fields.append(pa.field(name, _array(sample, name).type))
    return pa.schema(fields)


def _array(values: Any, name: str) -> pa.Array:
    try:
        made = pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise CannotCross(
            f"column {name!r} has no one type in Arrow: {error}; cast it, X.astype({{{name!r}: 'str'}})"
        ) from None
    return made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made


def table_of(value: Any, schema: pa.Schema) -> pa.Table:
    """Return rows of a value as a table of the schema that `schema_of` found; in place where Arrow can."""
    library = library_of(value)
    if library == "numpy":
        return pa.table(_columns_of_array(value, schema), schema=schema)
    if library == "pyarrow":
        return pa.Table.from_batches([value]) if isinstance(value, pa.RecordBatch) else value
    if library == "pandas":
        frame = value.to_frame(schema.names[0]) if value.ndim == 1 else value
        return pa.Table.from_pandas(frame, schema=schema.remove_metadata(), preserve_index=False)
    return (value.to_frame(schema.names[0]) if value.ndim == 1 else value).to_arrow()


def _columns_of_array(value: Any, schema: pa.Schema) -> list[pa.Array]:
    import numpy as np

    if value.ndim == 1:
        return [pa.array(value, schema.field(0).type, from_pandas=value.dtype.kind == "O")]
    if len(schema) == 1 and VECTOR in (schema.field(0).metadata or {}):
        return [vectors_of(np.ascontiguousarray(value, np.float64))]
    return [pa.array(np.ascontiguousarray(value[:, index])) for index in range(value.shape[1])]


def vectors_of(matrix: Any) -> pa.Array:
    """Return the rows of a C-ordered float64 matrix as dense vectors of Spark ML; the numbers are not copied."""
    import numpy as np

    rows, width = matrix.shape
    offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * width)
    values = pa.ListArray.from_arrays(offsets, pa.array(matrix.reshape(-1)))
    return pa.StructArray.from_arrays(
        [pa.array(np.ones(rows, np.int8)), pa.nulls(rows, pa.int32()), pa.nulls(rows, pa.list_(pa.int32())), values],
        fields=list(VECTOR_TYPE),
    )


class Part:
    """A value, or rows of it, that stands beside others: X, or one column that belongs to its rows.

    Parameters
    ----------
    value : object
    rows : ndarray of int64, optional
        All rows when not given.
    schema, crossing : Schema
        As the value has it, and as Spark is given it.
    """

    def __init__(self, value: Any, rows: Any, schema: pa.Schema, crossing: pa.Schema) -> None:
        self._value = value
        self._rows = rows
        self._schema = schema
        self._crossing = crossing

    def __len__(self) -> int:
        return len(self._rows) if self._rows is not None else row_count(self._value) or 0

    def columns(self, start: int, stop: int) -> list[pa.Array]:
        """Return these rows, column by column, as Spark is given them."""
        value = self._value
        if self._rows is not None:
            value = take(value, self._rows[start:stop])
        elif library_of(value) in ("pyarrow", "polars"):
            value = value.slice(start, stop - start)
        else:
            value = value.iloc[start:stop] if library_of(value) == "pandas" else value[start:stop]
        table = table_of(value, self._schema)
        found = []
        for field, column in zip(self._crossing, table.columns, strict=True):
            whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
            if isinstance(whole, pa.ChunkedArray):
                whole = whole.chunk(0) if whole.num_chunks else pa.array([], column.type)
            found.append(cast(whole, field.type, field.name))
        return found


def batches_of(parts: list[Part], schema: pa.Schema, start: int, stop: int) -> Iterator[pa.RecordBatch]:
    """Yield rows of parts that stand side by side, in batches of some megabytes."""
    step = _FIRST_ROWS
    position = start
    while position < stop:
        end = min(stop, position + step)
        batch = pa.RecordBatch.from_arrays(
            [column for part in parts for column in part.columns(position, end)], schema=schema
        )
        # The first ones tell how wide rows are.
        step = max(1, min(_BATCH_ROWS, _BATCH_BYTES * (end - position) // max(1, batch.nbytes)))
        yield batch
        position = end
