"""One task after the other: its work, its limits, its warnings, and the result that answers it."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from time import monotonic_ns

from anabranch.runtime.calling import call
from anabranch.runtime.context import TaskContext
from anabranch.runtime.environment import peak_memory, task_limits
from anabranch.runtime.errors import TaskRefused
from anabranch.runtime.failures import failure_of
from anabranch.runtime.payloads import PayloadCache
from anabranch.runtime.recorder import WarningRecorder
from anabranch.store import Store
from anabranch.v1 import common_pb2, task_pb2

_PAYLOAD_BYTES = 128 << 20
_MODEL_BYTES = 64 << 20
_SHORT_NS = 1_000_000
_KNOWN_DURATIONS = 4096
# A function that was taken for short and took so long is not trusted again before it was short so many times in a row.
_LONG_NS = 10_000_000
_DISTRUST = 256
_WARNINGS = 20
_LONGEST_WARNING = 1000


#: What tasks that take about as long have in common: the function that they call, or run and node; last the work.
Kind = tuple[int, int, str] | tuple[int, str, str | None]


def kind_of(task: task_pb2.Task) -> Kind:
    """Return a task's kind."""
    work = task.WhichOneof("work")
    if work == "call":
        function = task.call.function
        return function.writer, function.sequence, work
    return task.run, task.node, work


class TaskRunner:
    """Runs tasks in this process and keeps what they share: loaded functions, estimators and models.

    Parameters
    ----------
    store : Store
    setup : RuntimeSetup
        The slot's limits.
    """

    #: Tasks run in this process, which is theirs alone.
    runs_here = True

    def __init__(self, store: Store, setup: task_pb2.RuntimeSetup) -> None:
        self._store = store
        self._setup = setup
        self._payloads = PayloadCache(_PAYLOAD_BYTES)
        self._models = PayloadCache(_MODEL_BYTES)
        self._stubborn: set[str] = set()
        self._short_runs: dict[Kind, int] = {}
        self._peak = _PeakMemory()
        self._recorder = WarningRecorder()

    def run(self, task: task_pb2.Task, kind: Kind) -> bytes:
        """Run one task, of this kind, and return the bytes of its `Result`.

        Whatever its code raises is its failure; nothing comes out of here.
        """
        store = self._store
        node = task.node
        if node:
            node = node.partition(":")[0]
        context = self._context(node)
        begun = monotonic_ns()
        success = failure = None
        self._recorder.begin()
        try:
            work = _work_of(kind[-1])
            if task.HasField("limits") and (task.limits.threads or task.limits.memory_bytes):
                with task_limits(task.limits, self._setup):
                    success = self._perform(work, context, task)
            else:
                success = self._perform(work, context, task)
        except BaseException as error:
            # Nobody will ever name what a failed task has written.
            store.release(context.written)
            failure = self._failure(error, task)
        context.restore_generators()
        caught = self._recorder.end()
        elapsed = monotonic_ns() - begun
        self._remember(kind, elapsed)
        if caught:
            _report(caught, success)
        bytes_in, bytes_out, bytes_copied = store.take_counters()
        result = task_pb2.Result(
            task=task.task,
            attempt=task.attempt,
            success=success,
            failure=failure,
            usage={
                "open_us": context.open_ns // 1000,
                "compute_us": max(elapsed - context.open_ns - context.store_ns, 0) // 1000,
                "store_us": context.store_ns // 1000,
                "bytes_in": bytes_in,
                "bytes_out": bytes_out,
                "bytes_copied": bytes_copied,
                "peak_memory_bytes": self._peak.after(elapsed),
                "readonly_retries": context.readonly_retries,
                "started_us": begun // 1000,
                "slot": self._setup.slot,
            },
            holder=store.writer,
        )
        del context
        held = store.held()
        if held:
            result.held.extend(held)
        return result.SerializeToString()

    def _context(self, node: str) -> TaskContext:
        return TaskContext(self._store, self._payloads, self._models, self._stubborn, node)

    def _perform(
        self, work: Callable[[TaskContext, task_pb2.Task], task_pb2.Success], context: TaskContext, task: task_pb2.Task
    ) -> task_pb2.Success:
        return work(context, task)

    def _failure(self, error: BaseException, task: task_pb2.Task) -> task_pb2.Failure:
        return failure_of(error, self._store, self._setup, task.limits)

    def use(self, store: Store) -> None:
        """Read from and write to another store from now on; what has been loaded is kept, by ids that both share."""
        self._store = store

    def forget(self, ids: Iterable[common_pb2.ObjectId]) -> None:
        """Give up what is kept outside of the store for objects that nobody needs any more."""

    def cancelled(self, task: task_pb2.Task) -> bytes:
        """Return the bytes of the `Result` of a task that was cancelled before it began."""
        return task_pb2.Result(
            task=task.task,
            attempt=task.attempt,
            holder=self._store.writer,
            failure=task_pb2.Failure(
                kind=task_pb2.FAILURE_KIND_CANCELLED, message="cancelled before it began", slot=self._setup.slot
            ),
        ).SerializeToString()

    def is_short(self, kind: Kind) -> bool:
        """Whether tasks of this kind have lately taken less than 1 ms."""
        return self._short_runs.get(kind, 0) > 0

    def stray_views(self) -> frozenset[tuple[int, int]]:
        """Return objects, as (writer, sequence), of which views are alive for another reason than the caches."""
        held = {(identifier.writer, identifier.sequence) for identifier in self._store.held()}
        return frozenset(held - self._payloads.keys() - self._models.keys()) if held else frozenset()

    def _remember(self, kind: Kind, elapsed: int) -> None:
        short_runs = self._short_runs.get(kind, 0)
        if len(self._short_runs) >= _KNOWN_DURATIONS:
            self._short_runs.clear()
        if elapsed < _SHORT_NS:
            self._short_runs[kind] = short_runs + 1
        else:
            # The first call loads the function, and any may have lost its core for a moment.
            self._short_runs[kind] = -_DISTRUST if short_runs > 0 and elapsed >= _LONG_NS else min(short_runs, 0)


class _PeakMemory:
    """The process's peak, asked for when it can have grown: a task of microseconds touches little fresh memory."""

    _BRIEF_NS = 100_000
    _BRIEF_TASKS = 64

    def __init__(self) -> None:
        self._known = 0
        self._brief = self._BRIEF_TASKS

    def after(self, elapsed: int) -> int:
        """Return bytes, after a task of so many nanoseconds."""
        self._brief += 1
        if elapsed >= self._BRIEF_NS or self._brief >= self._BRIEF_TASKS:
            self._brief = 0
            self._known = peak_memory()
        return self._known


def _work_of(work: str | None) -> Callable[[TaskContext, task_pb2.Task], task_pb2.Success]:
    # Imported when first needed: a child that runs plain functions needs none of these.
    if work == "call":
        return call
    if work == "fit":
        from anabranch.runtime.fitting import fit

        return fit
    if work == "apply":
        from anabranch.runtime.applying import apply

        return apply
    if work == "combine":
        from anabranch.runtime.combining import combine

        return combine
    if work == "split":
        from anabranch.runtime.splitting import split

        return split
    raise TaskRefused(f"a Python runtime has no {work or 'unknown'} tasks: native functions run in the worker itself")


def _report(caught: list[warnings.WarningMessage], success: task_pb2.Success | None) -> None:
    """Send warnings with a success; a failure's go to standard error, whose last lines travel with it."""
    texts = dict.fromkeys(_text(warning) for warning in caught)
    shown = list(texts)[:_WARNINGS]
    if len(texts) > _WARNINGS:
        shown.append(f"{len(texts) - _WARNINGS} more warnings")
    if success is not None:
        success.warnings.extend(text.encode("utf-8", "backslashreplace").decode() for text in shown)
    else:
        # User code may have closed the stream.
        with suppress(OSError, ValueError):
            print("\n".join(shown), file=sys.stderr)


def _text(warning: warnings.WarningMessage) -> str:
    try:
        return f"{warning.category.__name__}: {warning.message}"[:_LONGEST_WARNING]
    except Exception:
        return f"{warning.category.__name__}: its message cannot be shown"
