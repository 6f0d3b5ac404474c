"""The future of one call."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, InvalidStateError
from concurrent.futures._base import CANCELLED_AND_NOTIFIED, FINISHED, PENDING
from typing import Any

from anabranch.references import Ref
from anabranch.v1 import control_pb2, task_pb2
from anabranch.waiting import WatchedWaiters, inside_task, waiting

# Guards what futures do before they have a condition of their own: the making of it, and ending without one.
# Reentrant: a collection of garbage in the midst of it may run a user's finalizer that asks for a future.
_bare = threading.RLock()


class CallFuture(Future):
    """The future of one call. Its value is read when someone asks for it, on the asker's thread.

    Most futures of a large batch have ended before anyone waits for them. They never get what `Future` makes for each
    of its instances, a condition and two lists: that would be most of what a call costs here.

    Attributes
    ----------
    number : int
        The call's number in its session.
    """

    _state = PENDING
    _result = None
    _exception = None
    _answer: control_pb2.CallResult | None = None
    _ref: Ref | None = None
    _value: Any = None
    _was_read = False

    def __init__(self, number: int, owner: Any) -> None:
        # Not `Future.__init__`: the class has its values, and `_condition` makes the rest.
        self.number = number
        self.owner = owner

    @property
    def _condition(self) -> threading.Condition:
        made = self.__dict__.get("_own_condition")
        if made is None:
            with _bare:
                made = self.__dict__.get("_own_condition")
                if made is None:
                    self._waiters: list[Any] = WatchedWaiters() if inside_task() else []
                    self._done_callbacks: list[Any] = []
                    made = self._own_condition = threading.Condition()
        return made

    @property
    def ref(self) -> Ref | None:
        """The reference of the call's value; None while there is none."""
        if self._ref is None and self._answer is not None and self._answer.HasField("value"):
            self._ref = Ref(self._answer.value, self.owner.client)
        return self._ref

    def hold(self, ref: Ref) -> None:
        """Keep the reference of a value that is in the store, before the call succeeds with it."""
        self._ref = ref

    @property
    def usage(self) -> task_pb2.Usage | None:
        """Where the call's time went (microseconds) and its bytes, once it has ended."""
        return None if self._answer is None else self._answer.usage

    def result(self, timeout: float | None = None) -> Any:
        """Return the call's value, or raise what it raised."""
        try:
            if self._was_read:
                return self._value
            if self._state != FINISHED and inside_task():
                with waiting():
                    self._await(timeout)
            elif self._state != FINISHED or self._exception is not None:
                self._await(timeout)
            return self._read()
        finally:
            # As in `Future.result`: what it raises has this frame in its traceback, and is kept by the future.
            self = None

    def own_result(self, timeout: float | None = None) -> Any:
        """Return the call's value as `result` does, but in arrays that are the caller's own and can be written to."""
        if self.exception(timeout) is not None:
            return self.result(0)
        return self.owner.client.read(self._answer.value, own=True)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return what the call raised, None when it has a value."""
        if self._state != FINISHED and inside_task():
            with waiting():
                return self._await_exception(timeout)
        return self._await_exception(timeout)

    def _await(self, timeout: float | None) -> None:
        try:
            if self._state == PENDING:
                timeout = self._receive(timeout)
            if self._state != FINISHED or self._exception is not None:
                super().result(timeout)
        finally:
            self = None

    def _await_exception(self, timeout: float | None) -> BaseException | None:
        if self._state == PENDING:
            timeout = self._receive(timeout)
        return super().exception(timeout)

    def _receive(self, timeout: float | None) -> float | None:
        """Let this thread take its answer off the connection itself; what is left of the time."""
        begun = time.monotonic()
        self.owner.client.connection.receive_until(lambda: self._state != PENDING, timeout)
        return None if timeout is None else max(0.0, timeout - (time.monotonic() - begun))

    def _read(self) -> Any:
        # A lock for the few futures that several threads read at once, not for every future.
        with self.__dict__.setdefault("_reading", threading.Lock()):
            if not self._was_read:
                self._value = self.owner.client.read(self._answer.value)
                self._was_read = True
        return self._value

    def cancel(self) -> bool:
        """Cancel the call unless it has ended; one that runs is stopped, one that is queued will not run."""
        return self.owner.cancel(self)

    def cancel_quietly(self) -> bool:
        """Mark as cancelled without telling the pool; whether this call did it."""
        with self._condition:
            if self._state != PENDING:
                return False
            # Both of `Future`'s steps at once, so that whoever waits hears of it: no worker will say so.
            self._state = CANCELLED_AND_NOTIFIED
            for waiter in self._waiters:
                waiter.add_cancelled(self)
            self._condition.notify_all()
        # Under no lock, for a callback may cancel other futures, or wait for a thread that does.
        self._invoke_callbacks()
        return True

    def fail(self, error: BaseException, answer: control_pb2.CallResult | None = None) -> None:
        """Let the call have failed, unless it was cancelled."""
        self._answer = answer
        with contextlib.suppress(InvalidStateError):
            self.set_exception(error)


def succeed(answered: Iterable[tuple[CallFuture, control_pb2.CallResult]]) -> None:
    """Give futures their values, unless they were cancelled; an answer's object is held as long as its future."""
    watched: list[CallFuture] = []
    with _bare:
        for future, answer in answered:
            future._answer = answer
            if "_own_condition" in future.__dict__:
                watched.append(future)
            else:
                # Nobody waits, nobody has cancelled: both begin with the condition.
                future._state = FINISHED
    for future in watched:
        with contextlib.suppress(InvalidStateError):
            future.set_result(None)
