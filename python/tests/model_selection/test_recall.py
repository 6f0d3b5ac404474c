"""What readers of one output have in common: its memory, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from anabranch.model_selection.recall import fresh

ROWS = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize(
    ("value", "memory"),
    [(pd.DataFrame(ROWS), lambda frame: frame.to_numpy()), (sp.csr_matrix(ROWS), lambda matrix: matrix.data)],
    ids=["frame", "sparse"],
)
def test_readers_share_memory_and_no_object(value, memory):
    own = fresh(value)
    assert own is not value and type(own) is type(value)
    assert np.shares_memory(memory(own), memory(value))


@pytest.mark.parametrize("value", [ROWS, np.ma.masked_greater(ROWS, 5), ROWS.view(np.recarray)])
def test_arrays_are_not_copied(value):
    assert fresh(value) is value


def test_what_one_reader_takes_out_others_have():
    frame, rows = pd.DataFrame(ROWS, columns=list("abc")), [[1], [2]]
    fresh(frame).pop("a")
    fresh(rows).pop()
    assert list(frame) == list("abc") and rows == [[1], [2]]
