"""One connection to a coordinator: a DEALER socket, and the thread that works on it."""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, Any

from anabranch.deferral import uninterrupted
from anabranch.errors import AnabranchError, ConnectionFailed, GraphError, RequestError, VersionMismatch
from anabranch.v1 import control_pb2
from anabranch.versions import PROTOCOL

if TYPE_CHECKING:
    from anabranch.credentials import Credentials

LARGEST_MESSAGE = 256 << 20
#: Seconds between looks at views that keep a release waiting; nothing is polled while none does.
PERIOD = 0.25


# zmq.POLLIN, zmq.EVENTS and zmq.DONTWAIT: the package is imported when there is something to connect to.
_READABLE = 1
_EVENTS = 15
_NOW = 1
#: Messages that are to be sent; bytes are whole messages already.
Outbox = Callable[[], Iterable["control_pb2.ToCoordinator | bytes"]]


#: Number of a monitor's event, and its value.
_EVENT = struct.Struct("=Hi")
#: `ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH`: one side of a handshake has keys and the other has not.
_MECHANISM_MISMATCH = 0x11000002


def _explain(event: int, value: int, has_keys: bool) -> tuple[str, bool]:
    """Return what stands in the way of a connection, and whether it is no use to try again."""
    import zmq

    if event == zmq.EVENT_CLOSED:
        return "nobody listens there (is `anabranch coordinator` running, and is the address right?)", False
    if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
        return "it does not let this key in: put the public key into its directory of allowed keys (--allowed)", True
    if event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL and value == _MECHANISM_MISMATCH:
        if has_keys:
            return "it has no keys and this process has: start it with --key, or unset key= (ANABRANCH_KEY) here", True
        return "it wants a key: name yours with key= (ANABRANCH_KEY); `anabranch keygen` makes one", True
    if has_keys:
        return (
            "it hangs up in the handshake: its key is not the one in server_key= (ANABRANCH_SERVER_KEY), it has none, "
            "or it is no coordinator"
        ), False
    return "it hangs up in the handshake: it wants a key (key=, ANABRANCH_KEY), or it is no coordinator", False


def _oversized(what: str | None, size: int) -> str:
    return (
        f"a message of {size} bytes to the coordinator ({what}) is over the limit of a message, {LARGEST_MESSAGE} "
        "bytes (fixed); submit less at a time, and hand large values over by ab.put, for the store does not count"
    )


class Connection:
    """Sends requests, matches answers to them, and hands pushed messages to a callback.

    Any thread may call the methods. One thread at a time has the turn: it waits for messages, hands them to the
    callbacks and sends what is to be sent. That is the connection's own thread, unless a thread that waits for a result
    has taken the turn (`receive_until`): then no other thread need be woken when the result comes. Callbacks must not
    wait for anything.

    Parameters
    ----------
    address : str
        The coordinator's control endpoint.
    on_push : callable
        Called with each `FromCoordinator` that answers no request.
    on_lost : callable
        Called once with the `ConnectionFailed` that ended the connection, unless `close` did.
    credentials : Credentials, optional
        Keys, for a tcp address.
    """

    def __init__(
        self,
        address: str,
        on_push: Callable[[control_pb2.FromCoordinator], None],
        on_lost: Callable[[ConnectionFailed], None],
        credentials: Credentials | None = None,
    ) -> None:
        import zmq

        self.address = address
        self._has_keys = credentials is not None
        #: What stood in the way of the connection last; empty when nothing was seen.
        self.obstacle = ""
        self._on_push = on_push
        self._on_lost = on_lost
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future] = {}
        self._outgoing: deque[bytes] = deque()
        self._outboxes: list[Outbox] = []
        self._deferred: deque[Callable[[], None]] = deque()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._woken = False
        self._closing = False
        self._understood = False
        self._lost: ConnectionFailed | None = None
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        #: The thread that has the turn, 0 for none.
        self._server = 0
        # Held for each use of the socket, which whoever has something to send may use beside the one who has the turn.
        self._socket_lock = threading.Lock()
        self.periodic: Callable[[], bool] = lambda: False
        self._looks_again = False
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        options = [(zmq.LINGER, 0), (zmq.SNDHWM, 0), (zmq.RCVHWM, 0), (zmq.MAXMSGSIZE, LARGEST_MESSAGE)]
        if not address.startswith("ipc:"):
            # Of the end of a process behind an ipc endpoint the system tells, and one that stands still is not dead.
            options += [(zmq.HEARTBEAT_IVL, 10_000), (zmq.HEARTBEAT_TIMEOUT, 120_000)]
        for option, value in options:
            self._socket.setsockopt(option, value)
        if credentials is not None:
            self._socket.curve_serverkey = credentials.server
            self._socket.curve_publickey = credentials.public
            self._socket.curve_secretkey = credentials.secret
        self._monitor = self._socket.get_monitor_socket(
            zmq.EVENT_DISCONNECTED
            | zmq.EVENT_CLOSED
            | zmq.EVENT_HANDSHAKE_SUCCEEDED
            | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
            | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
            | zmq.EVENT_HANDSHAKE_FAILED_AUTH
        )
        self._connected = False
        try:
            self._socket.connect(address)
        except zmq.ZMQError as error:
            self._destroy_socket()
            raise RequestError(
                f"address {address!r}: {error}; it looks like ipc:///path/control.sock or tcp://host:port"
            ) from None
        self._events = select.epoll()
        self._ends = self._monitor.getsockopt(zmq.FD)
        self._arrivals = self._socket.getsockopt(zmq.FD)
        self._nothing = zmq.Again
        for descriptor in (self._arrivals, self._ends, self._wake):
            self._events.register(descriptor, select.EPOLLIN)
        # The connection's thread waits for events through this: closed while another thread has the turn.
        self._gate = select.epoll()
        self._gate.register(self._events, select.EPOLLIN)
        # The descriptors tell of what comes to a socket that was found empty before.
        self._drain_monitor()
        self._is_readable()
        self._thread = threading.Thread(target=self._run, name="anabranch-connection", daemon=True)
        self._thread.start()

    # ---- for callers

    def send(self, message: control_pb2.ToCoordinator) -> None:
        """Send what needs no answer; messages leave in the order of the calls.

        Raises
        ------
        RequestError
            When it is larger than the coordinator takes; nothing has been sent then.
        """
        message.protocol = PROTOCOL
        data = message.SerializeToString()
        if len(data) > LARGEST_MESSAGE:
            raise RequestError(_oversized(message.WhichOneof("body"), len(data)))
        self._outgoing.append(data)
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
        try:
            self.send(message)
        except RequestError:
            with self._lock:
                self._waiting.pop(message.request, None)
            raise
        return future

    def add_outbox(self, outbox: Outbox) -> None:
        """Ask `outbox` for messages whenever the connection is woken: how many small things leave in one message."""
        self._outboxes.append(outbox)

    def remove_outbox(self, outbox: Outbox) -> None:
        """Ask `outbox` no more."""
        self._outboxes.remove(outbox)

    def flush(self) -> None:
        """Send what is to be sent, on the calling thread unless another is sending: no thread need be woken for it."""
        if not self._socket_lock.acquire(blocking=False):
            self.wake()
            return
        try:
            with uninterrupted():
                self._transmit_locked()
        finally:
            self._socket_lock.release()

    def receive_until(self, is_over: Callable[[], bool], seconds: float | None) -> None:
        """Do the connection's work on the calling thread until `is_over`, or for so long.

        Returns at once when another thread is at it, and early when the connection ends.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        if not self._turn.acquire(blocking=False):
            return
        try:
            self._server = threading.get_ident()
            self._gate.modify(self._events, 0)
            while not (is_over() or self._closing or self._lost is not None):
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return
                self._serve(left)
        finally:
            self._server = 0
            # Before the turn is given up: else the gate could open on the thread that takes it next.
            if not self._gate.closed:
                self._gate.modify(self._events, select.EPOLLIN)
            self._turn.release()

    def serve_within(self, is_over: Callable[[], bool], seconds: float | None) -> bool:
        """Do the connection's work until `is_over`, or for so long, if the caller has the turn; False when it has not.

        For what has to wait within a callback, such as a read whose bytes have to come: no other thread could receive
        what is waited for. Other callbacks run meanwhile.
        """
        if self._server != threading.get_ident():
            return False
        deadline = None if seconds is None else time.monotonic() + seconds
        while not (is_over() or self._lost is not None):
            left = PERIOD if deadline is None else min(PERIOD, deadline - time.monotonic())
            if left <= 0:
                break
            with uninterrupted():
                # The socket's descriptor does not tell again of what the outer call has seen and not yet received.
                self._receive()
                self._transmit()
            if not is_over():
                self._serve(left)
        return True

    def defer(self, work: Callable[[], None]) -> None:
        """Have the thread that has the turn do this next. Takes no lock: finalizers call it."""
        self._deferred.append(work)
        self.wake()

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
        if not self.is_current_thread:
            self._thread.join()

    @property
    def is_current_thread(self) -> bool:
        """Whether the caller is the connection's thread, which cannot wait for answers."""
        return threading.current_thread() is self._thread

    # ---- the thread

    def _run(self) -> None:
        try:
            while not self._closing:
                self._gate.poll(PERIOD if self._looks_again else None)
                # Whoever waits for a result may have been faster.
                if self._turn.acquire(blocking=False):
                    try:
                        self._server = threading.get_ident()
                        self._serve(0)
                    finally:
                        self._server = 0
                        self._turn.release()
        finally:
            with self._turn:
                self._transmit()
                self.fail(ConnectionFailed(f"the connection to {self.address} was closed"))
                self._destroy()

    def _serve(self, seconds: float | None) -> None:
        """Wait for something to happen, up to so long, and do what there is to do. For whoever has the turn."""
        if self._looks_again:
            seconds = PERIOD if seconds is None else min(PERIOD, seconds)
        ready = [descriptor for descriptor, _ in self._events.poll(seconds)]
        with uninterrupted():
            woken = self._wake in ready
            if woken:
                self._clear_wake()
            while self._deferred:
                self._deferred.popleft()()
            self._receive(is_told=self._arrivals in ready)
            if self._ends in ready and (end := self._drain_monitor()) and not self._closing:
                self.fail(ConnectionFailed(end))
            if woken or self._looks_again or self._outgoing:
                self._transmit()
                self._looks_again = self.periodic()

    def _is_readable(self) -> bool:
        return bool(self._socket.getsockopt(_EVENTS) & _READABLE)

    def _clear_wake(self) -> None:
        # Once closing, the thread is to see it too.
        if not self._closing:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)
            self._woken = False

    def _receive(self, is_told: bool = False) -> None:
        # Bounded, so that what is to be sent does not wait behind a flood of answers.
        for _ in range(256):
            with self._socket_lock:
                # Whoever was told that something came need not ask; an exception for nothing costs more than to ask.
                if not (is_told or self._is_readable()):
                    return
                is_told = False
                try:
                    data = self._socket.recv(_NOW)
                except self._nothing:
                    return
            message = control_pb2.FromCoordinator()
            try:
                message.ParseFromString(data)
            except Exception:
                continue  # not ours to answer; whoever waits for it waits for its timeout
            if message.protocol != PROTOCOL:
                # One who has spoken our protocol does not change it: that is a damaged message, as above.
                if not self._understood:
                    self.fail_version(message.protocol)
                continue
            self._understood = True
            if message.request == 0:
                self._on_push(message)
            else:
                self._answer(message)
        self.wake()

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
            future.set_exception(exception_for(message.error, self.address))
        else:
            future.set_result(message)

    def _transmit(self) -> None:
        with self._socket_lock:
            self._transmit_locked()

    def _transmit_locked(self) -> None:
        import zmq

        for outbox in list(self._outboxes):
            for message in outbox():
                if not isinstance(message, bytes):
                    message.protocol = PROTOCOL
                    message = message.SerializeToString()
                if len(message) > LARGEST_MESSAGE:
                    # Whoever waits for what it asks for must not wait for ever.
                    self.fail(ConnectionFailed(_oversized("calls", len(message))))
                    return
                self._outgoing.append(message)
        if not self._outgoing or self._socket.closed:
            return
        while self._outgoing:
            try:
                self._socket.send(self._outgoing[0], zmq.NOBLOCK)
            except zmq.Again:
                # It keeps its place: `_serve` comes back to it, and the socket's descriptor tells when it may leave.
                return
            except zmq.ZMQError as error:
                self._outgoing.clear()
                self.fail(ConnectionFailed(f"cannot send to {self.address}: {error}"))
                return
            self._outgoing.popleft()
        # Sending takes note of what has come: the socket's descriptor will not tell of that again.
        if self._is_readable():
            self.wake()

    def _drain_monitor(self) -> str:
        """Take note of what has happened to the connection; says why it is of no use any more, if so."""
        import zmq

        end = ""
        while True:
            try:
                number, value = _EVENT.unpack_from(self._monitor.recv_multipart(zmq.NOBLOCK)[0])
            except zmq.Again:
                return end
            if number == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._connected, self.obstacle = True, ""
            elif number == zmq.EVENT_DISCONNECTED:
                # Before that, it may be a coordinator that is just beginning: libzmq tries again.
                if self._connected:
                    end = f"the coordinator at {self.address} is gone"
            else:
                self.obstacle, is_final = _explain(number, value, self._has_keys)
                if is_final:
                    end = f"no connection to {self.address}: {self.obstacle}"

    def _destroy(self) -> None:
        with self._socket_lock:
            self._gate.close()
            self._events.close()
            self._destroy_socket()

    def _destroy_socket(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close(0)
        self._context.term()

    def __del__(self) -> None:
        # Not before: a late `wake` must not write into a descriptor that has become someone else's.
        os.close(self._wake)


def exception_for(error: control_pb2.Error, address: str) -> AnabranchError:
    """Return the exception that an answer of `Error` from a coordinator at `address` means."""
    if error.code == control_pb2.ERROR_CODE_INVALID_GRAPH:
        return GraphError(error.message, error.node)
    if error.code in (control_pb2.ERROR_CODE_VERSION_MISMATCH, control_pb2.ERROR_CODE_STORE_MISMATCH):
        return VersionMismatch(f"the coordinator at {address} refuses: {error.message}")
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
        raise ConnectionFailed(f"{what}: no answer within {seconds:g} s (fixed)") from error
