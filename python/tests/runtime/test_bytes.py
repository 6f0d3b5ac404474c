"""Bytes that no worker sends, on the runtime's socket."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading

import pytest
from mutations import COUNT, golden, mutate

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
    """Whatever comes in whatever pieces: a message, a `FrameError`, or the end. Nothing else, and nothing is kept."""
    chance = random.Random(1)
    originals = golden("ToRuntime")
    left = COUNT
    read = refused = 0
    while left:
        stream = b""
        for _ in range(min(left, 50)):
            body = chance.choice(originals)
            # Most damage is inside a frame, so that those behind it are read as well; some is to the length.
            stream += framed(mutate(body, chance)) if chance.random() < 0.95 else mutate(framed(body), chance)
            left -= 1
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


@pytest.mark.parametrize("length", [MAXIMUM_FRAME + 1, 0xFFFF_FFFF])
def test_a_frame_that_is_too_long_is_refused_before_its_bytes_come(length: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(struct.pack("<I", length) + b"abc")
        with pytest.raises(FrameError, match=str(length)):
            list(FrameChannel(ours).receive(wait=True))
