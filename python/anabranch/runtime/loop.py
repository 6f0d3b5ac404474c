"""The frame loop: tasks in, results out, in order and in batches."""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter_ns

from anabranch.runtime.environment import enter
from anabranch.runtime.frames import FrameChannel, FrameError
from anabranch.runtime.leftovers import Leftovers
from anabranch.runtime.libraries import LoadedLibraries
from anabranch.runtime.runner import TaskRunner, kind_of
from anabranch.runtime.surroundings import Surroundings
from anabranch.runtime.versions import installed_versions
from anabranch.store import Store
from anabranch.v1 import task_pb2
from anabranch.waiting import begin_task, end_task

DEFAULT_INLINE_THRESHOLD = 8192
# Half of what a worker hands over, so that more comes while the rest runs.
_BATCH = 64
_SHORT_NS = 1_000_000
# Results of tasks of no length: each time that some leave, worker, coordinator and client take the core in turn.
_TINY_NS = 100_000
_LONGEST_NS = 8_000_000


class TaskLoop:
    """Runs the tasks of one channel, one at a time, in the order in which they came.

    Results wait for the next ones only while tasks are short: they are sent when nothing is queued, when 1 ms has
    passed since the last were (8 ms while tasks take less than 0.1 ms), when 64 have gathered, and before a task that
    is not known to be short.

    Parameters
    ----------
    channel : FrameChannel
        The socket to the worker.
    progress : memoryview, optional
        One unsigned 64-bit number that the worker sees: the task that was begun last, or is about to be.
    make_runner : callable, default TaskRunner
        Makes what runs the tasks, of the store and the setup.
    """

    def __init__(
        self,
        channel: FrameChannel,
        progress: memoryview | None = None,
        make_runner: Callable[[Store, task_pb2.RuntimeSetup], TaskRunner] = TaskRunner,
    ) -> None:
        self._channel = channel
        self._make_runner = make_runner
        self._progress = memoryview(bytearray(8)).cast("Q") if progress is None else progress
        self._store: Store | None = None
        self._runner: TaskRunner | None = None
        self._surroundings: Surroundings | None = None
        self._leftovers: Leftovers | None = None
        self._has_suspects = False
        self._queue: deque[task_pb2.Task] = deque()
        self._done: list[bytes] = []
        self._flushed_ns = 0
        self._last_task_ns = _SHORT_NS + 1
        self._strays: frozenset = frozenset()
        self._libraries = LoadedLibraries()
        self._pid = os.getpid()
        self._is_in_task = False
        self._running = task_pb2.Task()
        self._last: bytes | None = None

    def run(self) -> None:
        """Serve until the worker closes its end, or a task has left threads at work that nothing else ends.

        Raises
        ------
        FrameError
            When the worker sends what is no frame, or a task before its setup.
        SetupError, StoreError
            When the setup cannot be done.
        OSError
            When results cannot be sent.
        """
        # What the worker sends when a task that was taken for short has kept answers waiting for long. It interrupts
        # system calls, else a task that waits in one would not be left for the handler; Python makes them again.
        signal.signal(signal.SIGURG, self._answer_now)
        while True:
            if self._has_suspects and not self._is_useful():
                return
            idle = not self._queue
            if idle:
                self._last = None
                self._flush()
                # With the worker gone nobody is left to wait for them: they end with this process.
                if self._has_suspects and not self._channel.has_ended:
                    continue
                self._collect_idle_views()
            else:
                # Announced before the socket is looked at for the last time: a withdrawal that is not seen then was
                # sent after the worker could see that the task has begun.
                self._progress[0] = self._queue[0].task
            try:
                for message in self._channel.receive(wait=idle):
                    self._accept(message)
            except EOFError:
                return
            if idle:
                self._flushed_ns = perf_counter_ns()
            if self._queue and self._progress[0] == self._queue[0].task and not idle:
                self._step(self._queue.popleft())

    def close(self) -> None:
        """Give up the store's writer; sealed objects outlive it."""
        if self._surroundings is not None:
            self._surroundings.close()
        if self._store is not None:
            self._store.close()

    def _accept(self, message: task_pb2.ToRuntime) -> None:
        if message.HasField("setup"):
            self._set_up(message.setup)
        if self._store is None:
            raise FrameError("the first frame has no setup")
        if message.releases:
            self._store.release(message.releases)
            self._runner.forget(message.releases)
        self._queue.extend(message.tasks)
        if message.cancels:
            self._cancel({(attempt.task, attempt.attempt) for attempt in message.cancels})

    def _set_up(self, setup: task_pb2.RuntimeSetup) -> None:
        if self._store is not None:
            raise FrameError("a second setup")
        enter(setup)
        self._store = Store(
            setup.store_path,
            writer=setup.writer or None,
            inline_threshold=setup.inline_threshold or DEFAULT_INLINE_THRESHOLD,
            budget=setup.store_budget,
        )
        self._runner = self._make_runner(self._store, setup)
        self._surroundings = Surroundings()
        # A driver's threads and processes are its cluster's.
        self._leftovers = Leftovers() if self._runner.runs_here else None
        hello = task_pb2.RuntimeHello(versions=installed_versions(), pid=os.getpid())
        self._channel.send(task_pb2.FromRuntime(hello=hello))

    def _cancel(self, attempts: set[tuple[int, int]]) -> None:
        kept: deque[task_pb2.Task] = deque()
        for task in self._queue:
            if (task.task, task.attempt) in attempts:
                self._done.append(self._runner.cancelled(task))
            else:
                kept.append(task)
        self._queue = kept

    def _step(self, task: task_pb2.Task) -> None:
        runner = self._runner
        if task.HasField("after") and not self._complete(task):
            self._done.append(runner.cancelled(task))
            return
        kind = kind_of(task)
        if not runner.is_short(kind) or self._last_task_ns > _SHORT_NS:
            self._announce(task)
        begun = perf_counter_ns()
        self._is_in_task = True
        self._running = task
        begin_task(self._tell_of_wait)
        try:
            result = runner.run(task, kind)
        finally:
            end_task()
        self._is_in_task = False
        if os.getpid() != self._pid:
            # The task forked and the child came back here: the socket and the results are the parent's.
            os._exit(0)
        self._end_client()
        if not self._channel.is_intact():
            # Nothing can be answered any more. Now it is plain whose fault it is; with the next task it would not be.
            raise OSError("the task has closed the runtime's socket")
        # When none follows, results leave: then all is looked at.
        if self._queue:
            self._surroundings.restore()
        ended = perf_counter_ns()
        self._last_task_ns = ended - begun
        self._libraries.look(of_estimators=kind[-1] != "call")
        self._done.append(result)
        self._last = result
        patience = _LONGEST_NS if self._last_task_ns < _TINY_NS else _SHORT_NS
        if self._queue and (len(self._done) >= _BATCH or ended - self._flushed_ns > patience):
            self._flush()

    def _is_useful(self) -> bool:
        """End processes that tasks have left at work; False when threads are that only this process's end ends."""
        self._flush()
        ended, threads = self._leftovers.judge(self._wait)
        self._has_suspects = self._leftovers.has_suspects
        if ended or threads:
            what = f"{len(ended)} processes" if ended else ""
            if threads:
                what += f"{' and ' if ended else ''}{threads} threads"
            node = f" of node {self._running.node}" if self._running.node else ""
            print(f"anabranch.runtime: a task{node} has ended and left {what} at work; they end now", file=sys.stderr)
        return threads == 0

    def _wait(self, seconds: float) -> bool:
        """Wait, and take what comes; False when the worker is gone, or a task waits whose time may be running out."""
        if not self._has_time():
            return False
        if select.select([self._channel], [], [], seconds)[0]:
            for message in self._channel.receive(wait=False):
                self._accept(message)
        return self._has_time()

    def _has_time(self) -> bool:
        return not self._channel.has_ended and not any(task.limits.timeout_ms for task in self._queue)

    def _announce(self, task: task_pb2.Task) -> None:
        try:
            self._flush(started=task)
        except OSError:
            # Tasks before it have closed what this needs: it ends with the last of them and was never begun.
            self._progress[0] = self._running.task
            raise

    def _complete(self, task: task_pb2.Task) -> bool:
        """Put the value of the task before this one where it was sent ahead for; False when it is not to be had."""
        if self._last is None:
            return False
        after, last = task.after, task_pb2.Result.FromString(self._last)
        if (last.task, last.attempt) != (after.task, after.attempt) or not last.HasField("success"):
            return False
        dependencies = task.call.dependencies
        if any(place >= len(dependencies) for place in after.arguments):
            return False
        for place in after.arguments:
            dependencies[place].CopyFrom(last.success.value)
        return True

    def _tell_of_wait(self, begins: bool) -> None:
        message = task_pb2.FromRuntime()
        told = message.waiting if begins else message.resumed
        told.task, told.attempt = self._running.task, self._running.attempt
        self._channel.send(message)

    @staticmethod
    def _end_client() -> None:
        # What a task submitted and did not wait for ends with it, as it would if its process ended.
        client = sys.modules.get("anabranch.process_client")
        if client is not None:
            # A task that closed what it had not opened has closed the client's descriptors too.
            with suppress(OSError):
                client.shutdown()

    def _flush(self, started: task_pb2.Task | None = None) -> None:
        message = task_pb2.FromRuntime()
        if started is not None:
            message.started.task = started.task
            message.started.attempt = started.attempt
        if self._store is not None:
            message.released.extend(self._ended_views())
        if self._done or started is not None or message.released:
            self._flush_output()
            self._surroundings.restore_all()
            results, self._done = self._done, []
            message.loaded.extend(self._libraries.take_news())
            self._channel.send(message, results)
            # While the results travel, and before a further task begins.
            if results and self._leftovers is not None:
                self._has_suspects = self._leftovers.look()
        if self._store is not None:
            self._store.sweep()
        self._flushed_ns = perf_counter_ns()

    def _answer_now(self, *_: object) -> None:
        """Send the results that are kept back, from within the task that keeps them."""
        # Elsewhere a frame may be half written, and in a child that the task has forked they are not its own.
        if self._is_in_task and self._done and os.getpid() == self._pid:
            results, self._done = self._done, []
            self._channel.send(task_pb2.FromRuntime(), results)

    def _ended_views(self) -> list:
        ended = self._store.take_released()
        if not ended:
            return ended
        # Opened again since its last view ended: a later result has reported it, and it is not free.
        alive = {(held.writer, held.sequence) for held in self._store.held()}
        return [identifier for identifier in ended if (identifier.writer, identifier.sequence) not in alive]

    def _collect_idle_views(self) -> None:
        """Free views that only reference cycles keep alive, before waiting for what may come much later."""
        if self._store is None:
            return
        strays = self._runner.stray_views()
        if strays and strays != self._strays:
            gc.collect()
            strays = self._runner.stray_views()
            self._flush()
        self._strays = strays

    @staticmethod
    def _flush_output() -> None:
        # The worker attributes output to tasks by the results between it. User code may have closed either stream.
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, OSError, ValueError):
                continue
