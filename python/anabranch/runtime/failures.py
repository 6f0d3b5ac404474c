"""What an exception becomes: a failure with its kind, whole traceback, and the exception itself when it can travel."""

from __future__ import annotations

import io
import os
import pickle
import socket
import traceback
from collections.abc import Iterator

from anabranch.carried import SAID, carried
from anabranch.runtime.environment import peak_memory
from anabranch.runtime.errors import CannotCross, TaskRefused
from anabranch.store import ObjectLost, Store, StoreFull
from anabranch.v1 import common_pb2, task_pb2

_OWN_DIRECTORY = os.path.dirname(os.path.abspath(__file__)) + os.sep
_LARGEST_EXCEPTION = 1 << 16
_LONGEST_TEXT = 1 << 18


def failure_of(
    error: BaseException, store: Store, setup: task_pb2.RuntimeSetup, limits: task_pb2.Limits
) -> task_pb2.Failure:
    """Return the failure that ``error`` makes of its task.

    Parameters
    ----------
    error : BaseException
        Whatever came out of the task, SystemExit and KeyboardInterrupt included.
    store : Store
        Takes the pickled exception.
    setup : RuntimeSetup
        Says which slot this is.
    limits : Limits
        The task's own; the memory ceiling is the slot's where they have none.
    """
    kind = _kind(error)
    message = _message(error)
    if kind == task_pb2.FAILURE_KIND_MEMORY:
        # What filled the memory hangs on the frames: without it there is room to report.
        traceback.clear_frames(error.__traceback__)
    failure = task_pb2.Failure(kind=kind, host=socket.gethostname(), slot=setup.slot)
    shown = error
    if kind == task_pb2.FAILURE_KIND_UNPICKLABLE and error.__cause__ is not None:
        shown = error.__cause__
    elif kind == task_pb2.FAILURE_KIND_MEMORY:
        failure.peak_memory_bytes = peak_memory()
        under = _ceiling(limits, setup)
        message = f"out of memory{under} (peak {_mebibytes(failure.peak_memory_bytes)}): {message or 'MemoryError'}"
    if isinstance(error, ObjectLost):
        failure.lost.writer, failure.lost.sequence = error.writer, error.sequence
    failure.message = _clean(message)
    if kind != task_pb2.FAILURE_KIND_INVALID or error.__cause__ is not None:
        # A refusal is the runtime's own: its message says all, unless the user's code caused it.
        failure.traceback = _clean(remote_traceback(error))
    if kind != task_pb2.FAILURE_KIND_INVALID:
        failure.type = _qualified(type(shown))
    if kind == task_pb2.FAILURE_KIND_EXCEPTION:
        pickled = _pickled(error, store)
        if pickled is not None:
            failure.exception.CopyFrom(pickled)
    return failure


def remote_traceback(error: BaseException) -> str:
    """Return the traceback as Python prints it, without the frames by which the runtime called the user's code."""
    try:
        report = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
        for part in _chain(report):
            theirs = [frame for frame in part.stack if not frame.filename.startswith(_OWN_DIRECTORY)]
            if theirs:
                part.stack = traceback.StackSummary.from_list(theirs)
        return "".join(report.format())
    except Exception as problem:
        # A user's __str__ or __repr__ may raise; its own failure must not hide that there was one.
        return f"{_qualified(type(error))}: the traceback cannot be shown ({_qualified(type(problem))})\n"


def _kind(error: BaseException) -> int:
    if isinstance(error, TaskRefused):
        return task_pb2.FAILURE_KIND_INVALID
    if isinstance(error, CannotCross):
        return task_pb2.FAILURE_KIND_UNPICKLABLE
    if isinstance(error, StoreFull):
        return task_pb2.FAILURE_KIND_STORE_FULL
    if isinstance(error, ObjectLost):
        return task_pb2.FAILURE_KIND_OBJECT_LOST
    if isinstance(error, MemoryError):
        return task_pb2.FAILURE_KIND_MEMORY
    return task_pb2.FAILURE_KIND_EXCEPTION


def _message(error: BaseException) -> str:
    try:
        notes = [note for note in getattr(error, "__notes__", ()) if isinstance(note, str)]
        return "\n".join([str(error), *notes])
    except Exception as problem:
        return f"(its message cannot be shown: {_qualified(type(problem))})"


def _qualified(kind: type) -> str:
    module = kind.__module__
    return kind.__qualname__ if module in ("builtins", "__main__") else f"{module}.{kind.__qualname__}"


def _chain(report: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    waiting = [report]
    while waiting:
        part = waiting.pop()
        yield part
        waiting.extend(cause for cause in (part.__cause__, part.__context__) if cause is not None)
        waiting.extend(getattr(part, "exceptions", None) or ())


def _pickled(error: BaseException, store: Store) -> common_pb2.ObjectRef | None:
    """The exception as an object, when it survives the journey and is no way to smuggle a data set along."""
    try:
        try:
            sent, travels = error, _travels(error, type(error))
        except Exception:
            sent = carried(error)
            travels = _travels(sent, type(error))
        if not travels and vars(error).pop(SAID, None) is not None:
            # Without what was said before it, it may.
            return _pickled(error, store)
        return store.put(sent) if travels else None
    except Exception:
        return None


def _travels(sent: object, kind: type[BaseException]) -> bool:
    from anabranch.store.pickler import Pickler

    buffer = io.BytesIO()
    Pickler(buffer, protocol=5).dump(sent)
    return buffer.tell() <= _LARGEST_EXCEPTION and type(pickle.loads(buffer.getvalue())) is kind


def _clean(text: str) -> str:
    # Lone surrogates (file names) are no protobuf strings.
    return text[:_LONGEST_TEXT].encode("utf-8", "backslashreplace").decode("utf-8")


def _ceiling(limits: task_pb2.Limits, setup: task_pb2.RuntimeSetup) -> str:
    if limits.memory_bytes:
        return f" under a memory ceiling of {_mebibytes(limits.memory_bytes)} (memory=)"
    if setup.memory_bytes:
        return f" under a memory ceiling of {_mebibytes(setup.memory_bytes)} (--memory-per-slot)"
    return ""


def _mebibytes(count: int) -> str:
    return f"{count / (1 << 20):.0f} MiB"
