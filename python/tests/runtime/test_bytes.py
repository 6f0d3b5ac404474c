"""Bytes that no worker sends, on the runtime's socket."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import random
import socket
import struct
import subprocess
import sys
import threading

import pytest
from mutations import COUNT, SECONDS, golden, mutate

from anabranch.runtime.frames import MAXIMUM_FRAME, FrameChannel, FrameError
from anabranch.v1 import task_pb2


def framed(body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + body


def send(to: socket.socket, stream: bytes) -> None:
    """Send all of it, or as much as is taken."""
    with contextlib.suppress(BrokenPipeError):
        to.sendall(stream)
        to.shutdown(socket.SHUT_WR)


def test_damaged_frames_are_messages_or_frame_errors() -> None:
    """Whatever comes in whatever pieces: a message, a `FrameError`, or the end. Nothing else, and nothing is kept.

    Over real sockets; by the million they are acted upon below.
    """
    chance = random.Random(1)
    originals = golden("ToRuntime")
    read = refused = 0
    for _ in range(400):
        stream = b""
        for _ in range(50):
            body = chance.choice(originals)
            # Most damage is inside a frame, so that those behind it are read as well; some is to the length.
            stream += framed(mutate(body, chance)) if chance.random() < 0.95 else mutate(framed(body), chance)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            sender = threading.Thread(target=send, args=(theirs, stream))
            sender.start()
            channel = FrameChannel(ours)
            try:
                while True:
                    try:
                        for message in channel.receive(wait=True):
                            assert isinstance(message, task_pb2.ToRuntime)
                            read += 1
                    except EOFError:
                        break
            except FrameError:
                refused += 1
            ours.shutdown(socket.SHUT_RDWR)
            sender.join()
    assert read > 0 and refused > 0


@pytest.mark.bytes
@pytest.mark.timeout(0)  # However long ANABRANCH_FUZZ_COUNT makes it.
def test_damaged_frames_in_a_task_loop_have_no_effect(store_directory: str) -> None:
    """Beside honest tasks, with oversized ones; nothing is left, in a process of its own."""
    program = pathlib.Path(__file__).with_name("flood.py")
    path = os.pathsep.join([str(program.parents[1]), str(program.parents[2])])
    flood = subprocess.run(
        [sys.executable, str(program), store_directory, "1", str(COUNT), str(SECONDS)],
        env={**os.environ, "PYTHONPATH": path}, start_new_session=True, capture_output=True, text=True,
        timeout=SECONDS + 120,
    )  # fmt: skip
    assert flood.returncode == 0, flood.stderr
    found = json.loads(flood.stdout.splitlines()[-1])
    print(f"a task loop: {found}")
    # Most are no messages at all; of the tasks in the others, some have come as far as the user's function.
    assert found["refused"] < found["sent"] and found["honest"] > found["sent"] / 50
    assert found["outcomes"]["success"] > 0 and found["outcomes"]["failure"] > 0 and found["ends"]["FrameError"] > 0
    assert found["descriptors"] == 0 and found["files"] == [] and found["children"] == []
    assert found["grown_kib"] < 64 << 10


@pytest.mark.parametrize("length", [MAXIMUM_FRAME + 1, 0xFFFF_FFFF])
def test_a_frame_that_is_too_long_is_refused_before_its_bytes_come(length: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(struct.pack("<I", length) + b"abc")
        with pytest.raises(FrameError, match=str(length)):
            list(FrameChannel(ours).receive(wait=True))
