"""A coordinator of a few lines, for the client's side of the protocol: welcomes, runs calls, counts holdings."""

from __future__ import annotations

import os
import pathlib
import threading
from collections import Counter
from typing import Any

import zmq

from anabranch.store import Store
from anabranch.v1 import common_pb2, control_pb2, task_pb2


class ScriptedCoordinator:
    """Answers one client at a time, on a thread of its own.

    Calls run when they arrive, but for those whose function is called ``hold``: answered after `let_go`.
    """

    def __init__(self, directory: pathlib.Path, protocol: int = 1, silent: bool = False) -> None:
        self.store_path = directory / "store"
        self.store_path.mkdir(parents=True)
        (self.store_path / "identity").write_text("5709")
        self.address = f"ipc://{directory}/control.sock"
        self.holdings: Counter[tuple[int, int]] = Counter()
        self.received: list[str] = []
        self.cancelled: list[int] = []
        self.submissions: list[control_pb2.SubmitRun] = []
        self.answers: dict[str, control_pb2.FromCoordinator] = {}
        self.changed = threading.Condition()
        self._protocol = protocol
        self._silent = silent
        self._store = Store(str(self.store_path))
        self._values: dict[tuple[int, int], common_pb2.ObjectRef] = {}
        self._held: list[tuple[bytes, int, control_pb2.Call]] = []
        self._stop, self._stopper = os.pipe()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(self.address)
        self._letting_go = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.write(self._stopper, b"x")
        self._thread.join()
        self._store.close()
        os.close(self._stop)
        os.close(self._stopper)

    def let_go(self) -> None:
        """Answer the held calls, and from now on those that come."""
        self._letting_go = True
        os.write(self._stopper, b"g")

    def wait_for(self, condition: Any, seconds: float = 10.0) -> bool:
        with self.changed:
            return self.changed.wait_for(condition, seconds)

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._stop, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if self._stop in ready and os.read(self._stop, 1) == b"x":
                break
            if self._letting_go:
                for identity, run, call in self._held:
                    self._answer_calls(identity, run, [call])
                self._held = []
            if self._socket in ready:
                identity, body = self._socket.recv_multipart()
                message = control_pb2.ToCoordinator.FromString(body)
                with self.changed:
                    self._take(identity, message)
                    self.changed.notify_all()
        self._socket.close(0)
        self._context.term()

    def _send(self, identity: bytes, message: control_pb2.FromCoordinator, request: int = 0) -> None:
        message.protocol, message.request = self._protocol, request
        self._socket.send_multipart([identity, message.SerializeToString()])

    def _take(self, identity: bytes, message: control_pb2.ToCoordinator) -> None:
        kind = message.WhichOneof("body")
        self.received.append(kind)
        if self._silent:
            return
        if kind in self.answers:
            self._send(identity, self.answers[kind], message.request)
        elif kind == "client_hello":
            welcome = control_pb2.ClientWelcome(
                store=str(self.store_path), store_identity="5709", inline_threshold=4096, epoch=7
            )
            self._send(identity, control_pb2.FromCoordinator(client_welcome=welcome), message.request)
        elif kind == "status":
            # No worker: nobody is asked for the packages of what is submitted.
            self._send(identity, control_pb2.FromCoordinator(status=control_pb2.Status()), message.request)
        elif kind == "open_session":
            accepted = control_pb2.RunAccepted(run=100 + len(self.received))
            self._send(identity, control_pb2.FromCoordinator(run_accepted=accepted), message.request)
        elif kind == "submit_run":
            self.submissions.append(message.submit_run)
            update = control_pb2.RunUpdate(run=9, state=control_pb2.RUN_STATE_SUCCEEDED)
            # Ahead of the answer that names the run, as it may happen.
            self._send(identity, control_pb2.FromCoordinator(run_update=update))
            accepted = control_pb2.RunAccepted(run=9)
            self._send(identity, control_pb2.FromCoordinator(run_accepted=accepted), message.request)
        elif kind == "submit_calls":
            self._calls(identity, message.submit_calls)
        elif kind == "cancel_calls":
            self.cancelled.extend(message.cancel_calls.calls)
        elif kind == "hold_objects":
            self.holdings.update((ref.writer, ref.sequence) for ref in message.hold_objects.objects)
        elif kind == "release_objects":
            self.holdings.subtract((i.writer, i.sequence) for i in message.release_objects.objects)
            self.holdings += Counter()

    def _calls(self, identity: bytes, batch: control_pb2.SubmitCalls) -> None:
        now = []
        for call in batch.calls:
            function = self._store.get(call.work.function)
            if getattr(function, "__name__", "") == "hold" and not self._letting_go:
                self._held.append((identity, batch.run, call))
            else:
                now.append(call)
        self._answer_calls(identity, batch.run, now)

    def _answer_calls(self, identity: bytes, run: int, calls: list[control_pb2.Call]) -> None:
        results = [self._call(run, call) for call in calls]
        if results:
            answer = control_pb2.CallResults(run=run, results=results)
            self._send(identity, control_pb2.FromCoordinator(call_results=answer))

    def _call(self, run: int, call: control_pb2.Call) -> control_pb2.CallResult:
        waiting = iter(call.after)
        try:
            dependencies = [d if d.writer else self._values[run, next(waiting)] for d in call.work.dependencies]
            function = self._store.get(call.work.function)
            args, kwargs = self._store.get(
                call.work.arguments, persistent_load=lambda pid: self._store.get(dependencies[pid[1]])
            )
            value = self._store.put(function(*args, **kwargs))
        except Exception as error:
            failure = task_pb2.Failure(
                kind=task_pb2.FAILURE_KIND_EXCEPTION,
                type=type(error).__name__,
                message=str(error),
                traceback=f"Traceback of {error!r}",
                exception=self._store.put(error),
            )
            return control_pb2.CallResult(call=call.call, failure=failure)
        self._values[run, call.call] = value
        if value.segment:
            self.holdings[value.writer, value.sequence] += 1
        return control_pb2.CallResult(call=call.call, value=value)
