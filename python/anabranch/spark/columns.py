"""How columns cross into Spark and back: which Arrow types may, and what restores those that Spark does not have.

A column keeps, in the metadata of its Spark field, what it was before; one that a stage hands on unchanged comes back
as it was (nanoseconds, time zones, categories, unsigned numbers), one that a stage made is as Spark has it. What Spark
keeps in the metadata of a field (the labels of an index, the attributes of a vector) stands in the metadata of the
Arrow field, so that it reaches the next Spark stage.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pyarrow as pa

from anabranch.spark.column_names import ROW

#: Key in the metadata of a Spark field: the Arrow field that it came from.
ORIGIN = "anabranch_origin"
#: Key in the metadata of an Arrow field: the metadata of the Spark field, as JSON.
SPARK = b"anabranch.spark"
#: Key in the metadata of an Arrow field whose column is a vector of Spark ML.
VECTOR = b"anabranch.vector"

#: As `VectorUDT` stores a vector.
VECTOR_TYPE = pa.struct(
    [("type", pa.int8()), ("size", pa.int32()), ("indices", pa.list_(pa.int32())), ("values", pa.list_(pa.float64()))]
)

_WIDER = {"uint8": pa.int16(), "uint16": pa.int32(), "uint32": pa.int64(), "halffloat": pa.float32()}


class CannotCross(ValueError):
    """A column that Spark, or a store, cannot take; the message names the column and what to do."""


def into_spark(schema: pa.Schema) -> pa.Schema:
    """Return the schema of the record batches that Spark is given for a table of this one.

    Raises
    ------
    CannotCross
    """
    fields = []
    seen: dict[str, str] = {}
    for field in schema:
        _check_name(field.name, seen)
        try:
            fields.append(pa.field(field.name, _crossed(field.type), metadata=_kept(field)))
        except CannotCross as error:
            raise CannotCross(f"column {field.name!r} of type {field.type} cannot cross into Spark: {error}") from None
    return pa.schema(fields)


def _check_name(name: str, seen: dict[str, str]) -> None:
    if name == ROW:
        raise CannotCross(f"column {name!r} has a name that is kept for row numbers: rename it")
    # Spark finds columns by their names whatever the case.
    other = seen.get(name.lower())
    if other is not None:
        raise CannotCross(
            f"columns {other!r} and {name!r} are one to Spark, which does not tell cases apart: rename one"
        )
    seen[name.lower()] = name


def _crossed(kind: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_null(kind):
        raise CannotCross("it has nothing but nulls; give it a type, X.astype({column: 'float64'})")
    if str(kind) in _WIDER:
        return _WIDER[str(kind)]
    if types.is_boolean(kind) or types.is_signed_integer(kind) or types.is_float32(kind) or types.is_float64(kind):
        return kind
    if types.is_uint64(kind):
        raise CannotCross("Spark has no unsigned 64-bit integers; cast it to int64 or decimal128(20, 0)")
    if types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view":
        return pa.string()
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return pa.binary()
    if types.is_date(kind):
        return pa.date32()
    if types.is_timestamp(kind):
        return pa.timestamp("us", tz=None if kind.tz is None else "UTC")
    if types.is_duration(kind):
        return pa.duration("us")
    if types.is_decimal128(kind):
        return kind
    if types.is_dictionary(kind):
        return _crossed(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return pa.list_(_crossed(kind.value_type))
    if types.is_struct(kind):
        return pa.struct([pa.field(kind.field(i).name, _crossed(kind.field(i).type)) for i in range(kind.num_fields)])
    if types.is_map(kind):
        return pa.map_(_crossed(kind.key_type), _crossed(kind.item_type))
    if types.is_time(kind):
        raise CannotCross("Spark has no times of day; cast it to int64 (microseconds) or a string")
    if types.is_decimal(kind):
        raise CannotCross("Spark's decimals have up to 38 digits; cast it to decimal128 or float64")
    raise CannotCross("Spark has no such type; cast it to one of numbers, strings, dates, timestamps, lists or structs")


def _kept(field: pa.Field) -> dict[bytes, bytes] | None:
    kept = {name: value for name, value in (field.metadata or {}).items() if name in (SPARK, VECTOR)}
    return kept or None


def spark_metadata(original: pa.Field, crossed: pa.Field) -> dict[str, Any]:
    """Return the metadata of the Spark field: what it had in Spark before, and what restores its type."""
    metadata: dict[str, Any] = json.loads((original.metadata or {}).get(SPARK, b"{}"))
    metadata.pop(ORIGIN, None)
    if original.type != crossed.type:
        bare = pa.schema([pa.field(original.name, original.type)])
        metadata[ORIGIN] = base64.b64encode(bare.serialize().to_pybytes()).decode()
    return metadata


def out_of_spark(name: str, came: pa.DataType, metadata: dict[str, Any], is_vector: bool) -> pa.Field:
    """Return the field that a column has outside of Spark.

    Parameters
    ----------
    name : str
    came : DataType
        As Spark hands it over.
    metadata : dict
        Of the Spark field.
    is_vector : bool
        It is a vector of Spark ML.
    """
    metadata = dict(metadata)
    origin = metadata.pop(ORIGIN, None)
    kept = {SPARK: json.dumps(metadata).encode()} if metadata else {}
    if is_vector:
        return pa.field(name, VECTOR_TYPE, metadata={**kept, VECTOR: b"1"})
    kind = came
    if origin is not None:
        original = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(origin))).field(0).type
        # A stage that made another column of this name may have handed its metadata on.
        if _plain(_crossed(original)) == _plain(came):
            kind = original
    return pa.field(name, kind, metadata=kept or None)


def _plain(kind: pa.DataType) -> str:
    """A type without what Arrow and Spark write differently: names and nullability within lists, names of zones."""
    types = pa.types
    if types.is_list(kind) or types.is_large_list(kind):
        return f"list<{_plain(kind.value_type)}>"
    if types.is_struct(kind):
        parts = (kind.field(i) for i in range(kind.num_fields))
        return f"struct<{', '.join(f'{part.name}: {_plain(part.type)}' for part in parts)}>"
    if types.is_map(kind):
        return f"map<{_plain(kind.key_type)}, {_plain(kind.item_type)}>"
    if types.is_timestamp(kind):
        return f"timestamp[{kind.tz is not None}]"
    return {"large_string": "string", "large_binary": "binary"}.get(str(kind), str(kind))


def cast(column: pa.Array, kind: pa.DataType, name: str) -> pa.Array:
    """Return a column with another type and the same values.

    Raises
    ------
    CannotCross
        When a value has no place there (nanoseconds where microseconds are the finest).
    """
    if column.type == kind:
        return column
    try:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_dictionary(kind):
            return column.cast(kind.value_type).dictionary_encode().cast(kind)
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise CannotCross(
            f"column {name!r} of type {column.type} cannot become {kind}: {error}; cast it before"
        ) from None
