"""A `concurrent.futures.Executor` over the pool."""

from __future__ import annotations

import concurrent.futures
import functools
import itertools
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from anabranch.call_bytes import CallBytes, entry, submission
from anabranch.call_future import CallFuture, succeed
from anabranch.calls import ArgumentFailed, Arguments, Functions, chunk_call, exception_of
from anabranch.errors import ConnectionFailed
from anabranch.failures import Failure
from anabranch.in_order import Door, InOrder, MappedCall
from anabranch.node import Native, parse_bytes
from anabranch.process_client import current
from anabranch.references import Ref
from anabranch.v1 import control_pb2, task_pb2
from anabranch.waiting import waiting

if TYPE_CHECKING:
    from anabranch.timeline import CallTimeline

_Future = TypeVar("_Future", bound=CallFuture)

#: Calls that leave in one message, at most.
BATCH = 1024


class _General:
    """A call whose arguments are more than small atoms, and what has to stand until it has been answered."""

    __slots__ = ("awaited", "call", "kept", "named")

    def __init__(self, call: control_pb2.Call, named: CallBytes, awaited: list[CallFuture], kept: list[Ref]) -> None:
        self.call = call
        self.named = named
        self.awaited = awaited
        self.kept = kept


class Executor(concurrent.futures.Executor):
    """Runs calls on the pool, with the interface of `ProcessPoolExecutor`.

    Differences: an argument may be an `ab.Ref` or a future of the same executor, whose value the function then gets (a
    chain runs without coming back here); large arrays are stored once and mapped; functions of ``__main__`` and lambdas
    work. A call that runs can be cancelled. Arrays in results are read-only views of the store. A function of
    ``__main__`` travels with the variables that it reads, as they are when it is submitted; of one that is larger than
    64 KB a change in place is not seen: pass it as an argument.

    Parameters
    ----------
    timeout : float, optional
        Seconds that one call may take.
    memory : int or str, optional
        Bytes that one call may allocate.
    threads : int, optional
        Cores that one call uses.
    retries : int
        Further attempts for a call that killed its process.
    trace : path, optional
        File for the timeline of the calls, in the Chrome trace event format; complete after `shutdown`.
    """

    def __init__(
        self,
        *,
        timeout: float | None = None,
        memory: int | str | None = None,
        threads: int | None = None,
        retries: int = 0,
        trace: str | os.PathLike[str] | None = None,
    ) -> None:
        for name, value in {"timeout": timeout, "threads": threads, "retries": retries}.items():
            if value is not None and value < 0:
                raise ValueError(f"{name}={value}: must not be negative")
        self.client = current()
        limits = task_pb2.Limits(
            # Less than a millisecond is not no limit at all.
            timeout_ms=math.ceil((timeout or 0) * 1000),
            memory_bytes=parse_bytes(memory, "executor"),
            threads=threads or 0,
        )
        self._common = control_pb2.Call(retries=retries)
        if timeout or memory or threads:
            self._common.limits.CopyFrom(limits)
        self._functions = Functions(self.client)
        self._arguments = Arguments(self.client, self)
        self._numbers = itertools.count(1)
        self._queue: deque[bytes] = deque()
        self._last_bytes: CallBytes | None = None
        self._cancels: deque[int] = deque()
        self._pending: dict[int, CallFuture] = {}
        # What calls need that have not been answered, cancelled ones too: an object that is released before its call is
        # sent would be gone when the call comes.
        self._kept: dict[int, tuple[CallBytes, tuple] | _General] = {}
        self._idle = threading.Condition()
        self._ended = threading.Event()
        self._shut = False
        self._lost: ConnectionFailed | None = None
        self._timeline: CallTimeline | None = None
        if trace is not None:
            from anabranch.timeline import CallTimeline

            self._timeline = CallTimeline(trace)
        assert self.client.store is not None
        self._store = self.client.store
        session = control_pb2.OpenSession(name="executor")
        self._run = self.client.begin_run(control_pb2.ToCoordinator(open_session=session), self._own)
        self.client.connection.add_outbox(self._outbox)
        self.client.executors.add(self)

    def _own(self, run: int) -> int:
        self.client.subscribe(run, self._results, self._lose)
        return run

    # ---- calls

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> CallFuture:
        """Queue a call and return its future.

        Parameters
        ----------
        fn : callable, or what `ab.native` names
        *args, **kwargs
            Anything that can be pickled; references and futures stand for their values.

        Raises
        ------
        TypeError
            When the function or an argument cannot be pickled.
        RuntimeError
            After `shutdown`.
        """
        return self._sent(self._submit(self._named(fn), args, kwargs))

    def _sent(self, future: _Future) -> _Future:
        # The first of several leaves at once. Those behind it gather until the connection's thread comes to them.
        if len(self._pending) == 1 or len(self._queue) >= BATCH:
            self.client.connection.flush()
        else:
            self.client.connection.wake()
        return future

    def _named(self, fn: Callable) -> CallBytes:
        if self._shut:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if isinstance(fn, Native):
            return CallBytes(self._native(fn), None, self._store.writer, fn.function)
        function = self._functions.reference(fn)
        last = self._last_bytes
        if last is None or last.function is not function:
            name = getattr(fn, "__qualname__", type(fn).__name__)
            last = self._last_bytes = CallBytes(self._common, function, self._store.writer, name)
        return last

    def _submit(
        self,
        named: CallBytes,
        args: tuple,
        kwargs: dict,
        made: Callable[[int, Executor], _Future] = CallFuture,
    ) -> _Future:
        if self._lost is not None:
            raise self._lost
        number = next(self._numbers)
        future = made(number, self)
        data = None if kwargs else self._arguments.plain(args)
        if data is None:
            try:
                encoded, kept = self._general(number, named, args, kwargs)
            except ArgumentFailed as failed:
                future.fail(failed.error)
                return future
        elif named.function is None:
            # A native function takes references; it does not see other values.
            encoded, kept = named.bare(number), (named, args)
        else:
            encoded, kept = named.python(number, self._store.number(len(data)), data), (named, args)
        self._enter(future, named.name, encoded, kept)
        return future

    def _enter(self, future: CallFuture, name: str, encoded: bytes, kept: tuple | _General) -> None:
        number = future.number
        if self._timeline is not None:
            self._timeline.submitted(number, name)
        self._kept[number] = kept
        self._pending[number] = future
        self._queue.append(encoded)
        if self._lost is not None:
            self._lose(self._lost)

    def _general(self, number: int, named: CallBytes, args: tuple, kwargs: dict) -> tuple[bytes, _General]:
        call = control_pb2.Call(call=number)
        call.MergeFrom(named.common)
        if named.function is not None:
            call.work.function.CopyFrom(named.function.message)
        awaited, kept = self._arguments.encode(args, kwargs, call.work)
        if awaited:
            call.after.extend(one.number for one in awaited)
        return entry(call), _General(call, named, awaited, kept)

    def _content_of(self, call: CallFuture) -> tuple | _General | None:
        kept = self._kept.get(call.number)
        # What it waits for is known by the numbers of its calls, as long as these are to come.
        return None if isinstance(kept, _General) and kept.awaited else kept

    def _submit_again(self, content: tuple | _General) -> MappedCall:
        if self._shut:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if isinstance(content, tuple):
            named, args = content
            return self._sent(self._submit(named, args, {}, MappedCall))
        if self._lost is not None:
            raise self._lost
        future = MappedCall(next(self._numbers), self)
        content.call.call = future.number
        self._enter(future, content.named.name, entry(content.call), content)
        return self._sent(future)

    def map(
        self,
        fn: Callable,
        *iterables: Iterable,
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[Any]:
        """Return an iterator over the results of ``fn(*items)``, in the order of the arguments.

        Parameters
        ----------
        timeout : float, optional
            Seconds from the call of `map` until a result must be there.
        chunksize : int
            Arguments that one task takes. Calls travel in batches anyway: 1 is right but for tiny functions.
        buffersize : int, optional
            Tasks that are submitted ahead of the result that was taken last; all of them when not given. Where their
            results do not fit into the store together, fewer stand ahead from then on, and calls that found no room,
            or had begun, are made once more: give a `buffersize` where that costs much.
        """
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        if buffersize is not None and buffersize < 1:
            raise ValueError("buffersize must be None or > 0")
        deadline = None if timeout is None else time.monotonic() + timeout
        items = zip(*iterables)
        calls: Iterator[MappedCall]
        if chunksize == 1 and buffersize is None:
            # Named once: what a callable object says is that of the moment of the call.
            calls = self._submit_all(self._named(fn), items)
        elif chunksize == 1:
            calls = (self._sent(self._submit(self._named(fn), item, {}, MappedCall)) for item in items)
        else:
            chunks = iter(lambda: list(itertools.islice(items, chunksize)), [])
            calls = (self._sent(self._submit(self._named(chunk_call), (fn, one), {}, MappedCall)) for one in chunks)
        door = Door(self._content_of, self._submit_again, self._cancel_all, self._abandon, lambda: self._shut)
        results = InOrder(door, itertools.islice(calls, buffersize), calls, deadline).results()
        return results if chunksize == 1 else itertools.chain.from_iterable(results)

    def _submit_all(self, named: CallBytes, items: Iterable[tuple]) -> Iterator[MappedCall]:
        try:
            for place, item in enumerate(items):
                yield self._submit(named, item, {}, MappedCall)
                # The first ones leave at once, and then as many as fill a message.
                if place % BATCH == 0:
                    self.client.connection.flush()
        finally:
            self.client.connection.flush()

    def _abandon(self, futures: list[CallFuture]) -> None:
        # Maybe found by a collection of garbage, in the midst of anything on any thread.
        if futures:
            self.client.connection.defer(functools.partial(self._cancel_all, futures))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Whoever leaves by Ctrl-C does not want to wait for all that is queued.
        self.shutdown(cancel_futures=kind is not None and issubclass(kind, KeyboardInterrupt))

    def cancel(self, future: CallFuture) -> bool:
        """Cancel one call that has not ended, begun or not; what `CallFuture.cancel` does."""
        if future.cancelled():
            return True
        self._cancel_all([future])
        return future.cancelled()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls, and wait for those that there are.

        Parameters
        ----------
        wait : bool
        cancel_futures : bool
            Cancel the calls that have not ended, as `CallFuture.cancel` does: those that run are stopped.
        """
        if self._shut and not self._pending:
            return
        self._shut = True
        if cancel_futures:
            self._cancel_all(list(self._pending.values()))
        if wait:
            with waiting(), self._idle:
                self._idle.wait_for(lambda: not self._pending)
            self._end()
            # The connection's thread may have begun to end it, and not written the trace yet.
            self._ended.wait()
        elif not self._pending:
            self._end()

    # ---- the connection's side

    def _native(self, function: Native) -> control_pb2.Call:
        import json

        call = control_pb2.Call(native_function=function.function)
        if function.parameters:
            call.native_parameters = json.dumps(function.parameters, sort_keys=True, separators=(",", ":")).encode()
        call.MergeFrom(self._common)
        return call

    def _outbox(self) -> Iterator[control_pb2.ToCoordinator | bytes]:
        queue = self._queue
        while queue:
            yield submission(self._run, [queue.popleft() for _ in range(min(len(queue), BATCH))])
        # Behind the calls: a cancel must not overtake its call.
        if self._cancels:
            cancel = control_pb2.CancelCalls(run=self._run)
            while self._cancels:
                cancel.calls.append(self._cancels.popleft())
            yield control_pb2.ToCoordinator(cancel_calls=cancel)

    def _results(self, results: Any) -> None:
        if not isinstance(results, control_pb2.CallResults):
            return
        if self._timeline is not None:
            self._timeline.ended(results.results)
        pending = self._pending
        answered = []
        numbers = []
        for result in results.results:
            number = result.call
            numbers.append(number)
            future = pending.get(number)
            if result.HasField("value"):
                value = result.value
                if value.segment:
                    ref = Ref(value, self.client)
                    # Of one that was cancelled here, the value that came nevertheless is given back at once.
                    if future is not None:
                        future.hold(ref)
                if future is not None:
                    answered.append((future, result))
            else:
                failure = Failure(result.failure, self.client)
                if future is not None:
                    if isinstance(future, MappedCall) and result.failure.kind == task_pb2.FAILURE_KIND_STORE_FULL:
                        future.again = self._content_of(future)
                    future.fail(self._error_of_argument(number) or exception_of(failure), result)
        succeed(answered)
        for number in numbers:
            self._kept.pop(number, None)
        self._forget(numbers)

    def _error_of_argument(self, number: int) -> BaseException | None:
        """Return what the future among a call's arguments raised that has failed, and the call with it."""
        kept = self._kept.get(number)
        if isinstance(kept, _General):
            for one in kept.awaited:
                if one.done() and not one.cancelled() and (error := one.exception(0)):
                    return error
        return None

    def _forget(self, numbers: list[int]) -> None:
        for number in numbers:
            self._pending.pop(number, None)
        # Nobody waits for that before it is shut down.
        if self._shut and not self._pending:
            with self._idle:
                self._idle.notify_all()
            self._end()

    def _lose(self, error: ConnectionFailed) -> None:
        self._lost = error
        for number in list(self._pending):
            future = self._pending.pop(number, None)
            if future is not None:
                future.fail(error)
        self._kept.clear()
        self._forget([])

    def _cancel_all(self, futures: Iterable[CallFuture]) -> None:
        cancelled = [future.number for future in futures if future.cancel_quietly()]
        if cancelled:
            self._cancels.extend(cancelled)
            self.client.connection.wake()
            self._forget(cancelled)

    def _end(self) -> None:
        with self._idle:
            run, self._run = self._run, 0
        if run == 0:
            return
        try:
            self.client.unsubscribe(run)
            if self._timeline is not None:
                self._timeline.close()
            try:
                self.client.connection.remove_outbox(self._outbox)
            except ValueError:
                return
            self._kept.clear()
            if self.client.alive:
                self.client.tell(control_pb2.ToCoordinator(close_run=control_pb2.CloseRun(run=run)))
        finally:
            self._ended.set()
