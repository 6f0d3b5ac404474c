"""Matrices that the session's JVM writes into the store itself."""

from __future__ import annotations

import numpy as np
import pytest

import anabranch as ab
from anabranch.spark import function

pytestmark = [pytest.mark.leaves("children", "descriptors", "store"), pytest.mark.usefixtures("spark_pool")]

#: More than a block of the writer has, of four columns and two vectors of three.
ROWS = 50_000


def made(f, features: list[str]):
    """Run a function that makes a DataFrame of a session, and return the entry whose output is its matrix."""
    node = ab.OrNode("made", function(lambda frame: f(frame.sparkSession), features=features))
    pipeline = ab.Pipeline("sink")
    pipeline.add_node(node)
    return pipeline.fit(np.zeros((1, 1)))[node].only()


def numbers(session):
    from pyspark.ml.functions import array_to_vector
    from pyspark.sql import functions as F

    ids = F.col("id")
    return session.range(0, ROWS, 1, 5).select(
        ids.cast("double").alias("double"),
        F.when(ids % 7 == 0, None).otherwise(ids.cast("int")).alias("int"),
        (ids % 2 == 0).alias("bool"),
        (ids / 4).cast("decimal(20, 2)").alias("decimal"),
        F.array(ids.cast("float"), (ids + 1).cast("float")).alias("array"),
        array_to_vector(F.array(ids * 1.0, ids * 2.0, ids * 3.0)).alias("vector"),
    )


def test_numbers_arrays_and_vectors_stand_side_by_side_in_the_order_of_partitions() -> None:
    entry = made(numbers, ["double", "int", "bool", "decimal", "array", "vector"])
    assert entry.error is None, entry.error
    ids = np.arange(ROWS, dtype=float)
    expected = [ids, np.where(ids % 7 == 0, np.nan, ids), ids % 2 == 0, ids / 4, ids, ids + 1, ids, 2 * ids, 3 * ids]
    np.testing.assert_array_equal(entry.output, np.stack(expected, axis=1))


def test_the_writer_is_of_the_jvm() -> None:
    assert made(numbers, ["double"]).error is None

    def known(session):
        sinks = session._jvm.java.lang.System.getProperties().get("anabranch.sinks")
        return session.createDataFrame([(float(sinks.containsKey("matrix")),)], "known double")

    assert made(known, ["known"]).output == [[1.0]]


def test_sparse_vectors_are_filled_with_zeros() -> None:
    def sparse(session):
        from pyspark.ml.feature import OneHotEncoder
        from pyspark.sql import functions as F

        frame = session.range(0, 6, 1, 1).select((F.col("id") % 3).cast("double").alias("kind"))
        encoder = OneHotEncoder(inputCol="kind", outputCol="hot", dropLast=False)
        return encoder.fit(frame).transform(frame)

    np.testing.assert_array_equal(made(sparse, ["hot"]).output, np.eye(3)[[0, 1, 2, 0, 1, 2]])


def test_no_rows_make_no_matrix() -> None:
    entry = made(lambda session: session.range(0, 0, 1, 2), ["id"])
    assert entry.error is None, entry.error
    assert len(entry.output) == 0


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("sequence(0L, id)", "rows have from 1 to 2 numbers, and a matrix has as many in all"),
        ("if(id = 2, null, array(id))", "rows have no vector where a matrix is made"),
    ],
)
def test_rows_that_make_no_matrix_are_told_of_with_the_node(column, said) -> None:
    entry = made(lambda session: session.range(0, 3, 1, 1).selectExpr(f"{column} as ragged"), ["ragged"])
    assert isinstance(entry.error, ValueError) or "ValueError" in str(entry.error), entry.error
    assert f"node 'made': {said}" in str(entry.error)
