"""Frames between worker and runtime: 4 bytes little-endian length, then one message."""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator, Sequence

from google.protobuf.message import DecodeError

from anabranch.protobuf_bytes import field_key, varint
from anabranch.v1 import task_pb2

MAXIMUM_FRAME = 64 << 20
_LENGTH = struct.Struct("<I")
_READ = 1 << 18
_RESULT = field_key(task_pb2.FromRuntime, "results")


class FrameError(Exception):
    """Bytes on the socket that are no frame. Nothing after them can be understood."""


class FrameChannel:
    """The runtime's end of the socket pair.

    Parameters
    ----------
    connection : socket.socket
        A connected stream socket, in blocking mode.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        # Looked at before each task: an exception for what is not there costs more than the look.
        self._arrivals = select.poll()
        self._arrivals.register(connection, select.POLLIN)
        self._identity = _identity(connection.fileno())
        self._buffer = bytearray()
        self._ended = False
        self._outgoing: deque[bytes] = deque()
        self._sending = threading.Lock()

    def receive(self, wait: bool) -> Iterator[task_pb2.ToRuntime]:
        """Yield the messages that have arrived.

        Parameters
        ----------
        wait : bool
            Block until there is at least one; otherwise take all that is there, and only that.

        Raises
        ------
        EOFError
            When the worker has closed its end and every message has been yielded.
        FrameError
            When a frame is too long, does not decode, or ends in the middle.
        """
        waiting = wait
        if not wait and not self._ended and not self._arrivals.poll(0):
            return
        while True:
            if not self._ended:
                try:
                    data = self._connection.recv(_READ, 0 if waiting else socket.MSG_DONTWAIT)
                except BlockingIOError:
                    return
                except ConnectionResetError:
                    data = b""
                if data:
                    self._buffer += data
                else:
                    self._ended = True
            for message in self._decoded():
                waiting = False
                yield message
            if self._ended:
                if self._buffer:
                    raise FrameError(f"the socket ended in the middle of a frame, {len(self._buffer)} bytes into it")
                if wait:
                    raise EOFError
                return
            # A read that was not filled has emptied the socket.
            if not waiting and len(data) < _READ:
                return

    def send(self, message: task_pb2.FromRuntime, results: Sequence[bytes] = ()) -> None:
        """Send one message, or leave it to whoever is sending.

        A task's threads and its signal handlers have messages too, and one frame must not stand in another.

        Parameters
        ----------
        message : FromRuntime
        results : sequence of bytes
            More of its results. They are encoded one by one, as the tasks end.

        Raises
        ------
        OSError
            When the worker is gone.
        """
        pieces = [message.SerializeToString()]
        for result in results:
            pieces += (_RESULT, varint(len(result)), result)
        data = b"".join(pieces)
        self._outgoing.append(_LENGTH.pack(len(data)) + data)
        # Never waits for the lock: its holder may be what a signal handler has interrupted. The holder looks again.
        while self._outgoing and self._sending.acquire(blocking=False):
            try:
                while self._outgoing:
                    self._connection.sendall(self._outgoing.popleft())
            finally:
                self._sending.release()

    @property
    def has_ended(self) -> bool:
        """Whether the worker has closed its end and all that it said has been read."""
        return self._ended

    def fileno(self) -> int:
        """Return the socket's descriptor, to wait for."""
        return self._connection.fileno()

    def is_intact(self) -> bool:
        """Whether the descriptor is still the socket; code that closes what it did not open may have closed it."""
        return _identity(self._connection.fileno()) == self._identity

    def _decoded(self) -> Iterator[task_pb2.ToRuntime]:
        start = 0
        buffer = self._buffer
        try:
            while len(buffer) - start >= 4:
                (length,) = _LENGTH.unpack_from(buffer, start)
                if length > MAXIMUM_FRAME:
                    raise FrameError(
                        f"a frame of {length} bytes is over the limit of a frame, {MAXIMUM_FRAME} bytes (fixed)"
                    )
                if len(buffer) - start - 4 < length:
                    return
                begin = start + 4
                start = begin + length
                try:
                    message = task_pb2.ToRuntime.FromString(bytes(buffer[begin:start]))
                except DecodeError as error:
                    raise FrameError(f"a frame of {length} bytes is no ToRuntime message: {error}") from error
                yield message
        finally:
            del buffer[:start]


def _identity(descriptor: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino
