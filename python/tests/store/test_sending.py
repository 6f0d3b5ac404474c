"""What is sent of a value, piece by piece, is what would stand in the store."""

from __future__ import annotations

import io

import numpy as np
import pytest

from anabranch.store.payloads import payload_of

VALUES = {
    "none": None,
    "scalar": np.array(3.5),
    "empty": np.zeros((0, 3)),
    "c": np.arange(24.0).reshape(2, 3, 4),
    "fortran": np.asfortranarray(np.arange(24.0).reshape(4, 6)),
    "strided": np.arange(300_000.0).reshape(-1, 6)[::3, ::-2],
    "strided fortran": np.asfortranarray(np.arange(300_000.0).reshape(-1, 6))[::3, ::-2],
    "flags": np.arange(1000) % 3 == 0,
    "buffers": {"a": np.arange(1000), "b": [np.arange(77), b"x" * 1000], "c": "y"},
    "dates": np.arange(1000).astype("M8[s]"),
}


@pytest.mark.parametrize("name", VALUES)
def test_bytes_are_those_that_are_written(name):
    _, payload = payload_of(VALUES[name])
    written, sent = bytearray(payload.length), io.BytesIO()
    payload.write(memoryview(written))
    payload.send(sent)
    assert sent.getvalue() == bytes(written)


def test_arrow_too():
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"a": np.arange(1000), "b": ["x", None] * 500})
    for value in (table, table.to_batches()[0]):
        _, payload = payload_of(value)
        written, sent = bytearray(payload.length), io.BytesIO()
        payload.write(memoryview(written))
        payload.send(sent)
        assert sent.getvalue() == bytes(written)
