"""Which columns cross, how they come back, and what is said of those that cannot: no session is needed to know it."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pytest

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")

from anabranch.spark.columns import CannotCross, cast, into_spark, out_of_spark, spark_metadata  # noqa: E402
from anabranch.spark.intake import Part, batches_of, schema_of  # noqa: E402


def crossed(field):
    return into_spark(pa.schema([field])).field(0)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.int8(), [1, None, -3]),
        (pa.uint32(), [1, None, 4_000_000_000]),
        (pa.float16(), [np.float16(0.5), None]),
        (pa.large_string(), ["a", None, ""]),
        (pa.dictionary(pa.int32(), pa.string()), ["x", "y", None, "x"]),
        (pa.timestamp("ns", tz="Europe/Berlin"), [datetime.datetime(2020, 1, 1), None]),
        (pa.timestamp("ms"), [datetime.datetime(2020, 1, 1), None]),
        (pa.date64(), [datetime.date(2020, 1, 1), None]),
        (pa.decimal128(20, 3), [decimal.Decimal("1.125"), None]),
        (pa.list_(pa.large_string()), [["a"], None, []]),
        (pa.struct([("a", pa.uint8()), ("b", pa.string())]), [{"a": 1, "b": None}, None]),
    ],
)
def test_a_column_that_is_handed_on_comes_back_as_it_was(kind, values):
    field = pa.field("c", kind)
    column = pa.array(values, kind if not pa.types.is_dictionary(kind) else pa.string()).cast(kind)
    inside = crossed(field)
    came = cast(column, inside.type, "c")
    outside = out_of_spark("c", inside.type, spark_metadata(field, inside), False)
    back = cast(came, outside.type, "c")
    assert back.type == kind
    assert back.to_pylist() == column.to_pylist()


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        (pa.uint64(), "cast it to int64"),
        (pa.time64("us"), "cast it to int64"),
        (pa.decimal256(50, 2), "decimal128 or float64"),
        (pa.null(), "give it a type"),
    ],
)
def test_a_type_that_cannot_cross_is_refused_with_column_and_remedy(kind, remedy):
    with pytest.raises(CannotCross, match=rf"column 'c' of type .* cannot cross into Spark: .*{remedy}"):
        crossed(pa.field("c", kind))


def test_names_that_spark_cannot_tell_apart_are_refused():
    with pytest.raises(CannotCross, match="columns 'a' and 'A' are one to Spark"):
        into_spark(pa.schema([("a", pa.int64()), ("A", pa.int64())]))


def test_nanoseconds_that_spark_does_not_have_are_refused():
    column = pa.array([1], pa.timestamp("ns"))
    with pytest.raises(CannotCross, match=r"column 't'.*would lose data"):
        cast(column, pa.timestamp("us"), "t")


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (pd.DataFrame({0: [1.0]}), "astype"),
        (pd.DataFrame({"a": [1, "x"]}), "column 'a' has no one type"),
        (["a", "b"], "give a data frame"),
        (np.zeros((2, 2, 2)), "reshape"),
    ],
)
def test_what_is_no_table_is_refused_with_a_remedy(value, remedy):
    with pytest.raises(CannotCross, match=remedy):
        schema_of(value)


def test_a_sparse_matrix_is_refused_with_a_remedy():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(CannotCross, match="toarray"):
        schema_of(sparse.csr_matrix(np.eye(3)))


@pytest.mark.parametrize("rows", [None, np.array([5, 3, 3, 0])])
def test_rows_are_read_as_batches_of_the_same_values(rows):
    frame = pd.DataFrame({"a": [0.5, np.nan, 2, 3, 4, 5], "s": list("uvwxyz"), "c": pd.Categorical(list("ababab"))})
    schema = schema_of(frame)
    crossing = into_spark(schema)
    part = Part(frame, rows, schema, crossing)
    (batch,) = batches_of([part], pa.schema([pa.field(f.name, f.type) for f in crossing]), 0, len(part))
    expected = frame if rows is None else frame.take(rows)
    assert batch.column(1).to_pylist() == expected["s"].tolist()
    assert batch.column(2).to_pylist() == expected["c"].tolist()
    # What is missing in pandas is null.
    assert batch.column(0).null_count == int(expected["a"].isna().sum())
