"""Which loaded functions and models a process keeps."""

from __future__ import annotations

from anabranch.runtime.payloads import PayloadCache
from anabranch.v1 import common_pb2


def ref(sequence: int, length: int) -> common_pb2.ObjectRef:
    return common_pb2.ObjectRef(writer=1, sequence=sequence, length=length)


def test_the_least_recently_used_leaves() -> None:
    cache = PayloadCache(10)
    loaded: list[int] = []

    def load(wanted: common_pb2.ObjectRef) -> int:
        loaded.append(wanted.sequence)
        return wanted.sequence * 100

    assert [cache.get(ref(number, 4), load) for number in (1, 2, 1, 3, 1, 2)] == [100, 200, 100, 300, 100, 200]
    assert loaded == [1, 2, 3, 2]
    assert cache.keys() == {(1, 1), (1, 2)}


def test_what_is_too_long_is_not_kept() -> None:
    cache = PayloadCache(10)
    assert cache.get(ref(1, 4), lambda _: "kept") == "kept"
    assert cache.get(ref(2, 11), lambda _: "long") == "long"
    assert cache.keys() == {(1, 1)}
