"""Objects that other processes write while they grow."""

from __future__ import annotations

import os

import numpy as np
import pytest

from anabranch.store import Store, StoreFull
from anabranch.store.arrow import PIECES_HEADER, pieces_index
from anabranch.store.growing import GrowingObject
from anabranch.store.tensor import tensor_header
from anabranch.v1 import common_pb2


def segments(directory: str) -> list[str]:
    return [name for name in os.listdir(directory) if name.startswith("seg-")]


def test_a_matrix_is_written_piece_by_piece_and_read_in_place(store_directory):
    block = np.arange(300_000.0).reshape(-1, 3)
    with Store(store_directory) as store:
        growing = GrowingObject(store, 64)
        with open(growing.path, "r+b") as file:
            for part in (block[:1000], block[1000:]):
                file.seek(growing.take(part.nbytes, 8))
                file.write(part)
        ref = growing.seal(common_pb2.ENCODING_TENSOR, tensor_header("<f8", block.shape))
        np.testing.assert_array_equal(store.get(ref), block)
        store.release([common_pb2.ObjectId(writer=ref.writer, sequence=ref.sequence)])


def test_pieces_of_a_table_are_read_in_the_order_of_their_index(store_directory):
    pa = pytest.importorskip("pyarrow")
    with Store(store_directory) as store:
        growing = GrowingObject(store, PIECES_HEADER)
        places = []
        for numbers in ([3, 4], [1, 2]):
            sink = pa.BufferOutputStream()
            batch = pa.RecordBatch.from_pydict({"a": numbers, "d": pa.array(["x", "y"]).dictionary_encode()})
            with pa.ipc.new_stream(sink, batch.schema) as writer:
                writer.write_batch(batch)
            data = sink.getvalue()
            offset = growing.take(data.size)
            with open(growing.path, "r+b") as file:
                file.seek(offset)
                file.write(data)
            places.append((offset, data.size))
        ref = growing.seal(common_pb2.ENCODING_ARROW, *pieces_index(growing.length, places[::-1]))
        assert store.get(ref).to_pydict() == {"a": [1, 2, 3, 4], "d": ["x", "y", "x", "y"]}


def test_what_is_given_up_leaves_nothing(store_directory):
    with Store(store_directory) as store:
        growing = GrowingObject(store, 64)
        growing.take(5 << 20)
        growing.abandon()
        assert segments(store_directory) == []


def test_a_store_without_room_says_so_and_keeps_what_there_is(store_directory):
    with Store(store_directory, budget=4 << 20) as store:
        growing = GrowingObject(store, 64)
        growing.take(2 << 20)
        with pytest.raises(StoreFull, match="the object store is full"):
            growing.take(4 << 20)
        # What fits exactly still does.
        growing.take(1 << 20)
        growing.abandon()
