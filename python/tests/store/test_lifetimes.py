"""What is held is never overwritten; what is released is used again; writers come and go."""

from __future__ import annotations

import gc
import os
import resource
import signal
import subprocess
import sys
import threading

import numpy as np
import pyarrow as pa
import pytest

from anabranch.store import ObjectLost, Store, StoreError
from anabranch.store.directory import used_bytes
from anabranch.store.writing import KEPT_IDLE, LARGEST_ARENA, MIB, SMALLEST_ARENA
from anabranch.v1 import common_pb2


def identifier(ref: common_pb2.ObjectRef) -> common_pb2.ObjectId:
    return common_pb2.ObjectId(writer=ref.writer, sequence=ref.sequence)


def test_views_are_held_until_the_last_one_ends(store: Store, reader: Store) -> None:
    ref = store.put({"a": np.arange(5000.0), "b": np.arange(5000)})
    value = reader.get(ref)
    again = reader.get(ref)
    assert np.shares_memory(value["a"], again["a"])
    assert reader.held() == [identifier(ref)] and reader.take_released() == []
    column = value["a"][10:20].reshape(2, 5).T
    del value, again
    gc.collect()
    assert reader.held() == [identifier(ref)] and reader.take_released() == []
    view = memoryview(column)
    del column
    gc.collect()
    assert reader.held() == [identifier(ref)]
    del view
    gc.collect()
    assert reader.held() == [] and reader.take_released() == [identifier(ref)]
    assert reader.take_released() == []


def test_arrow_buffers_hold(store: Store, reader: Store) -> None:
    ref = store.put(pa.table({"a": np.arange(5000)}))
    column = reader.get(ref)["a"].chunk(0).slice(5)
    gc.collect()
    assert reader.held() == [identifier(ref)]
    del column
    gc.collect()
    assert reader.take_released() == [identifier(ref)]


def test_what_was_opened_again_is_not_released(store: Store, reader: Store) -> None:
    ref = store.put(np.arange(5000.0))
    first = reader.get(ref)
    del first
    second = reader.get(ref)
    assert reader.held() == [identifier(ref)] and reader.take_released() == []
    assert second[7] == 7


def test_inline_objects_and_copied_values_are_not_held(store: Store, reader: Store) -> None:
    small, text = reader.get(store.put(np.arange(3))), reader.get(store.put(["text"] * 5000))
    assert reader.held() == [] and len(text) == 5000 and small[2] == 2


def test_released_regions_are_used_again_and_held_views_stay(store: Store) -> None:
    rng = np.random.default_rng(1)
    held: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    live: dict[int, common_pb2.ObjectRef] = {}
    for number in range(2000):
        array = rng.integers(0, 255, rng.integers(2_000, 60_000), dtype=np.uint8)
        ref = store.put(array, never_inline=True)
        live[number] = ref
        if rng.random() < 0.1:
            held[number] = (store.get(ref), array)
        if len(live) > 50:
            gone = [int(n) for n in rng.choice(list(live), 30, replace=False)]
            # The coordinator would not release what is held; the store refuses to reuse it even so.
            store.release([identifier(live.pop(n)) for n in gone])
        if len(held) > 40:
            number, (view, expected) = held.popitem()
            np.testing.assert_array_equal(view, expected)
            del view
    for view, expected in held.values():
        np.testing.assert_array_equal(view, expected)
    assert used_bytes(store.path) < 30 * MIB
    for _, segment in store._segments._segments.items():
        segment.regions.validate()


def test_a_recycled_region_is_the_same_memory(store: Store) -> None:
    first = store.put(np.arange(10_000.0))
    store.release([identifier(first)])
    second = store.put(np.arange(10_000.0))
    assert (first.segment, first.offset) == (second.segment, second.offset)
    assert first.sequence != second.sequence


def test_large_objects_recycle_a_segment_of_their_own(store: Store) -> None:
    places = set()
    for size in (40 * MIB, 41 * MIB, 39 * MIB):
        ref = store.put(np.ones(size, np.uint8))
        places.add((ref.segment, ref.offset))
        store.release([identifier(ref)])
    assert places == {(1, 0)}


def test_arenas_grow(store: Store) -> None:
    for _ in range(40):
        store.put(np.zeros(3 * MIB, np.uint8))
    sizes = [os.stat(f"{store.path}/seg-{store.writer:016x}-{n}").st_size for n in range(1, 6)]
    assert sizes[:3] == [SMALLEST_ARENA, 2 * SMALLEST_ARENA, 4 * SMALLEST_ARENA] and max(sizes) <= LARGEST_ARENA


def test_idle_segments_shrink_back(store: Store) -> None:
    refs = [store.put(np.zeros(40 * MIB, np.uint8)) for _ in range(10)]
    assert used_bytes(store.path) >= 400 * MIB
    store.release([identifier(ref) for ref in refs])
    assert used_bytes(store.path) <= KEPT_IDLE


def test_a_removed_segment_is_lost_by_name_and_old_views_stay(store: Store, reader: Store, directory: str) -> None:
    ref = store.put(np.arange(5000.0))
    view = reader.get(ref)
    os.unlink(f"{directory}/seg-{store.writer:016x}-{ref.segment}")
    with Store(directory) as other, pytest.raises(ObjectLost, match=f"object {ref.writer:x}.1 is lost"):
        other.get(ref)
    assert view[4999] == 4999
    reader.take_released()
    reader._reader.sweep(now=True)
    assert view[4999] == 4999 and reader._reader._maps == {}


@pytest.mark.parametrize("size", [None, 4096, 0], ids=["removed", "cut short", "empty"])
def test_a_broken_segment_is_lost_and_nothing_further_goes_there(
    store: Store, reader: Store, directory: str, size: int | None
) -> None:
    ref = store.put(np.arange(5000.0))
    reader.get(ref)
    path = f"{directory}/seg-{store.writer:016x}-{ref.segment}"
    os.unlink(path) if size is None else os.truncate(path, size)
    with Store(directory) as other:
        for process in (other, reader) if size is not None else (other,):
            with pytest.raises(ObjectLost) as caught:
                process.get(ref)
            assert (caught.value.writer, caught.value.sequence) == (ref.writer, ref.sequence)
        following = store.put(np.arange(5000.0))
        assert following.segment != ref.segment and other.get(following)[4999] == 4999
    store.release([identifier(ref), identifier(following)])


def test_too_many_open_files_is_no_loss(store: Store, directory: str) -> None:
    ref = store.put(np.arange(5000.0))
    with Store(directory) as other:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            with pytest.raises(StoreError, match="Too many open files") as caught:
                other.get(ref)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert not isinstance(caught.value, ObjectLost)
        assert other.get(ref)[4999] == 4999


def test_objects_outlive_their_writer(directory: str, reader: Store) -> None:
    with Store(directory) as writer:
        kept, gone = writer.put(np.arange(5000.0)), writer.put(np.zeros(40 * MIB, np.uint8))
        assert os.path.exists(f"{directory}/writer-{writer.writer:016x}.lock")
        writer.release([identifier(gone)])
    assert not os.path.exists(f"{directory}/writer-{writer.writer:016x}.lock")
    assert reader.get(kept)[4999] == 4999
    assert sorted(n for n in os.listdir(directory) if n.startswith("seg-")) == [f"seg-{writer.writer:016x}-1"]
    with pytest.raises(StoreError, match="closed"):
        writer.put(1)
    writer.close()


def test_a_closed_store_counts_as_alive_until_its_last_view_ends(directory: str, store: Store) -> None:
    refs = [store.put(np.arange(5000.0)), store.put(np.arange(5000))]
    other = Store(directory)
    first, second = (other.get(ref) for ref in refs)
    lock = f"{directory}/writer-{other.writer:016x}.lock"
    other.close()
    del first
    assert os.path.exists(lock)
    with pytest.raises(StoreError, match="another process writes as"):
        Store(directory, writer=other.writer)
    assert second[4999] == 4999
    del second
    assert not os.path.exists(lock)
    Store(directory, writer=other.writer).close()


WRITES = """
import os, sys, numpy as np
from anabranch.store import Store
store = Store(sys.argv[1])
ref = store.put(np.arange(100_000.0))
sys.stdout.buffer.write(ref.SerializeToString()); sys.stdout.flush(); os.close(1)
sys.stdin.read()
"""


def test_objects_outlive_a_killed_writer(directory: str, reader: Store) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITES, directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdin and child.stdout and child.stderr
    ref = common_pb2.ObjectRef.FromString(child.stdout.read())
    with pytest.raises(StoreError, match="another process writes as"):
        Store(directory, writer=ref.writer)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert reader.get(ref)[99_999] == 99_999
    Store(directory, writer=ref.writer).close()  # the lock went with the process
    for stream in (child.stdin, child.stdout, child.stderr):
        stream.close()


READS = """
import sys, threading
from anabranch.store import Store
from anabranch.v1 import common_pb2
store = Store(sys.argv[1])
value = store.get(common_pb2.ObjectRef.FromString(bytes.fromhex(sys.argv[2])))
assert value[99_999] == 99_999
assert "multiprocessing" not in sys.modules
"""


def test_the_exit_of_a_reader_takes_nothing_away(directory: str, store: Store, reader: Store) -> None:
    ref = store.put(np.arange(100_000.0))
    done = subprocess.run(
        [sys.executable, "-c", READS, directory, ref.SerializeToString().hex()], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert reader.get(ref)[99_999] == 99_999


PLAIN = """
import sys
from anabranch.store import Store
store = Store(sys.argv[1])
assert store.get(store.put(({"a": [1, "b"]}, 2.5))) == ({"a": [1, "b"]}, 2.5)
heavy = {"numpy", "pyarrow", "pandas", "cloudpickle", "multiprocessing"} & set(sys.modules)
assert not heavy, heavy
"""


def test_plain_values_import_nothing_heavy(directory: str) -> None:
    done = subprocess.run([sys.executable, "-c", PLAIN, directory], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_forked_child_reads_and_does_not_write(store: Store) -> None:
    ref = store.put(np.arange(5000.0))
    inside, outside = os.pipe()
    child = os.fork()
    if child == 0:
        answer = b"wrote"
        try:
            store.put(1)
        except StoreError:
            answer = b"%d" % store.get(ref)[4999]
        os.write(outside, answer)
        os._exit(0)
    os.close(outside)
    os.waitpid(child, 0)
    assert os.read(inside, 100) == b"4999"
    os.close(inside)
    assert store.get(store.put(2)) == 2


def test_threads(store: Store, reader: Store) -> None:
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        try:
            for _ in range(200):
                array = rng.integers(0, 255, int(rng.integers(1, 50_000)), dtype=np.uint8)
                ref = store.put(array)
                np.testing.assert_array_equal(reader.get(ref), array)
                store.release([identifier(ref)])
                reader.take_released()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_counters(store: Store) -> None:
    ref = store.put(np.zeros(10_000))
    store.get(ref)
    assert (store.bytes_in, store.bytes_out, store.bytes_copied) == (80_064, 80_064, 80_064)
    assert store.take_counters() == (80_064, 80_064, 80_064) and store.bytes_in == 0
    store.get(store.put({"a": np.zeros(10_000)}, never_inline=True))
    counters = store.take_counters()
    # What is copied on read is the pickle around the buffers.
    assert 80_000 < counters.bytes_out == counters.bytes_in < counters.bytes_copied < counters.bytes_out + 500


def test_no_descriptor_is_left(directory: str) -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    store = Store(directory)
    view = store.get(store.put(np.arange(50_000.0)))
    store.close()
    assert view[7] == 7
    del view
    gc.collect()
    assert sorted(os.listdir("/proc/self/fd")) == before
