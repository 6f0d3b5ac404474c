"""Calls that carry objects' bytes: one session for each client, opened when it is needed first."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from anabranch.errors import AnabranchError, ConnectionFailed, TaskError
from anabranch.references import Ref
from anabranch.store.errors import StoreFull
from anabranch.store.pickle5 import PicklePayload, atoms_to_bytes
from anabranch.v1 import common_pb2, control_pb2, task_pb2
from anabranch.waiting import waiting

if TYPE_CHECKING:
    from typing_extensions import Self

    from anabranch.client import Client

#: Calls that are under way before the first of them is answered: so many pieces are in messages, and no more.
WINDOW = 8
#: Seconds without an answer after which the coordinator is asked why.
LOOK = 1.0
#: Seconds for which nobody could take a call until that is an error.
PATIENCE = 60.0
#: Further attempts of a call that killed its process: it was hardly the reason.
RETRIES = 3

_GONE = (task_pb2.FAILURE_KIND_OBJECT_LOST, task_pb2.FAILURE_KIND_WORKER_LOST, task_pb2.FAILURE_KIND_KILLED)


class Interrupted(AnabranchError):
    """What had been transferred is gone, or cannot be continued: it may begin anew."""


class Transfers:
    """The client's session for transfers, and who waits for the answer of which call.

    Parameters
    ----------
    client : Client
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._run = 0
        self._numbers = itertools.count(1)
        self._awaited: dict[int, Transfer] = {}
        self._functions: dict[Callable, common_pb2.ObjectRef] = {}

    def begin(self) -> Transfer:
        """Return a transfer, to be used as a context: what it has under way ends with it."""
        return Transfer(self._client, self)

    def run(self) -> int:
        """Return the session's number; opens it."""
        with self._lock:
            if not self._run:
                message = control_pb2.OpenSession(name="transfers")
                self._run = self._client.begin_run(control_pb2.ToCoordinator(open_session=message), self._own)
            return self._run

    def _own(self, run: int) -> int:
        self._client.subscribe(run, self._answered, self._lose)
        return run

    def submit(self, transfer: Transfer, call: control_pb2.Call) -> int:
        """Send a call to the coordinator, and return the number that it gets."""
        run = self.run()
        call.call = next(self._numbers)
        transfer.numbers.add(call.call)
        self._awaited[call.call] = transfer
        submission = control_pb2.SubmitCalls(run=run, calls=[call])
        self._client.tell(control_pb2.ToCoordinator(submit_calls=submission))
        if self._client.connection.lost is not None:
            transfer.come.put(self._client.connection.lost)
        return call.call

    def close(self) -> None:
        """End the session, unless something is under way; the next transfer opens another one."""
        with self._lock:
            if not self._run or self._awaited:
                return
            run, self._run = self._run, 0
        self._client.unsubscribe(run)
        if self._client.alive:
            self._client.tell(control_pb2.ToCoordinator(close_run=control_pb2.CloseRun(run=run)))

    def forget(self, numbers: Iterable[int]) -> None:
        """Cancel calls whose answers nobody wants any more."""
        wanted = [number for number in numbers if self._awaited.pop(number, None) is not None]
        if wanted and self._client.alive:
            cancel = control_pb2.CancelCalls(run=self._run, calls=wanted)
            self._client.tell(control_pb2.ToCoordinator(cancel_calls=cancel))

    def function(self, function: Callable) -> common_pb2.ObjectRef:
        """Return a function of the package as an object that travels in its reference, the same each time."""
        known = self._functions.get(function)
        if known is None:
            known = self._functions[function] = self._inline(function)
        return known

    def arguments(self, arguments: tuple) -> common_pb2.ObjectRef:
        """Return arguments, which are atoms, as such an object."""
        return self._inline((arguments, {}))

    def value(self, result: control_pb2.CallResult) -> Any:
        """Return an answer's value, which travelled in it."""
        store = self._client.store
        assert store is not None
        return store.get(result.value)

    def _inline(self, value: Any) -> common_pb2.ObjectRef:
        data = PicklePayload(value).tobytes() if callable(value) else atoms_to_bytes(value)
        store = self._client.store
        assert store is not None
        return common_pb2.ObjectRef(
            writer=store.writer, sequence=store.number(len(data)), encoding=common_pb2.ENCODING_PICKLE5,
            length=len(data), inline_bytes=data,
        )  # fmt: skip

    def _answered(self, results: Any) -> None:
        if not isinstance(results, control_pb2.CallResults):
            return
        for result in results.results:
            transfer = self._awaited.pop(result.call, None)
            # A value that nobody waits for any more is a holding all the same.
            ref = Ref(result.value, self._client) if result.HasField("value") and result.value.segment else None
            if transfer is not None:
                transfer.come.put((result, ref))

    def _lose(self, error: ConnectionFailed) -> None:
        for transfer in list(self._awaited.values()):
            transfer.come.put(error)


class Transfer:
    """Calls under way for one object."""

    def __init__(self, client: Client, transfers: Transfers) -> None:
        self._client = client
        self._transfers = transfers
        self.numbers: set[int] = set()
        self.come: queue.SimpleQueue[Any] = queue.SimpleQueue()
        #: Called while there is no answer, with what the calls wait for that may never come.
        self.on_wait: Callable[[str], None] = lambda reason: None

    def call(
        self, function: Callable, *arguments: Any, needs: common_pb2.ObjectRef | None = None, worker: int = 0
    ) -> int:
        """Have a worker call a function of the package, with arguments that are atoms; return the call's number.

        Parameters
        ----------
        needs : ObjectRef, optional
            An object of the store in which the worker has to be. The cluster's own when not given.
        worker : int
            The number of the one that it has to be, wherever that is.
        """
        work = task_pb2.CallWork(
            function=self._transfers.function(function), arguments=self._transfers.arguments(arguments)
        )
        if needs is not None:
            # Named, it also stays where it is until the call has ended.
            work.dependencies.append(needs)
        call = control_pb2.Call(work=work, retries=RETRIES, in_place=not worker, worker=worker)
        return self._transfers.submit(self, call)

    def answer(self, within: float | None = None) -> tuple[control_pb2.CallResult, Ref | None]:
        """Wait for the next answer; its value, where that is in a store, is held by the reference.

        Parameters
        ----------
        within : float, optional
            Seconds; as long as somebody may answer when not given.

        Raises
        ------
        TimeoutError
            When none came in time.
        Interrupted
            When what the call needed is gone, or those that ran it.
        StoreFull, TaskError
            When the call failed otherwise.
        ConnectionFailed
            When no worker could take it for a minute, or the coordinator has gone.
        """
        with waiting():
            come = self._await() if within is None else self._await_for(within)
        if isinstance(come, BaseException):
            raise come
        result, ref = come
        self.numbers.discard(result.call)
        if result.HasField("value"):
            return result, ref
        failure = result.failure
        if failure.kind == task_pb2.FAILURE_KIND_STORE_FULL:
            raise StoreFull(failure.message)
        if failure.kind in _GONE:
            raise Interrupted(failure.message)
        raise TaskError(failure.message)

    def _await_for(self, seconds: float) -> Any:
        served = self._client.connection.serve_within(lambda: not self.come.empty(), seconds)
        try:
            return self.come.get(timeout=0 if served else seconds)
        except queue.Empty:
            raise TimeoutError from None

    def _await(self) -> Any:
        begun = alone_since = time.monotonic()
        while True:
            served = self._client.connection.serve_within(lambda: not self.come.empty(), LOOK)
            try:
                return self.come.get(timeout=0 if served else LOOK)
            except queue.Empty:
                reason, now = self._reason(), time.monotonic()
            self.on_wait(reason)
            if not reason:
                alone_since = now
            elif now - alone_since > PATIENCE:
                raise ConnectionFailed(
                    f"nothing was transferred for {now - begun:.0f} s, over the limit of {PATIENCE:.0f} s (fixed): "
                    f"{reason}; `anabranch status` shows the workers"
                )

    def _reason(self) -> str:
        """Why nobody takes the calls; empty while workers are there that do, however busy."""
        run = self._transfers.run()
        status = self._client.ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest(run=run))).status
        if not any(worker.state == "active" for worker in status.workers):
            return "no worker is active"
        return next((one.waiting for one in status.runs if one.run == run), "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._transfers.forget(self.numbers)
