"""Rows, columns, groups and cuts of every kind of table."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

import anabranch as ab
from anabranch.tables import column_names, column_of, contiguous_cuts, row_count, rows_by_label


def kinds():
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    table = {"a": [1, 2, 1], "b": ["x", "y", "x"]}
    return [pd.DataFrame(table), pl.DataFrame(table), pa.table(table)]


@pytest.mark.parametrize("table", kinds(), ids=lambda table: type(table).__module__)
def test_tables_with_names(table):
    assert row_count(table) == 3
    assert column_names(table) == ["a", "b"]
    assert list(column_of(table, "b")) == ["x", "y", "x"]
    groups = rows_by_label(column_of(table, "b"), "b")
    assert [(label, rows.tolist()) for label, rows in groups] == [("x", [0, 2]), ("y", [1])]
    with pytest.raises(ab.RequestError, match="no column 'c'; the data has: a, b"):
        column_of(table, "c")


def test_arrays_and_lists():
    assert row_count(np.zeros((4, 2))) == 4
    assert row_count(sparse.csr_matrix((5, 3))) == 5
    assert row_count([[1], [2]]) == 2
    assert list(column_of(np.array([[1, 2], [3, 4]]), 1)) == [2, 4]
    with pytest.raises(ab.RequestError, match="has no rows"):
        row_count(3)
    with pytest.raises(ab.RequestError, match="without names"):
        column_of(np.zeros((2, 2)), "a")


def test_labels_of_groups():
    assert [label for label, _ in rows_by_label(np.array([3.0, 1.0]), "g")] == [1, 3]
    assert [label for label, _ in rows_by_label(np.array([10, 9, 10]), "g")] == [9, 10]
    assert [label for label, _ in rows_by_label(np.array([True, False]), "g")] == ["False", "True"]
    assert [label for label, _ in rows_by_label(np.array(["b", "a"], dtype=object), "g")] == ["a", "b"]


@pytest.mark.parametrize("values", [np.array([1.0, np.nan]), np.array(["a", None], dtype=object)])
def test_rows_without_a_group_are_refused(values):
    with pytest.raises(ab.RequestError, match="'g' has 1 missing values"):
        rows_by_label(values, "g")


def test_cuts_cover_the_rows_in_order():
    cuts = contiguous_cuts(10, 3)
    assert np.concatenate(cuts).tolist() == list(range(10))
    assert [len(cut) for cut in cuts] == [4, 3, 3]
    with pytest.raises(ab.RequestError, match="the data has 2 rows"):
        contiguous_cuts(2, 3)
    with pytest.raises(ab.RequestError, match="at least 1"):
        contiguous_cuts(2, 0)
