"""Frames of several threads and of signal handlers stand one after the other."""

from __future__ import annotations

import signal
import socket
import struct
import threading

import pytest

from anabranch.runtime.frames import FrameChannel
from anabranch.v1 import task_pb2


@pytest.fixture
def ends():
    near, far = socket.socketpair()
    with near, far:
        yield near, far


def results(size: int) -> task_pb2.FromRuntime:
    return task_pb2.FromRuntime(results=[task_pb2.Result(task=size, failure={"message": "x" * size})])


def read(far: socket.socket, count: int) -> list[int]:
    """Return the sizes of so many frames' results."""
    stream = far.makefile("rb")
    sizes = []
    for _ in range(count):
        (length,) = struct.unpack("<I", stream.read(4))
        (result,) = task_pb2.FromRuntime.FromString(stream.read(length)).results
        assert len(result.failure.message) == result.task
        sizes.append(result.task)
    return sizes


def test_a_thread_leaves_its_frame_to_the_one_that_is_sending(ends):
    near, far = ends
    channel = FrameChannel(near)
    sending = threading.Thread(target=channel.send, args=(results(8 << 20),))
    sending.start()
    # It has begun, and cannot end before somebody reads.
    assert far.recv(1, socket.MSG_PEEK)
    for size in (10, 20):
        other = threading.Thread(target=channel.send, args=(results(size),), daemon=True)
        other.start()
        other.join(10)
        assert not other.is_alive()
    assert read(far, 3) == [8 << 20, 10, 20]
    sending.join()


def test_a_signal_handler_sends_in_the_midst_of_a_frame(ends):
    near, far = ends
    channel = FrameChannel(near)
    handled = threading.Event()

    def handle(*_):
        channel.send(results(10))
        handled.set()

    def read_after_the_signal():
        assert far.recv(1, socket.MSG_PEEK)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGURG)
        assert handled.wait(30)
        sizes.extend(read(far, 2))

    sizes: list[int] = []
    before = signal.signal(signal.SIGURG, handle)
    try:
        reading = threading.Thread(target=read_after_the_signal)
        reading.start()
        channel.send(results(8 << 20))
        reading.join()
    finally:
        signal.signal(signal.SIGURG, before)
    assert sizes == [8 << 20, 10]
