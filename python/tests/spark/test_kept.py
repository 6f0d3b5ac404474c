"""DataFrames that a session keeps of what its tasks read: which, for how long, and each object taken in once."""

from __future__ import annotations

import time

import numpy as np
import pytest

import anabranch as ab
from anabranch.runtime.spark.kept import frame_key, of_objects, outdated, parsed
from anabranch.spark import declare, function, stage
from anabranch.v1.common_pb2 import ObjectId, ObjectRef

PATIENCE = 120.0


def place(sequence: int, rows: int | None = None) -> tuple[bytes, bytes | None]:
    of_rows = None if rows is None else ObjectRef(writer=7, sequence=rows).SerializeToString()
    return ObjectRef(writer=7, sequence=sequence, length=100).SerializeToString(), of_rows


def test_frames_are_told_apart_by_objects_rows_and_form() -> None:
    keys = [
        frame_key([place(1)], [True, (1, ["a"])]),
        frame_key([place(2)], [True, (1, ["a"])]),
        frame_key([place(1, 3)], [True, (1, ["a"])]),
        frame_key([place(1)], [False, (1, ["a"])]),
        frame_key([place(1)], [True, (1, ["features"])]),
        frame_key([place(1), place(2)], [True, (2, ["a"])]),
        frame_key([place(1), place(2)], [True, (1, ["a"]), (1, ["label"])]),
    ]
    assert len(set(keys)) == len(keys)
    assert keys[0] == frame_key([place(1)], [True, (1, ["a"])])


def test_frames_of_an_object_are_found_by_it_and_by_its_rows() -> None:
    keys = [frame_key([place(1, 3)], []), frame_key([place(1), place(2)], []), frame_key([place(11)], [])]
    assert of_objects(keys, [ObjectId(writer=7, sequence=1)]) == keys[:2]
    assert of_objects(keys, [ObjectId(writer=7, sequence=3)]) == keys[:1]
    assert of_objects(keys, [ObjectId(writer=8, sequence=1)]) == []


def test_uses_are_read_as_java_writes_a_map() -> None:
    key = frame_key([place(1), place(2)], [])
    assert parsed("{}") == {}
    assert parsed(f"{{{key}=12:5, 7.b#0=3:40}}") == {key: (12, 5), "7.b#0": (3, 40)}


def test_the_longest_unused_make_room() -> None:
    uses = {"late": (30, 40), "early": (10, 30), "middle": (20, 20)}
    assert outdated(uses, 10, 100) == []
    assert outdated(uses, 20, 100) == ["early"]
    assert outdated(uses, 50, 100) == ["early", "middle"]
    assert outdated(uses, 51, 100) is None


def _keys() -> frozenset[str]:
    """Ask the session what it keeps."""

    def listed(frame):
        session = frame.sparkSession
        uses = session._jvm.java.lang.System.getProperties().get("anabranch.frames.uses")
        return session.createDataFrame([("{}" if uses is None else uses.toString(),)], "uses string")

    pipeline, node = ab.Pipeline("keys"), ab.OrNode("keys", function(listed))
    pipeline.add_node(node)
    (entry,) = pipeline.fit(np.zeros((1, 1)))[node]
    assert entry.error is None, entry.error
    return frozenset(parsed(entry.output.column("uses").to_pylist()[0]))


@pytest.mark.leaves("children", "descriptors", "store")
def test_candidates_read_what_the_session_has_taken_in_and_it_goes_with_the_object(spark_pool) -> None:
    with declare():
        from pyspark.ml.classification import LogisticRegression
        from pyspark.ml.feature import StandardScaler

        scale = ab.OrNode("scale", stage(StandardScaler(inputCol="features", outputCol="z"), features="z"))
        model = ab.OrNode("model", LogisticRegression(), params={"regParam": [0.0, 0.1, 0.2, 0.3]})
    pipeline = ab.Pipeline("kept")
    pipeline.add_edge(scale, model)
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 3))
    y = (X[:, 0] + rng.normal(size=60) > 0).astype(float)
    before = _keys()
    run = pipeline.fit(X, y)
    assert [entry.error for entry in run[model]] == [None] * 4
    deadline = time.monotonic() + PATIENCE
    # X for the scaler, and its output with y for four fits, which nobody needs any more.
    while len(_keys() - before) != 1:
        assert time.monotonic() < deadline, sorted(_keys() - before)
