"""The process: how it starts, what it makes of frames, how it ends."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys

import pytest
from harness import RuntimeHarness, open_descriptors

from anabranch import __version__
from anabranch.runtime.frames import FrameChannel, FrameError
from anabranch.store import Store
from anabranch.v1 import common_pb2, task_pb2


def test_hello_names_versions(client_store: Store) -> None:
    with RuntimeHarness(client_store) as runtime:
        import numpy
        import sklearn

        versions = runtime.hello.versions
        assert runtime.hello.pid == runtime.process.pid
        assert versions.protocol == 1
        assert versions.anabranch == __version__
        assert versions.python == sys.version.split()[0]
        assert versions.numpy == numpy.__version__
        assert versions.sklearn == sklearn.__version__


def test_plain_functions_pay_for_no_library(client_store: Store) -> None:
    def loaded() -> list[str]:
        return [name for name in ("numpy", "pandas", "scipy", "sklearn", "pyarrow", "zmq") if name in sys.modules]

    with RuntimeHarness(client_store) as runtime:
        assert runtime.store.get(runtime.succeed(call=runtime.call_work(loaded)).value) == []


def test_the_setup_is_taken_on(client_store: Store, tmp_path) -> None:
    def look() -> tuple:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
        return os.getcwd(), sys.path[0], os.environ["OMP_NUM_THREADS"], os.environ["LOKY_MAX_CPU_COUNT"], limit

    directory = str(tmp_path)
    with RuntimeHarness(
        client_store, working_directory=directory, sys_path=[directory], threads=2, memory_bytes=1 << 31
    ) as runtime:
        found = runtime.store.get(runtime.succeed(call=runtime.call_work(look)).value)
    assert found == (directory, directory, "2", "2", 1 << 31)


def test_threads_of_a_task_end_with_it(client_store: Store) -> None:
    def threads() -> tuple:
        import resource

        return os.environ["OMP_NUM_THREADS"], resource.getrlimit(resource.RLIMIT_DATA)[0]

    with RuntimeHarness(client_store, threads=1, memory_bytes=1 << 32) as runtime:
        work = runtime.call_work(threads)
        limited = runtime.task(call=work)
        limited.limits.threads = 2
        limited.limits.memory_bytes = 1 << 31
        runtime.send(task_pb2.ToRuntime(tasks=[limited, runtime.task(call=work)]))
        found = [client_store.get(runtime.result().success.value) for _ in range(2)]
    assert found == [("2", 1 << 31), ("1", 1 << 32)]


def test_blas_pools_obey_the_slot(client_store: Store) -> None:
    def pools() -> list[int]:
        import numpy  # noqa: F401
        from threadpoolctl import threadpool_info

        return [pool["num_threads"] for pool in threadpool_info()]

    with RuntimeHarness(client_store, threads=1) as runtime:
        found = client_store.get(runtime.succeed(call=runtime.call_work(pools)).value)
    assert found and set(found) == {1}


def test_end_of_file_ends_it(client_store: Store) -> None:
    runtime = RuntimeHarness(client_store)
    assert runtime.end() == (0, "", "")
    assert not [name for name in os.listdir(client_store.path) if name.startswith("writer-")][1:]


def test_threads_of_a_task_do_not_keep_it_alive(client_store: Store) -> None:
    def leave_a_thread() -> None:
        import threading

        threading.Thread(target=threading.Event().wait).start()

    with RuntimeHarness(client_store) as runtime:
        runtime.succeed(call=runtime.call_work(leave_a_thread))
        assert runtime.end()[0] == 0


def test_it_dies_with_its_worker(client_store: Store) -> None:
    """The kernel ends it even in the middle of a task, in which nobody reads the socket."""
    script = f"""
import os, sys
sys.path[:0] = {[os.path.dirname(__file__)]!r}
from harness import RuntimeHarness
from anabranch.store import Store
from anabranch.v1 import task_pb2
store = Store({client_store.path!r})
runtime = RuntimeHarness(store)
def wait():
    import ctypes
    ctypes.CDLL(None).pause()
runtime.send(task_pb2.ToRuntime(tasks=[runtime.task(call=runtime.call_work(wait))]))
runtime.receive()
print(runtime.process.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    worker = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert worker.returncode == -9, worker.stderr
    pid = int(worker.stdout)
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        import select

        assert select.select([descriptor], [], [], 60)[0], "the runtime outlives its worker"
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (struct.pack("<I", 5) + b"\xff\xff\xff\xff\xff", "no ToRuntime message"),
        (struct.pack("<I", (64 << 20) + 1), "over the limit of a frame, 67108864 bytes"),
        (struct.pack("<I", 100) + b"abc", "in the middle of a frame"),
        (b"\x01", "in the middle of a frame"),
        (struct.pack("<I", 0), "no setup"),
    ],
    ids=["garbage", "oversized", "truncated", "half a length", "no setup"],
)
def test_malformed_frames_end_it_with_a_message(client_store: Store, stream: bytes, message: str) -> None:
    runtime = RuntimeHarness(client_store, set_up=False)
    runtime.socket.sendall(stream)
    runtime.socket.shutdown(socket.SHUT_WR)
    status, _, errors = runtime.end()
    assert status == 65
    assert message in errors and "Traceback" not in errors


def test_malformed_after_setup(client_store: Store) -> None:
    runtime = RuntimeHarness(client_store)
    runtime.send_bytes(b"\x0b")
    status, _, errors = runtime.end()
    assert status == 65 and "no ToRuntime message" in errors


def test_a_setup_that_cannot_be(client_store: Store) -> None:
    for fields, message in [
        ({"working_directory": "/nowhere/at/all"}, "working directory '/nowhere/at/all'"),
        ({"store_path": "/nowhere/at/all"}, "/nowhere/at/all"),
    ]:
        runtime = RuntimeHarness(client_store, set_up=False)
        setup = task_pb2.RuntimeSetup(**{"store_path": client_store.path, **fields})
        runtime.send(task_pb2.ToRuntime(setup=setup))
        with pytest.raises(EOFError):
            runtime.receive()
        status, _, errors = runtime.end()
        assert status == 78 and message in errors, errors


def test_wrong_arguments() -> None:
    for arguments in ([], ["--fd", "x"], ["--fd", "0"]):
        ended = subprocess.run(
            [sys.executable, "-m", "anabranch.runtime", *arguments],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert ended.returncode == 64 and "anabranch.runtime: " in ended.stderr


def test_a_hundred_tasks_leave_no_descriptor(client_store: Store) -> None:
    with RuntimeHarness(client_store) as runtime:
        work = runtime.call_work(lambda: None)
        runtime.succeed(call=work)
        before = open_descriptors(runtime.process.pid)
        runtime.send(task_pb2.ToRuntime(tasks=[runtime.task(call=work) for _ in range(100)]))
        for _ in range(100):
            runtime.result()
        assert open_descriptors(runtime.process.pid) == before


def pair() -> tuple[socket.socket, FrameChannel, socket.socket]:
    ours, theirs = socket.socketpair()
    return ours, FrameChannel(theirs), theirs


def test_frames_in_pieces() -> None:
    ours, channel, theirs = pair()
    with ours, theirs:
        message = task_pb2.ToRuntime(cancels=[task_pb2.Attempt(task=7, attempt=1)])
        body = message.SerializeToString()
        frame = struct.pack("<I", len(body)) + body
        for byte in frame[:-1]:
            ours.sendall(bytes([byte]))
            assert list(channel.receive(wait=False)) == []
        ours.sendall(frame[-1:] + frame + frame[:3])
        assert list(channel.receive(wait=True)) == [message, message]
        ours.sendall(frame[3:])
        ours.close()
        assert list(channel.receive(wait=True)) == [message]
        with pytest.raises(EOFError):
            list(channel.receive(wait=True))


def test_no_prefix_of_a_frame_is_taken_for_one() -> None:
    body = task_pb2.ToRuntime(releases=[common_pb2.ObjectId(writer=1, sequence=2)]).SerializeToString()
    frame = struct.pack("<I", len(body)) + body
    for size in range(1, len(frame)):
        ours, channel, theirs = pair()
        with ours, theirs:
            ours.sendall(frame[:size])
            ours.close()
            with pytest.raises(FrameError, match="in the middle"):
                list(channel.receive(wait=True))


def test_mutated_frames_are_messages_or_errors() -> None:
    """20,000 frames with flipped, dropped and doubled bytes: no other exception, and never an endless wait."""
    import random

    source = random.Random(20)
    data = common_pb2.Data(x=common_pb2.View(object=common_pb2.ObjectRef(writer=1, sequence=2, inline_bytes=b"abc")))
    task = task_pb2.Task(task=1, attempt=1, node="tree", key=common_pb2.Key(parts=[common_pb2.KeyPart(text="AA")]))
    task.fit.train.items.add(edges=[data])
    body = task_pb2.ToRuntime(tasks=[task], cancels=[task_pb2.Attempt(task=2)]).SerializeToString()
    good = struct.pack("<I", len(body)) + body
    outcomes: dict[str, int] = {"message": 0, "error": 0}
    for _ in range(20_000):
        frame = bytearray(good)
        for _ in range(source.randint(1, 4)):
            place = source.randrange(len(frame))
            change = source.randrange(3)
            if change == 0:
                frame[place] ^= 1 << source.randrange(8)
            elif change == 1:
                del frame[place]
            else:
                frame.insert(place, source.randrange(256))
        ours, channel, theirs = pair()
        with ours, theirs:
            ours.sendall(frame)
            ours.shutdown(socket.SHUT_WR)
            try:
                for _ in channel.receive(wait=True):
                    outcomes["message"] += 1
            except (FrameError, EOFError):
                outcomes["error"] += 1
    assert min(outcomes.values()) > 1000, outcomes
