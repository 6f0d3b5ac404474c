"""How data comes into a DataFrame and leaves it, wherever a step runs."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from anabranch.runtime.errors import TaskRefused
from anabranch.spark.columns import ROW, CannotCross, into_spark, out_of_spark, spark_metadata
from anabranch.spark.sessions import local_session

#: A column that is added to tell partitions apart.
_PART = "__anabranch_part__"


class Outcome(NamedTuple):
    """What nodes read of a DataFrame."""

    value: Any
    #: Columns that are none of X, by name.
    beside: dict[str, Any]


#: What a part of a matrix is in Spark.
NUMBER, ARRAY, VECTORS = "n", "a", "v"


class MatrixPart(NamedTuple):
    """A column of a DataFrame that is a column of a matrix, or several."""

    kind: str
    #: A double, an array of doubles, or a vector.
    column: Any


class Exchange:
    """DataFrames of what nodes read, and what nodes read of DataFrames; this one is of a process's own session.

    Parameters
    ----------
    session : SparkSession
    name : str
        Of the node, for messages.
    """

    def __init__(self, session: Any, name: str = "the Spark stage") -> None:
        self.session = session
        self.name = name

    @property
    def generation(self) -> Any:
        """Which session it is: stages that were built in another are of no use."""
        return id(self.session)

    # ---- in

    def frame(
        self,
        X: Any,
        *,
        vector: str | None = None,
        beside: Mapping[str, Any] | None = None,
        numbered: bool = True,
        kept: bool = False,
    ) -> Any:
        """Return a DataFrame with the rows of X in their order.

        Parameters
        ----------
        X : object
            As a node reads it.
        vector : str, optional
            The vector column that a matrix becomes.
        beside : mapping of str to array, optional
            Further columns: the label, the weights.
        numbered : bool
            With the column `ROW`.
        kept : bool
            It is a stage's to read, which changes nothing of it: a session that other tasks share may keep it for them.

        Raises
        ------
        TaskRefused
            When a column cannot cross; nothing has been moved then.
        """
        with self.refusals():
            given = [(X, vector), *((value, name) for name, value in (beside or {}).items())]
            sources = [self.source(value, column) for value, column in given]
            schemas = [(schema, into_spark(schema)) for _, schema in sources]
            original = [field for schema, _ in schemas for field in schema]
            self._check_beside([len(schema) for schema, _ in schemas], original, beside or {})
        return (self.read_kept if kept else self.read)(sources, schemas, numbered)

    def source(self, value: Any, column: str | None) -> tuple[Any, Any]:
        """Return what `read` takes for a value, and its Arrow schema."""
        from anabranch.spark.intake import schema_of

        return value, schema_of(value, column)

    def read(self, sources: Sequence[tuple[Any, Any]], schemas: Sequence[tuple[Any, Any]], numbered: bool) -> Any:
        """Return the DataFrame of sources that stand side by side."""
        import pyarrow as pa

        from anabranch.spark.far import echo
        from anabranch.spark.intake import Part, batches_of

        parts = [Part(value, None, own, crossing) for (value, _), (own, crossing) in zip(sources, schemas, strict=True)]
        fields = [pa.field(field.name, field.type) for _, crossing in schemas for field in crossing]
        rows = len(parts[0])
        table = pa.Table.from_batches(batches_of(parts, pa.schema(fields), 0, rows), pa.schema(fields))
        if numbered:
            table = table.append_column(ROW, pa.array(range(rows), pa.int64()))
        # Vectors are their structs until a schema says otherwise.
        return self.session.createDataFrame(table).mapInArrow(echo(), spark_schema(schemas, numbered))

    def read_kept(self, sources: Sequence[tuple[Any, Any]], schemas: Sequence[tuple[Any, Any]], numbered: bool) -> Any:
        """Return what `read` does, which may be a DataFrame that another task has read."""
        return self.read(sources, schemas, numbered)

    def _check_beside(self, counts: Sequence[int], original: Sequence[Any], beside: Mapping[str, Any]) -> None:
        own = {field.name.lower() for field in original[: counts[0]]}
        for name in beside:
            if name.lower() in own:
                raise CannotCross(
                    f"column {name!r} of X has the name under which y or the weights enter: rename it, or name another "
                    "with label= or weight="
                )

    # ---- out

    def table(self, frame: Any, *, without: Sequence[str] = (), beside: Sequence[str] = ()) -> Outcome:
        """Return an Arrow table of all columns but some, and `ROW`, in the order of partitions.

        Parameters
        ----------
        frame : DataFrame
        without : list of str
            Left out.
        beside : list of str
            None of X, but returned beside it.
        """
        return self.write_table(frame, *self._chosen(frame, without, beside), beside)

    def parts(
        self, frame: Any, *, without: Sequence[str] = (), beside: Sequence[str] = ()
    ) -> list[tuple[int, Outcome]]:
        """Return a table for each partition that has rows, with the partition's number."""
        return self.write_parts(frame, *self._chosen(frame, without, beside), beside)

    def matrix(
        self, frame: Any, columns: str | Sequence[str], *, flat: bool = False, beside: Sequence[str] = ()
    ) -> Outcome:
        """Return a vector column, or several numeric ones, as a float64 array, in the order of `ROW`.

        Parameters
        ----------
        frame : DataFrame
        columns : str or list of str
        flat : bool
            One-dimensional, of one numeric column.
        beside : list of str
        """
        with self.refusals():
            self._check_there(frame, beside)
            parts = matrix_parts(frame, columns)
        return self.write_matrix(frame, parts, flat, beside)

    def _chosen(self, frame: Any, without: Sequence[str], beside: Sequence[str]) -> tuple[list[str], list[Any]]:
        left = {one.lower() for one in (*without, *beside)}
        names = [name for name in frame.columns if name != ROW and name.lower() not in left]
        with self.refusals():
            self._check_there(frame, beside)
            return names, out_fields(frame, names)

    def _check_there(self, frame: Any, names: Sequence[str]) -> None:
        for name in names:
            if name not in frame.columns:
                raise CannotCross(
                    f"there is no column {name!r} (label=, weight=) among what the function makes: "
                    f"{', '.join(frame.columns)}; keep it, or name another"
                )

    def write_table(self, frame: Any, names: Sequence[str], fields: Sequence[Any], beside: Sequence[str]) -> Outcome:
        """See `table`."""
        came = as_plain(frame, [*names, *beside]).toArrow()
        return Outcome(_stored_table(came, fields), {name: came.column(name).to_numpy() for name in beside})

    def write_parts(self, frame: Any, names: Sequence[str], fields: Sequence[Any], beside: Sequence[str]) -> list[Any]:
        """See `parts`."""
        from pyspark.sql import functions as F

        placed = frame.withColumn(_PART, F.spark_partition_id())
        whole = self.write_table(placed, names, fields, [*beside, _PART])
        places = whole.beside.pop(_PART)
        found = []
        for place in dict.fromkeys(places.tolist()):
            rows = places == place
            further = {name: column[rows] for name, column in whole.beside.items()}
            found.append((place, Outcome(whole.value.filter(rows), further)))
        return found

    def write_matrix(self, frame: Any, parts: Sequence[MatrixPart], flat: bool, beside: Sequence[str]) -> Outcome:
        """See `matrix`."""
        import numpy as np
        from pyspark.sql import functions as F

        from anabranch.spark.far import block_of

        table = frame.select(array_of(parts).alias("values"), *[F.col(quoted(name)) for name in beside]).toArrow()
        blocks = [block_of(batch.column(0), self.name) for batch in table.to_batches() if batch.num_rows]
        matrix = np.concatenate(blocks) if blocks else np.empty((0, 0))
        further = {name: table.column(name).to_numpy() for name in beside}
        return Outcome(matrix.reshape(-1) if flat else matrix, further)

    def same_rows(self, value: Any, other: Any) -> Any:
        """Return ``value``, which has the rows that ``other`` has."""
        return value

    def explained(self, error: Exception) -> Exception:
        """Return an error of Spark's as one that names the node: a refusal where it says that columns do not fit."""
        if type(error).__name__ not in ("AnalysisException", "IllegalArgumentException"):
            return error
        said = str(error).partition("JVM stacktrace")[0].strip()
        return TaskRefused(
            f"{self.name}: {said}; cast, encode or rename the column in a stage before, or name another in the stage's "
            "parameters"
        )

    @contextlib.contextmanager
    def refusals(self) -> Iterator[None]:
        """What cannot cross is a refusal with the node's name."""
        try:
            yield
        except CannotCross as error:
            raise TaskRefused(f"{self.name}: {error}") from None


def _stored_table(came: Any, fields: Sequence[Any]) -> Any:
    import pyarrow as pa

    from anabranch.spark.columns import cast
    from anabranch.spark.far import as_stored

    columns = []
    for column, field in zip(came.columns, fields):
        whole = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        columns.append(cast(as_stored(whole, field), field.type, field.name))
    return pa.table(columns, schema=pa.schema(list(fields)))


def beside_of_none(frame: Any, beside: Sequence[str]) -> dict[str, Any]:
    """Return the columns beside no rows."""
    import numpy as np

    return {name: np.empty(0, np.float64) for name in beside}


def is_vector(field: Any) -> bool:
    """Whether an Arrow field is a vector of Spark ML."""
    from anabranch.spark.columns import VECTOR

    return VECTOR in (field.metadata or {})


def spark_schema(schemas: Sequence[tuple[Any, Any]], numbered: bool) -> Any:
    """Return the Spark schema of what stands side by side: vectors are vectors, and fields have their metadata.

    Parameters
    ----------
    schemas : list of (Schema, Schema)
        Of each part, as it is and as Spark is given it.
    numbered : bool
        With the column `ROW`.
    """
    import pyarrow as pa
    from pyspark.ml.linalg import VectorUDT
    from pyspark.sql.pandas.types import from_arrow_schema
    from pyspark.sql.types import LongType, StructField, StructType

    fields = [pair for own, crossing in schemas for pair in zip(own, crossing, strict=True)]
    plain = from_arrow_schema(pa.schema([pa.field(crossed.name, crossed.type) for _, crossed in fields]))
    found = [
        # What it had in Spark before, and what restores its type.
        StructField(
            crossed.name, VectorUDT() if is_vector(crossed) else kind.dataType, True, spark_metadata(own, crossed)
        )
        for (own, crossed), kind in zip(fields, plain.fields, strict=True)
    ]
    return StructType([*found, StructField(ROW, LongType(), False)] if numbered else found)


def quoted(name: str) -> str:
    """Return a column's name as Spark's expressions take any."""
    return f"`{name.replace('`', '``')}`"


def out_fields(frame: Any, names: Sequence[str]) -> list[Any]:
    """Return the Arrow fields of columns of a DataFrame.

    Raises
    ------
    CannotCross
        For a column of a type that Arrow does not have.
    """
    from pyspark.sql.types import UserDefinedType

    fields = []
    for name in names:
        field = frame.schema[name]
        vector = is_vector_type(field.dataType)
        if isinstance(field.dataType, UserDefinedType) and not vector:
            raise CannotCross(
                f"column {name!r} of type {field.dataType.simpleString()} cannot leave Spark: "
                "drop it, or make an array of "
                "it (matrices have toArray)"
            )
        fields.append(out_of_spark(name, _arrow_type(name, field.dataType), field.metadata or {}, vector))
    return fields


def _arrow_type(name: str, kind: Any) -> Any:
    from pyspark.sql.pandas.types import to_arrow_type

    try:
        if is_vector_type(kind):
            from anabranch.spark.columns import VECTOR_TYPE

            return VECTOR_TYPE
        return to_arrow_type(kind, timezone="UTC")
    except Exception as error:
        raise CannotCross(
            f"column {name!r} of type {kind.simpleString()} cannot leave Spark: "
            f"{error}; cast or drop it in the stage before"
        ) from None


def is_vector_type(kind: Any) -> bool:
    """Whether a Spark type is that of vectors."""
    return type(kind).__name__ == "VectorUDT"


def as_plain(frame: Any, names: Sequence[str]) -> Any:
    """Select columns, vectors as the structs that Arrow can take."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import StructField, StructType

    from anabranch.spark.far import echo

    chosen = frame.select(*[F.col(quoted(name)) for name in names])
    if not any(is_vector_type(field.dataType) for field in chosen.schema.fields):
        return chosen
    plain = [
        StructField(field.name, field.dataType.sqlType() if is_vector_type(field.dataType) else field.dataType, True)
        for field in chosen.schema.fields
    ]
    return chosen.mapInArrow(echo(), StructType(plain))


def matrix_parts(frame: Any, columns: str | Sequence[str]) -> list[MatrixPart]:
    """Return the columns of which a float64 matrix is made, side by side.

    Raises
    ------
    CannotCross
        For a column that is missing, or is no number, vector or array of numbers.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.types import ArrayType, BooleanType, NumericType

    parts = []
    schema = frame.schema
    for name in [columns] if isinstance(columns, str) else columns:
        if name not in frame.columns:
            raise CannotCross(
                f"there is no column {name!r} among what the stage makes: "
                f"{', '.join(c for c in frame.columns if c != ROW)}; "
                "name one of them with features="
            )
        kind, column = schema[name].dataType, F.col(quoted(name))
        if isinstance(kind, (NumericType, BooleanType)):
            parts.append(MatrixPart(NUMBER, column.cast("double")))
        elif is_vector_type(kind):
            parts.append(MatrixPart(VECTORS, column))
        elif isinstance(kind, ArrayType) and isinstance(kind.elementType, NumericType):
            parts.append(MatrixPart(ARRAY, column.cast("array<double>")))
        else:
            raise CannotCross(
                f"column {name!r} of type {kind.simpleString()} is no number or vector: "
                "index or encode it in a stage before "
                "(StringIndexer, VectorAssembler), or leave it out of features="
            )
    return parts


def array_of(parts: Sequence[MatrixPart]) -> Any:
    """Return the expression of one array of float64 for each row."""
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F

    arrays = []
    for kind, run in itertools.groupby(parts, lambda part: part.kind):
        columns = [part.column for part in run]
        if kind == NUMBER:
            arrays.append(F.array(*columns))
        else:
            arrays.extend(map(vector_to_array, columns) if kind == VECTORS else columns)
    return arrays[0] if len(arrays) == 1 else F.concat(*arrays)


_current: Exchange | None = None


def current_exchange() -> Exchange:
    """Return the exchange of the task that runs, else one over this process's own session."""
    return _current if _current is not None else Exchange(local_session())


@contextlib.contextmanager
def exchanging(exchange: Exchange) -> Iterator[None]:
    """Have steps use this exchange."""
    global _current
    before, _current = _current, exchange
    try:
        yield
    finally:
        _current = before
