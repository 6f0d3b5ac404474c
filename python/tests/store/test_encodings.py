"""Values go through the store unchanged, and reading them copies no buffer."""

from __future__ import annotations

import gc
import itertools
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from anabranch.store import Store, StoreError
from anabranch.store.pickle5 import PicklePayload, PickleReader
from anabranch.store.tensor import DTYPES, TensorPayload, read_tensor
from anabranch.v1 import common_pb2


def in_segments(reader: Store, array: np.ndarray) -> bool:
    """Whether the array's buffer lies in a mapped segment file of the reader's store."""
    address = array.__array_interface__["data"][0]
    with open("/proc/self/maps") as maps:
        for line in maps:
            span, _, rest = line.partition(" ")
            low, high = (int(part, 16) for part in span.split("-"))
            if low <= address < high:
                return f"{reader.path}/seg-" in rest and rest.startswith("r--s")
    return False


@pytest.mark.parametrize("dtype", [np.dtype(name) for name in DTYPES])
def test_tensors(store: Store, reader: Store, dtype: np.dtype) -> None:
    shapes: list[tuple[int, ...]] = [(), (0,), (1,), (7,), (3, 0, 2), (5, 3), (2, 3, 4)]
    for shape, order, never_inline in itertools.product(shapes, "CF", (False, True)):
        array = np.asarray(np.arange(np.prod(shape)).reshape(shape) % 2, dtype=dtype, order=order)
        ref = store.put(array, never_inline=never_inline)
        assert ref.encoding == common_pb2.ENCODING_TENSOR
        assert (ref.segment == 0) != never_inline
        back = reader.get(ref)
        assert back.dtype == array.dtype and back.shape == array.shape
        assert back.flags.c_contiguous == array.flags.c_contiguous
        assert back.flags.f_contiguous == array.flags.f_contiguous
        assert not back.flags.writeable
        np.testing.assert_array_equal(back, array)
        if never_inline:
            assert back.__array_interface__["data"][0] % 64 == 0
            assert not back.size or in_segments(reader, back)


def test_strided_arrays_are_compacted_in_the_nearer_order(store: Store, reader: Store) -> None:
    base = np.arange(40_000.0).reshape(200, 200)
    for array, fortran in [(base[::2], False), (base[:, ::2], False), (base.T[::2], True), (base[::-1, ::-1], False)]:
        back = reader.get(store.put(array))
        np.testing.assert_array_equal(back, array)
        assert back.flags.f_contiguous == fortran and back.flags.c_contiguous != fortran


@pytest.mark.parametrize(
    "array",
    [
        np.array(["a", None, {"x": 1}], dtype=object),
        np.zeros(1000, dtype=[("a", "<i4"), ("b", "<f8")]),
        np.arange(1000, dtype=">f8"),
        np.arange(1000, dtype="<f2"),
        np.arange("2020-01-01", "2023-01-01", dtype="M8[D]"),
        np.arange(1000).astype("m8[ns]"),
        np.ma.masked_array(np.arange(1000.0), mask=np.arange(1000) % 2 == 0),
        np.matrix(np.eye(40)),
    ],
    ids=lambda array: f"{type(array).__name__}-{array.dtype}",
)
def test_other_arrays_are_pickled(store: Store, reader: Store, array: np.ndarray) -> None:
    ref = store.put(array, never_inline=True)
    assert ref.encoding == common_pb2.ENCODING_PICKLE5
    back = reader.get(ref)
    assert type(back) is type(array) and back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    if array.dtype != object and type(array) is np.ndarray:  # masked arrays and matrices pickle themselves as bytes
        assert in_segments(reader, back)


def test_strided_arrays_within_objects_are_not_copied_on_read(store: Store, reader: Store) -> None:
    value = {"rows": np.arange(30_000.0).reshape(100, 300)[::3], "columns": np.arange(3000.0).reshape(30, 100)[:, ::2]}
    back = reader.get(store.put(value))
    for name, array in back.items():
        np.testing.assert_array_equal(array, value[name])
        assert in_segments(reader, array)


@pytest.mark.parametrize(
    "value",
    [None, True, 7, -(1 << 80), 1.5, "text", b"bytes", (1, 2), [1, [2, {"a": (3, None)}]], {}, {"k": 1}, 2j, set("ab")],
    ids=repr,
)
def test_plain_values(store: Store, reader: Store, value: object) -> None:
    for never_inline in (False, True):
        assert reader.get(store.put(value, never_inline=never_inline)) == value


def test_a_small_value_costs_little_more_than_its_pickle(store: Store) -> None:
    ref = store.put((1, "two"))
    assert ref.segment == 0 and ref.length == len(ref.inline_bytes) <= 64
    assert PicklePayload(7).length - 16 == len(pickle.dumps(7, 5))


def test_a_container_that_contains_itself(store: Store, reader: Store) -> None:
    value: list[Any] = [1]
    value.append(value)
    back = reader.get(store.put(value))
    assert back[0] == 1 and back[1] is back


def test_functions_go_by_value(store: Store, reader: Store) -> None:
    offset = 3
    assert reader.get(store.put(lambda x: x + offset))(4) == 7


def test_frames(store: Store, reader: Store) -> None:
    frame = pd.DataFrame(
        {
            "number": np.arange(5000.0),
            "integer": np.arange(5000),
            "text": [f"row {i}" for i in range(5000)],
            "when": pd.date_range("2013-01-01", periods=5000, freq="h"),
            "kind": pd.Categorical(np.arange(5000) % 3),
        }
    )
    back = reader.get(store.put(frame))
    pd.testing.assert_frame_equal(back, frame)
    for name in ("number", "integer"):
        assert in_segments(reader, back[name].to_numpy())
    assert in_segments(reader, back["when"].array._ndarray)
    assert in_segments(reader, back["kind"].array._ndarray)
    if isinstance(text := back["text"].array, pd.arrays.ArrowStringArray):
        for chunk in text.__arrow_array__().chunks:
            assert all(
                in_segments(reader, np.frombuffer(buffer, np.uint8)) for buffer in chunk.buffers() if buffer is not None
            )


def test_sparse_matrices(store: Store, reader: Store) -> None:
    for matrix in (sparse.random(300, 200, 0.1, "csr", random_state=0), sparse.random_array((300, 200), density=0.1)):
        back = reader.get(store.put(matrix))
        assert type(back) is type(matrix) and (abs(back - matrix)).nnz == 0
        assert in_segments(reader, back.data)


def test_fitted_models(store: Store, reader: Store) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 400)), rng.integers(0, 2, 300)
    linear = LogisticRegression(max_iter=20).fit(x, y)
    back = reader.get(store.put(linear, never_inline=True))
    np.testing.assert_array_equal(back.predict_proba(x), linear.predict_proba(x))
    assert in_segments(reader, back.coef_)
    forest = RandomForestClassifier(10, random_state=0).fit(x, y)
    np.testing.assert_array_equal(reader.get(store.put(forest)).predict_proba(x), forest.predict_proba(x))


def test_arrow(store: Store, reader: Store) -> None:
    table = pa.table({"a": list(range(5000)), "b": [str(i) if i % 3 else None for i in range(5000)]})
    for value in (table, table.slice(100, 50), table.slice(0, 0), pa.concat_tables([table, table.slice(7)])):
        ref = store.put(value, never_inline=True)
        assert ref.encoding == common_pb2.ENCODING_ARROW
        back = reader.get(ref)
        assert isinstance(back, pa.Table) and back.equals(value)
        if len(value):
            assert in_segments(reader, np.frombuffer(back["a"].chunk(0).buffers()[1], np.uint8))
    for batch in (table.to_batches()[0], table.slice(0, 0).combine_chunks().to_batches(), table.to_batches()[0][:0]):
        if isinstance(batch, pa.RecordBatch):
            back = reader.get(store.put(batch))
            assert isinstance(back, pa.RecordBatch) and back.equals(batch)


def test_polars(store: Store, reader: Store) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(
        {
            "number": np.arange(5000.0),
            "text": [f"a text too long to stand in its view {i}" if i % 3 else None for i in range(5000)],
            "flag": [i % 2 == 0 for i in range(5000)],
            "when": pd.date_range("2013-01-01", periods=5000, freq="h").to_numpy(),
        }
    )
    odd = frame.with_columns(polars.col("text").cast(polars.Categorical), polars.struct("number", "flag").alias("pair"))
    small = store.put(frame[:5]).length
    assert store.put(frame[100:200]).length < 60 * small  # a slice brings its own rows alone
    for value in (frame, frame[100:200], frame[:0], frame[:3], odd, polars.concat([frame, frame])):
        back = reader.get(store.put(value, never_inline=True))
        assert type(back) is polars.DataFrame and back.schema == value.schema and back.equals(value)
    assert in_segments(reader, reader.get(store.put(frame))["number"].to_numpy(allow_copy=False))


def test_a_forced_encoding(store: Store, reader: Store) -> None:
    ref = store.put(np.arange(10), encoding=common_pb2.ENCODING_PICKLE5)
    assert ref.encoding == common_pb2.ENCODING_PICKLE5
    np.testing.assert_array_equal(reader.get(ref), np.arange(10))
    with pytest.raises(StoreError, match="a list cannot be stored"):
        store.put([1], encoding=common_pb2.ENCODING_TENSOR)
    with pytest.raises(StoreError, match="a list cannot be stored"):
        store.put([1], encoding=common_pb2.ENCODING_ARROW)


class Reference:
    def __init__(self, number: int) -> None:
        self.number = number


def test_persistent_references(store: Store, reader: Store) -> None:
    value = {"here": Reference(7), "array": np.arange(1000), "plain": 1}
    ref = store.put(value, never_inline=True, persistent_id=lambda v: v.number if isinstance(v, Reference) else None)
    back = reader.get(ref, persistent_load=lambda number: f"object {number}")
    assert back["here"] == "object 7" and in_segments(reader, back["array"])


# ---- malformed bytes


def refuse(reader: Store, encoding: int, data: bytes) -> None:
    ref = common_pb2.ObjectRef(writer=1, sequence=1, encoding=encoding, length=len(data), inline_bytes=data)
    with pytest.raises(StoreError, match=r"object 1\.1"):
        reader.get(ref)


def tensor_bytes(array: np.ndarray) -> bytearray:
    payload = TensorPayload(array)
    data = bytearray(payload.length)
    payload.write(memoryview(data))
    return data


def test_golden_tensor() -> None:
    expected = bytes.fromhex("4142544e 01 04 01 02 0300000000000000 0200000000000000") + bytes(40)
    expected += struct.pack("<6i", 0, 2, 4, 1, 3, 5)
    assert tensor_bytes(np.asarray(np.arange(6, dtype="<i4").reshape(3, 2), order="F")) == expected


def test_tensors_have_the_bytes_of_swift() -> None:
    lines = (Path(__file__).parents[3] / "Tests/ObjectStoreTests/Golden/tensors.txt").read_text().splitlines()
    assert {line.split()[0] for line in lines} == {np.dtype(name).name for name in DTYPES}
    for line in lines:
        name, order, lengths, digits = line.split()
        shape = () if lengths == "-" else tuple(int(length) for length in lengths.split(","))
        numbers = np.arange(np.prod(shape)).reshape(shape)
        array = np.asarray(numbers % 2 if name == "bool" else numbers, dtype=name, order=order)
        assert tensor_bytes(array).hex() == digits
        np.testing.assert_array_equal(read_tensor(bytes.fromhex(digits)), array)


def test_malformed_tensors(reader: Store) -> None:
    good = tensor_bytes(np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(read_tensor(bytes(good)), np.arange(6.0).reshape(2, 3))
    for size in range(len(good)):
        refuse(reader, common_pb2.ENCODING_TENSOR, bytes(good[:size]))
    refuse(reader, common_pb2.ENCODING_TENSOR, bytes(good) + b"\0")
    for place, value in [(0, b"X"), (4, b"\2"), (5, b"\0"), (5, b"\x0c"), (6, b"\2"), (7, b"\x21"), (7, b"\xff")]:
        bad = good.copy()
        bad[place : place + 1] = value
        refuse(reader, common_pb2.ENCODING_TENSOR, bytes(bad))
    for shape in [(1 << 63, 2), (1 << 32, 1 << 32), (0, 6), ((1 << 64) - 1, 1), (1 << 61, 8), (0, 1 << 63)]:
        bad = good.copy()
        bad[8:24] = struct.pack("<2Q", *shape)
        refuse(reader, common_pb2.ENCODING_TENSOR, bytes(bad))
    empty = tensor_bytes(np.zeros((0, 3)))
    empty[8:24] = struct.pack("<2Q", 0, 1 << 63)
    refuse(reader, common_pb2.ENCODING_TENSOR, bytes(empty))


def test_malformed_pickles(reader: Store) -> None:
    payload = PicklePayload([np.arange(100.0), np.arange(200)])
    good = payload.tobytes()
    table = PickleReader(good)._table
    assert len(table) == 2
    for size in range(len(good)):
        refuse(reader, common_pb2.ENCODING_PICKLE5, good[:size])
    changes = [(0, b"X"), (4, b"\xff\xff\xff\xff"), (8, b"\xff" * 8), (16, b"\xff" * 8), (24, b"\xff" * 8)]
    changes += [(16, struct.pack("<Q", 0)), (16, struct.pack("<Q", table[0][0] + 1)), (32, struct.pack("<Q", 64))]
    for place, value in changes:
        bad = bytearray(good)
        bad[place : place + len(value)] = value
        refuse(reader, common_pb2.ENCODING_PICKLE5, bytes(bad))


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 111), st.integers(0, 255)), min_size=1, max_size=6))
def test_mutated_tensors_are_read_or_refused(changes: list[tuple[int, int]]) -> None:
    data = tensor_bytes(np.arange(6.0).reshape(2, 3))
    for place, value in changes:
        data[place] = value
    try:
        array = read_tensor(bytes(data))
    except StoreError:
        return
    assert array.nbytes == len(data) - 64 and array.base is not None


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 47), st.integers(0, 255)), min_size=1, max_size=6))
def test_mutated_pickle_headers_stay_within_the_object(changes: list[tuple[int, int]]) -> None:
    data = bytearray(PicklePayload([np.arange(100.0), np.arange(200)]).tobytes())
    for place, value in changes:
        data[place] = value
    try:
        reader = PickleReader(bytes(data))
    except StoreError:
        return
    end = 16 + 16 * len(reader._table) + reader.stream_length
    for offset, length in reader._table:
        assert end <= offset and offset % 64 == 0
        end = offset + length
    assert end <= len(data)


def test_malformed_arrow(reader: Store, store: Store) -> None:
    good = store.put(pa.table({"a": [1, 2, 3]})).inline_bytes
    for size in range(0, len(good) - 16, 5):
        refuse(reader, common_pb2.ENCODING_ARROW, good[:size])
    refuse(reader, common_pb2.ENCODING_ARROW, b"\xff" * 100)


def test_malformed_references(reader: Store, store: Store) -> None:
    ref = store.put(np.arange(5000.0))
    for change in (
        {"offset": 3},
        {"length": 0},
        {"offset": 1 << 62},
        {"length": 1 << 63},
        {"segment": 99},
        {"writer": 5},
    ):
        bad = common_pb2.ObjectRef()
        bad.CopyFrom(ref)
        for name, value in change.items():
            setattr(bad, name, value)
        with pytest.raises(StoreError, match=f"object {bad.writer:x}.1|reference to object"):
            reader.get(bad)
    refuse(reader, 9, b"x" * 100)
    with pytest.raises(StoreError, match="where its reference says"):
        reader.get(common_pb2.ObjectRef(writer=1, sequence=1, encoding=1, length=100, inline_bytes=b"short"))
    gc.collect()
    assert reader.held() == []
