"""The results of `Executor.map`, in the order of its calls, and no further ahead than the store has room."""

from __future__ import annotations

import itertools
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from anabranch.call_future import CallFuture


class MappedCall(CallFuture):
    """The future of a call of a map, which can be submitted once more.

    Attributes
    ----------
    again : object, optional
        What `Door.submit_again` takes, once the call has found no room for its result.
    """

    again: Any = None


class Door(NamedTuple):
    """What an executor does for its maps.

    Attributes
    ----------
    content_of : callable
        What `submit_again` takes, of a call that has not been answered; None when that cannot be.
    submit_again : callable
        Submits a call once more, as a new one.
    cancel, abandon : callable
        Cancels those of the calls that have not ended; at once, or soon, from wherever it is asked for.
    is_shut : callable
        Whether no more calls are taken.
    """

    content_of: Callable[[CallFuture], Any]
    submit_again: Callable[[Any], MappedCall]
    cancel: Callable[[list[CallFuture]], None]
    abandon: Callable[[list[CallFuture]], None]
    is_shut: Callable[[], bool]


class Parked:
    """A call that is submitted once more when those before it have made room."""

    __slots__ = ("again", "call")

    def __init__(self, again: Any) -> None:
        self.again = again
        self.call: CallFuture | None = None


class Moved:
    """A result that was taken out of the store before its turn, to make room for one whose turn it is."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class InOrder:
    """Takes the results of calls, each in its turn.

    Where the store does not hold all results together, the call whose turn it is finds no room in the end: those behind
    it have it all, and nobody takes them before. Then half of these are moved into this process, what is under way is
    stopped, and from there on fewer calls stand ahead than had room: half as many each time that it happens again, one
    more after as many as that have come well, but never again as many as were too many. A call that finds no room
    though nothing stands ahead of it has failed.

    Parameters
    ----------
    door : Door
    calls : iterable of MappedCall
        Submitted already.
    ahead : iterator of MappedCall
        Submits one each time it is asked: one for each result that is taken.
    deadline : float, optional
        When the last result must be there, of the monotonic clock, in seconds.
    """

    def __init__(
        self, door: Door, calls: Iterable[MappedCall], ahead: Iterator[MappedCall], deadline: float | None
    ) -> None:
        self._door = door
        self._calls: deque[CallFuture | Parked | Moved] = deque(calls)
        self._ahead = ahead
        self._deadline = deadline
        self._parked: deque[Parked] = deque()
        # How many calls may be submitted and not taken, and how many are; None until the store has been full.
        self._limit: int | None = None
        self._standing = 0
        # How far the limit may grow again, and how many were taken since it did.
        self._most: float = math.inf
        self._taken = 0

    def results(self) -> Iterator[Any]:
        """Yield the results; calls whose results nobody asks for any more are cancelled."""
        try:
            while self._calls:
                # Popped before it is yielded, so that nothing keeps a result that its user has let go of.
                value = [self._take()]
                self._submit_more()
                yield value.pop()
        finally:
            rest = [call for call in map(_call_of, self._calls) if call is not None]
            self._calls.clear()
            self._parked.clear()
            self._door.abandon(rest)

    def _take(self) -> Any:
        while True:
            first = self._calls.popleft()
            if isinstance(first, Moved):
                return first.value
            call = _call_of(first)
            assert call is not None, "the first call is never parked"
            self._standing -= 1
            left = None if self._deadline is None else self._deadline - time.monotonic()
            try:
                return _result_or_cancel(call, left)
            except Exception:
                again = getattr(call, "again", None)
                if again is None or not self._go_less_far():
                    raise
            finally:
                # The error's traceback has this frame, and the future has the error.
                del first, call
            self._calls.appendleft(self._door.submit_again(again))
            self._standing += 1

    def _submit_more(self) -> None:
        if self._limit is None:
            self._calls.extend(itertools.islice(self._ahead, 1))
            return
        self._taken += 1
        if self._taken >= self._limit < self._most:
            self._limit += 1
            self._taken = 0
        # The next one is, whatever else stands there.
        while self._standing < self._limit or (self._parked and self._calls[0] is self._parked[0]):
            if self._parked:
                parked = self._parked.popleft()
                parked.call = self._door.submit_again(parked.again)
                # The call has it now; arguments are to stay no longer than it needs them.
                parked.again = None
            else:
                more = list(itertools.islice(self._ahead, 1))
                if not more:
                    break
                self._calls.extend(more)
            self._standing += 1

    def _go_less_far(self) -> bool:
        """Make room for the call that was taken last; whether there may be some now."""
        if self._door.is_shut():
            return False
        calls = self._stop_what_is_under_way()
        stored = [place for place, one in enumerate(calls) if _is_stored(_call_of(one))]
        if self._limit == 1 and not stored:
            self._calls = deque(calls)
            return False
        for place in stored[len(stored) // 2 :]:
            call = _call_of(calls[place])
            assert call is not None
            calls[place] = Moved(call.own_result(0))
        if self._limit is None:
            self._limit, self._most = max(1, len(stored) // 2), len(stored) or math.inf
        else:
            self._limit, self._most = max(1, self._limit // 2), max(1, self._limit - 1)
        self._taken = 0
        self._calls = deque(calls)
        self._parked = deque(one for one in calls if isinstance(one, Parked) and one.call is None)
        self._standing = sum(_call_of(one) is not None for one in calls)
        return True

    def _stop_what_is_under_way(self) -> list[CallFuture | Parked | Moved]:
        """Park what has not ended or found no room: it would go on taking what room there is, whatever its turn."""
        calls = list(self._calls)
        content = {}
        for place, one in enumerate(calls):
            call = _call_of(one)
            if isinstance(call, MappedCall) and (not call.done() or call.again is not None):
                again = call.again or self._door.content_of(call)
                if again is not None:
                    content[place] = call, again
        self._door.cancel([call for call, _ in content.values() if not call.done()])
        for place, (call, again) in content.items():
            if call.cancelled() or call.again is not None:
                calls[place] = Parked(again)
        return calls


def _call_of(one: CallFuture | Parked | Moved) -> CallFuture | None:
    if isinstance(one, Parked):
        return one.call
    return one if isinstance(one, CallFuture) else None


def _is_stored(call: CallFuture | None) -> bool:
    """Whether the call has a result that takes room in the store."""
    return call is not None and call.ref is not None and bool(call.ref.message.segment)


def _result_or_cancel(future: CallFuture, timeout: float | None) -> Any:
    try:
        return future.result(timeout)
    except BaseException:
        # Ctrl-C, or its time is over: nobody will ask for it any more.
        future.cancel()
        raise
    finally:
        # The error's traceback has this frame, and the future has the error.
        del future
