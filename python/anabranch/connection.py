"""One connection to a coordinator: a DEALER socket, and the thread that owns it."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from anabranch.errors import AnabranchError, ConnectionFailed, GraphError, RequestError, VersionMismatch
from anabranch.v1 import control_pb2
from anabranch.versions import PROTOCOL

LARGEST_MESSAGE = 256 << 20
#: Seconds between looks at views that keep a release waiting; nothing is polled while none does.
PERIOD = 0.25


#: Messages that are to be sent; bytes are whole messages already.
Outbox = Callable[[], Iterable["control_pb2.ToCoordinator | bytes"]]


class Connection:
    """Sends requests, matches answers to them, and hands pushed messages to a callback.

    Any thread may call the methods; only the connection's own thread touches the socket. Callbacks run on that
    thread and must not wait for anything.

    Parameters
    ----------
    address : str
        The coordinator's control endpoint.
    on_push : callable
        Called with each `FromCoordinator` that answers no request.
    on_lost : callable
        Called once with the `ConnectionFailed` that ended the connection, unless `close` did.
    """

    def __init__(
        self,
        address: str,
        on_push: Callable[[control_pb2.FromCoordinator], None],
        on_lost: Callable[[ConnectionFailed], None],
    ) -> None:
        import zmq

        self.address = address
        self._on_push = on_push
        self._on_lost = on_lost
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future] = {}
        self._outgoing: deque[bytes] = deque()
        self._outboxes: list[Outbox] = []
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._woken = False
        self._closing = False
        self._lost: ConnectionFailed | None = None
        self._lock = threading.Lock()
        self.periodic: Callable[[], bool] = lambda: False
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        options = [(zmq.LINGER, 0), (zmq.SNDHWM, 0), (zmq.RCVHWM, 0), (zmq.MAXMSGSIZE, LARGEST_MESSAGE)]
        if not address.startswith("ipc:"):
            # Of the end of a process behind an ipc endpoint the system tells, and one that stands still is not dead.
            options += [(zmq.HEARTBEAT_IVL, 10_000), (zmq.HEARTBEAT_TIMEOUT, 120_000)]
        for option, value in options:
            self._socket.setsockopt(option, value)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        try:
            self._socket.connect(address)
        except zmq.ZMQError as error:
            self._destroy()
            raise RequestError(
                f"address {address!r}: {error}; it looks like ipc:///path/control.sock or tcp://host:port"
            ) from None
        self._thread = threading.Thread(target=self._run, name="anabranch-connection", daemon=True)
        self._thread.start()

    # ---- for callers

    def send(self, message: control_pb2.ToCoordinator) -> None:
        """Send what needs no answer; messages leave in the order of the calls."""
        message.protocol = PROTOCOL
        self._outgoing.append(message.SerializeToString())
        self.wake()

    def request(self, message: control_pb2.ToCoordinator) -> Future:
        """Send a request; its future gets the `FromCoordinator` that answers or the exception that an `Error` means."""
        future: Future = Future()
        with self._lock:
            if self._lost is not None:
                future.set_exception(self._lost)
                return future
            message.request = next(self._numbers)
            self._waiting[message.request] = future
        self.send(message)
        return future

    def add_outbox(self, outbox: Outbox) -> None:
        """Ask `outbox` for messages whenever the connection is woken: how many small things leave in one message."""
        self._outboxes.append(outbox)

    def remove_outbox(self, outbox: Outbox) -> None:
        """Ask `outbox` no more."""
        self._outboxes.remove(outbox)

    def wake(self) -> None:
        """Make the thread look at what is to be sent. Takes no lock: finalizers call it."""
        # Cleared by the thread before it looks: what is appended after that look wakes it again.
        if not self._woken and not self._closing:
            self._woken = True
            os.eventfd_write(self._wake, 1)

    @property
    def lost(self) -> ConnectionFailed | None:
        """Why the connection is of no use any more, None while it is."""
        return self._lost

    def fail(self, error: ConnectionFailed) -> None:
        """End the connection with `error`; every waiting request gets it. Later calls change nothing."""
        with self._lock:
            if self._lost is not None:
                return
            self._lost = error
            waiting, self._waiting = list(self._waiting.values()), {}
        for future in waiting:
            future.set_exception(error)
        self._on_lost(error)

    def close(self) -> None:
        """Send what is waiting to be sent and end the thread. Waiting requests fail."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
        os.eventfd_write(self._wake, 1)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    # ---- the thread

    def _run(self) -> None:
        import zmq

        poller = zmq.Poller()
        for source in (self._socket, self._monitor, self._wake):
            poller.register(source, zmq.POLLIN)
        try:
            pending = False
            while not self._closing:
                ready = dict(poller.poll(int(PERIOD * 1000) if pending else None))
                if self._wake in ready:
                    self._clear_wake()
                if self._socket in ready:
                    self._receive()
                if self._monitor in ready and self._drain_monitor() and not self._closing:
                    self.fail(ConnectionFailed(f"the coordinator at {self.address} is gone"))
                self._transmit()
                pending = self.periodic()
                self._transmit()
        finally:
            self._transmit()
            self.fail(ConnectionFailed(f"the connection to {self.address} was closed"))
            self._destroy()

    def _clear_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        self._woken = False

    def _receive(self) -> None:
        import zmq

        # Bounded, so that what is to be sent does not wait behind a flood of answers.
        for _ in range(256):
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            message = control_pb2.FromCoordinator()
            try:
                message.ParseFromString(frames[-1])
            except Exception:
                continue  # not ours to answer; whoever waits for it waits for its timeout
            if message.protocol != PROTOCOL:
                self.fail_version(message.protocol)
            elif message.request == 0:
                self._on_push(message)
            else:
                self._answer(message)

    def fail_version(self, theirs: int) -> None:
        """End the connection because the coordinator speaks another protocol."""
        self.fail(
            ConnectionFailed(
                f"the coordinator at {self.address} speaks protocol {theirs}, this package speaks {PROTOCOL}; "
                "install the same version on both sides"
            )
        )

    def _answer(self, message: control_pb2.FromCoordinator) -> None:
        with self._lock:
            future = self._waiting.pop(message.request, None)
        if future is None or not future.set_running_or_notify_cancel():
            return
        if message.WhichOneof("body") == "error":
            future.set_exception(exception_for(message.error))
        else:
            future.set_result(message)

    def _transmit(self) -> None:
        import zmq

        for outbox in list(self._outboxes):
            for message in outbox():
                if not isinstance(message, bytes):
                    message.protocol = PROTOCOL
                    message = message.SerializeToString()
                self._outgoing.append(message)
        while self._outgoing:
            try:
                self._socket.send(self._outgoing.popleft(), zmq.NOBLOCK)
            except zmq.ZMQError:
                return

    def _drain_monitor(self) -> bool:
        import zmq

        seen = False
        while True:
            try:
                self._monitor.recv_multipart(zmq.NOBLOCK)
                seen = True
            except zmq.Again:
                return seen

    def _destroy(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close(0)
        self._context.term()

    def __del__(self) -> None:
        # Not before: a late `wake` must not write into a descriptor that has become someone else's.
        os.close(self._wake)


def exception_for(error: control_pb2.Error) -> AnabranchError:
    """Return the exception that an answer of `Error` means."""
    if error.code == control_pb2.ERROR_CODE_INVALID_GRAPH:
        return GraphError(error.message, error.node)
    if error.code in (control_pb2.ERROR_CODE_VERSION_MISMATCH, control_pb2.ERROR_CODE_STORE_MISMATCH):
        return VersionMismatch(error.message)
    if error.code in (control_pb2.ERROR_CODE_SHUTTING_DOWN, control_pb2.ERROR_CODE_NOT_WELCOMED):
        return ConnectionFailed(error.message)
    return RequestError(error.message)


def wait_for(future: Future, seconds: float | None, what: str) -> Any:
    """Return a request's answer; `ConnectionFailed` that names `what` when it does not come in time."""
    try:
        return future.result(seconds)
    except FutureTimeoutError as error:
        if future.done():
            raise
        raise ConnectionFailed(f"{what}: no answer within {seconds:g} s") from error
