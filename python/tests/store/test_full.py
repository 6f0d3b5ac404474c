"""A full store is an answer that says what to do, never a crash."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from anabranch.store import Store, StoreError, StoreFull
from anabranch.store.directory import used_bytes
from anabranch.store.writing import MIB
from anabranch.v1 import common_pb2


def identifier(ref: common_pb2.ObjectRef) -> common_pb2.ObjectId:
    return common_pb2.ObjectId(writer=ref.writer, sequence=ref.sequence)


def test_over_budget(directory: str) -> None:
    with Store(directory, budget=100 * MIB) as store, Store(directory, budget=100 * MIB) as other:
        first = store.put(np.zeros(60 * MIB, np.uint8))
        with pytest.raises(StoreFull, match=r"60\.0 MiB more .* of the budget of 100\.0 MiB .*--store-budget"):
            other.put(np.zeros(60 * MIB - 64, np.uint8))
        assert other.get(other.put(np.zeros(MIB, np.uint8))).sum() == 0  # what fits still goes
        assert used_bytes(directory) <= 100 * MIB
        store.release([identifier(first)])
        store.put(np.zeros(80 * MIB, np.uint8))  # its own idle segment makes room


def test_what_writers_keep_idle_leaves_room_for_the_others(directory: str) -> None:
    with ExitStack() as stack:
        stores = [stack.enter_context(Store(directory, budget=80 * MIB)) for _ in range(10)]
        for store in stores:
            refs = [store.put(np.zeros(3 * MIB, np.uint8)) for _ in range(10)]
            store.release([identifier(ref) for ref in refs])
        assert used_bytes(directory) <= 20 * MIB
        stores[0].put(np.zeros(50 * MIB, np.uint8))


def test_an_arena_that_does_not_fit_becomes_smaller(directory: str) -> None:
    with Store(directory, budget=3 * MIB) as store, Store(directory, budget=3 * MIB) as other:
        other.put(np.zeros(5 * MIB // 2, np.uint8))
        ref = store.put(np.arange(25_000.0))
        assert store.get(ref)[24_999] == 24_999 and used_bytes(directory) < 3 * MIB


@pytest.mark.parametrize(
    ("budget", "expected"), [(50, [1, 1, 1]), (256, [4, 4, 4]), (1000, [4, 8, 8]), (1024, [4, 8, 16]), (0, [4, 8, 16])]
)
def test_arenas_are_a_small_share_of_the_budget(directory: str, budget: int, expected: list[int]) -> None:
    # What is free in an arena is lost to the other writers.
    with Store(directory, budget=budget * MIB) as store:
        for _ in range(120):
            store.put(np.zeros(MIB // 4, np.uint8))
        sizes = [os.stat(f"{directory}/seg-{store.writer:016x}-{n}").st_size for n in range(1, 4)]
        assert [size // MIB for size in sizes] == expected


def test_an_object_leaves_the_other_writers_room(directory: str) -> None:
    with Store(directory, budget=50 * MIB) as store, Store(directory, budget=50 * MIB) as other:
        for _ in range(2):
            store.put(np.zeros(8 * MIB, np.uint8))
            other.put(np.zeros(8 * MIB, np.uint8))
        assert used_bytes(directory) <= 40 * MIB


def test_a_missing_directory_is_named() -> None:
    with pytest.raises(StoreError, match="/nowhere/at/all"):
        Store("/nowhere/at/all")


@pytest.fixture
def small_file_system(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "small"
    path.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(path)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a small tmpfs cannot be mounted here: {done.stderr.strip()}")
    yield str(path)
    subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_full_file_system(small_file_system: str) -> None:
    with Store(small_file_system) as store:
        kept = store.put(np.arange(100_000.0))
        with pytest.raises(StoreFull, match=r"no room for 16\.0 MiB: .* of 8\.0 MiB are free"):
            store.put(np.zeros(16 * MIB - 64, np.uint8))
        # Somebody else fills it in the middle.
        with open(f"{small_file_system}/other", "wb") as other, pytest.raises(OSError):
            while True:
                other.write(bytes(65536))
                other.flush()
        written = 0
        with pytest.raises(StoreFull):
            for _ in range(20):
                store.put(np.ones(MIB, np.uint8))
                written += 1
        assert written == 3  # the arena was reserved before
        assert store.get(kept)[99_999] == 99_999
        assert sorted(os.listdir(small_file_system))[2:] == [
            f"seg-{store.writer:016x}-1",
            f"writer-{store.writer:016x}.lock",
        ]
