"""Order, batches, cancels, output and views, over the frames of a real process."""

from __future__ import annotations

import contextlib
import os
import stat
import sys

import numpy as np
import pytest
from harness import Dependency, RuntimeHarness

from anabranch.store import Store
from anabranch.v1 import common_pb2, task_pb2

# Where the value of the task before comes to stand.
NO_VALUE_YET = common_pb2.ObjectRef()


def identifier(ref: common_pb2.ObjectRef) -> tuple[int, int]:
    return ref.writer, ref.sequence


def test_results_come_in_order_and_in_batches(client_store: Store) -> None:
    with RuntimeHarness(client_store) as runtime:
        work = runtime.call_work(lambda: 7)
        runtime.succeed(call=work)
        before = len(runtime.frames)
        tasks = [runtime.task(call=work) for _ in range(1000)]
        runtime.send(task_pb2.ToRuntime(tasks=tasks))
        results = [runtime.result() for _ in tasks]
        assert [result.task for result in results] == [task.task for task in tasks]
        assert all(client_store.get(result.success.value) == 7 for result in results)
        frames = len(runtime.frames) - before
        # How many come together is a matter of time; that some do is not.
        assert frames < len(tasks) and max(len(frame.results) for frame in runtime.frames) <= 64


def test_a_chain_in_one_frame_hands_its_values_on(client_store: Store) -> None:
    def double(value: int) -> int:
        return 2 * value

    with RuntimeHarness(client_store) as runtime:
        chain = [runtime.task(call=runtime.call_work(double, 1))]
        for _ in range(5):
            chain.append(runtime.task(call=runtime.call_work(double, Dependency(0), dependencies=[NO_VALUE_YET])))
            chain[-1].after.CopyFrom(task_pb2.Predecessor(task=chain[-2].task, attempt=1, arguments=[0]))
        runtime.send(task_pb2.ToRuntime(tasks=chain))
        results = [runtime.result() for _ in chain]
    assert [result.task for result in results] == [task.task for task in chain]
    assert [client_store.get(result.success.value) for result in results] == [2, 4, 8, 16, 32, 64]


def test_what_was_sent_ahead_is_given_back_where_it_has_no_value(client_store: Store) -> None:
    def fail() -> None:
        raise ValueError("on purpose")

    with RuntimeHarness(client_store) as runtime:
        failing, first, second = (runtime.task(call=runtime.call_work(work)) for work in (fail, int, int))
        work = runtime.call_work(abs, Dependency(0), dependencies=[NO_VALUE_YET])
        behind = {}
        for name, predecessor, place in (("failed", failing, 0), ("not the last", first, 0), ("no place", second, 1)):
            behind[name] = runtime.task(call=work)
            behind[name].after.CopyFrom(task_pb2.Predecessor(task=predecessor.task, attempt=1, arguments=[place]))
        sent = [failing, behind["failed"], first, second, behind["not the last"], runtime.task(call=second.call)]
        behind["no place"].after.task = sent[-1].task
        runtime.send(task_pb2.ToRuntime(tasks=[*sent, behind["no place"]]))
        results = {result.task: result for result in (runtime.result() for _ in range(7))}
        for name, task in behind.items():
            assert results[task.task].failure.kind == task_pb2.FAILURE_KIND_CANCELLED, name
        assert runtime.succeed(call=second.call).HasField("value")


def test_a_task_that_may_be_long_does_not_hold_back_results(client_store: Store) -> None:
    """The result of a short task is sent before a task begins that nobody knows to be short."""

    def wait_for(path: str) -> None:
        while not os.path.exists(path):
            pass

    with RuntimeHarness(client_store) as runtime:
        gate = f"{client_store.path}/gate"
        short, waiting = (
            runtime.task(call=runtime.call_work(lambda: 1)),
            runtime.task(call=runtime.call_work(wait_for, gate)),
        )
        runtime.send(task_pb2.ToRuntime(tasks=[short, waiting]))
        assert runtime.result().task == short.task
        while runtime.frames[-1].started.task != waiting.task:
            runtime.receive()
        open(gate, "w").close()
        assert runtime.result().task == waiting.task


def test_cancels(client_store: Store) -> None:
    def wait_for(path: str) -> None:
        while not os.path.exists(path):
            pass

    with RuntimeHarness(client_store) as runtime:
        gate = f"{client_store.path}/gate"
        first = runtime.task(call=runtime.call_work(wait_for, gate))
        others = [runtime.task(call=runtime.call_work(lambda: 1)) for _ in range(3)]
        runtime.send(task_pb2.ToRuntime(tasks=[first, *others]))
        runtime.receive()  # started
        cancels = [task_pb2.Attempt(task=others[1].task, attempt=1), task_pb2.Attempt(task=others[2].task, attempt=2)]
        runtime.send(task_pb2.ToRuntime(cancels=[*cancels, task_pb2.Attempt(task=999, attempt=1)]))
        open(gate, "w").close()
        results = {result.task: result for result in (runtime.result() for _ in range(4))}
        assert results[others[1].task].failure.kind == task_pb2.FAILURE_KIND_CANCELLED
        assert all(results[task.task].HasField("success") for task in (first, others[0], others[2]))


def test_a_task_that_spoils_the_process_is_not_answered_by_the_next(client_store: Store) -> None:
    """What the next one needs is gone before it begins, so the last that was begun is the one to tell of it."""

    def close_all_streams() -> None:
        for descriptor in range(256):
            with contextlib.suppress(OSError):
                if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                    os.close(descriptor)

    with RuntimeHarness(client_store) as runtime:
        spoiler, next_one = (runtime.task(call=runtime.call_work(work)) for work in (close_all_streams, int))
        runtime.send(task_pb2.ToRuntime(tasks=[spoiler, next_one]))
        with pytest.raises(EOFError):
            while True:
                runtime.result()
        assert runtime.begun == spoiler.task
        # Neither has it been answered, nor the next one been said to have started.
        assert not any(frame.results or frame.started.task == next_one.task for frame in runtime.frames)
        status, _, _ = runtime.end()
        # The interpreter has a number of its own for streams that it cannot flush at its end.
        assert status in (70, 120)


def test_output_is_out_before_the_result(client_store: Store) -> None:
    def speak() -> None:
        print("to standard output")
        print("to standard error", file=sys.stderr)

    with RuntimeHarness(client_store) as runtime:
        runtime.succeed(call=runtime.call_work(speak))
        os.set_blocking(runtime.process.stdout.fileno(), False)
        os.set_blocking(runtime.process.stderr.fileno(), False)
        assert os.read(runtime.process.stdout.fileno(), 1000) == b"to standard output\n"
        assert os.read(runtime.process.stderr.fileno(), 1000) == b"to standard error\n"


def test_streams_that_a_task_closed(client_store: Store) -> None:
    def close() -> None:
        sys.stdout.close()
        sys.stderr = None

    with RuntimeHarness(client_store) as runtime:
        runtime.succeed(call=runtime.call_work(close))
        runtime.succeed(call=runtime.call_work(lambda: 1))


def test_a_child_that_a_task_forked_answers_nothing(client_store: Store) -> None:
    def fork() -> str:
        if os.fork() == 0:
            return "child"
        os.wait()
        return "parent"

    with RuntimeHarness(client_store) as runtime:
        assert client_store.get(runtime.succeed(call=runtime.call_work(fork)).value) == "parent"
        assert client_store.get(runtime.succeed(call=runtime.call_work(lambda: 2)).value) == 2


def test_views_that_a_task_kept_are_reported_and_their_end_too(client_store: Store) -> None:
    def keep(array: np.ndarray) -> int:
        sys.kept_by_a_test = array[10:]
        return len(array)

    def let_go() -> None:
        del sys.kept_by_a_test

    with RuntimeHarness(client_store) as runtime:
        array = client_store.put(np.arange(100_000))
        result = runtime.run(call=runtime.call_work(keep, Dependency(0), dependencies=[array]))
        assert [identifier(held) for held in result.held] == [identifier(array)]
        assert result.holder == result.success.value.writer
        again = runtime.run(call=runtime.call_work(lambda: None))
        assert [identifier(held) for held in again.held] == [identifier(array)]
        seen = len(runtime.frames)
        runtime.succeed(call=runtime.call_work(let_go))
        while not any(frame.released for frame in runtime.frames[seen:]):
            runtime.receive()
        released = [item for frame in runtime.frames[seen:] for item in frame.released]
        assert [identifier(item) for item in released] == [identifier(array)]


def test_views_in_cycles_end_while_it_idles(client_store: Store) -> None:
    def tie(array: np.ndarray) -> None:
        knot = [array]
        knot.append(knot)

    with RuntimeHarness(client_store) as runtime:
        array = client_store.put(np.arange(100_000))
        runtime.succeed(call=runtime.call_work(tie, Dependency(0), dependencies=[array]))
        while not any(frame.released for frame in runtime.frames):
            runtime.receive()


def test_a_view_opened_again_is_not_reported_as_ended(client_store: Store) -> None:
    """Its end and its next opening fall between two frames: whoever read both would think it free."""

    def keep(array: np.ndarray) -> None:
        sys.kept_by_a_test = array

    def swap(array: np.ndarray) -> None:
        sys.kept_by_a_test = array

    def let_go() -> None:
        sys.kept_by_a_test = None

    with RuntimeHarness(client_store) as runtime:
        array = client_store.put(np.arange(100_000))
        works = [
            runtime.call_work(keep, Dependency(0), dependencies=[array]),
            runtime.call_work(let_go),
            runtime.call_work(swap, Dependency(0), dependencies=[array]),
        ]
        for _ in range(30):
            runtime.send(task_pb2.ToRuntime(tasks=[runtime.task(call=work) for work in works]))
            results = [runtime.result() for _ in works]
            assert identifier(array) in [identifier(held) for held in results[-1].held]
        held: set[tuple[int, int]] = set()
        for frame in runtime.frames:
            for result in frame.results:
                held = {identifier(item) for item in result.held}
            assert not held & {identifier(item) for item in frame.released}


def test_released_regions_are_used_again(client_store: Store) -> None:
    def make() -> np.ndarray:
        return np.zeros(1 << 20)

    with RuntimeHarness(client_store) as runtime:
        places = set()
        for _ in range(20):
            ref = runtime.succeed(call=runtime.call_work(make)).value
            places.add((ref.segment, ref.offset))
            released = common_pb2.ObjectId(writer=ref.writer, sequence=ref.sequence)
            runtime.send(task_pb2.ToRuntime(releases=[released]))
        assert len(places) < 5


def test_usage(client_store: Store) -> None:
    with RuntimeHarness(client_store) as runtime:
        array = client_store.put(np.arange(100_000))
        result = runtime.run(call=runtime.call_work(lambda a: a * 2, Dependency(0), dependencies=[array]))
        usage = result.usage
        assert usage.bytes_in >= 800_000 and usage.bytes_out >= 800_000
        # The result was written once; the input was read in place.
        assert 800_000 <= usage.bytes_copied < 900_000
        assert usage.peak_memory_bytes > 1 << 20 and usage.started_us > 0
        assert usage.open_us > 0 and usage.store_us > 0
