"""Failures of tasks as values and as exceptions."""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING, Any

from anabranch.codec import key_from_message
from anabranch.errors import TaskCancelled, TaskError, TaskKilled, TaskOutOfMemory, TaskTimeout
from anabranch.keys import Key
from anabranch.v1 import common_pb2, task_pb2

if TYPE_CHECKING:
    from anabranch.client import Client

_KINDS = {number: name.removeprefix("FAILURE_KIND_").lower() for name, number in task_pb2.FailureKind.items()}
_CLASSES: dict[int, type[TaskError]] = {
    task_pb2.FAILURE_KIND_KILLED: TaskKilled,
    task_pb2.FAILURE_KIND_MEMORY: TaskOutOfMemory,
    task_pb2.FAILURE_KIND_TIMEOUT: TaskTimeout,
    task_pb2.FAILURE_KIND_CANCELLED: TaskCancelled,
}

# A parameter may be an array or a whole estimator.
_short = reprlib.Repr()
_short.maxdict = _short.maxother = _short.maxstring = 200


class RemoteTraceback(Exception):
    """Shows a task's traceback as the cause of its exception."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


class CannotCome(TypeError):
    """A call's result cannot be pickled, or its function and arguments not be loaded."""


class Failure:
    """Why a key has no result.

    Attributes
    ----------
    kind : str
        ``exception``, ``killed``, ``timeout``, ``memory``, ``store_full``, ``unpicklable``, ``cancelled``,
        ``object_lost``, ``worker_lost``, ``invalid`` or ``skipped``.
    type : str
        Class of a Python exception, fully qualified; empty otherwise.
    message, traceback, output : str
        What was said, where, and the last lines that the task printed.
    node : str
    key : Key
    params : dict
        The parameters of the variants in the key, of a run's entry; see `Entry.params`.
    attempt : int
    host : str
    slot : int
    peak_memory : int
        Bytes.
    """

    def __init__(self, message: task_pb2.Failure, client: Client | None = None) -> None:
        self.kind = _KINDS.get(message.kind, "unknown")
        self.type = message.type
        self.message = message.message
        self.traceback = message.traceback
        self.output = message.output_tail
        self.node = message.node
        self.key: Key = key_from_message(message.key)
        self.params: dict[str, Any] = {}
        self.attempt = message.attempt
        self.host = message.host
        self.slot = message.slot
        self.peak_memory = message.peak_memory_bytes
        self._class = _CLASSES.get(message.kind, TaskError)
        self._pickled = None
        if message.HasField("exception"):
            kept = common_pb2.ObjectRef()
            kept.CopyFrom(message.exception)
            self._pickled = client.received(kept) if client is not None else None

    def exception(self) -> BaseException:
        """Return the exception that the task raised, or the one that says how else it failed."""
        error: BaseException | None = None
        if self._pickled is not None:
            try:
                value = self._pickled.get()
            except Exception:
                value = None
            error = value if isinstance(value, BaseException) else None
        if error is None:
            error = self._class(self.describe())
        if self.traceback:
            error.__cause__ = RemoteTraceback(self.traceback)
        return error

    def describe(self) -> str:
        """Return one text with what happened, to whom, and the last output."""
        said = f"{self.type}: {self.message}" if self.type and not self.message.startswith(self.type) else self.message
        said = said or self.kind.replace("_", " ")
        place = [f"node {self.node!r}"] if self.node else []
        if self.key:
            place.append(f"key {self.key}")
        if self.params:
            place.append(f"parameters {_short.repr(self.params)}")
        if self.attempt > 1:
            # One that killed its process would have been tried again, had it any left.
            place.append(f"attempt {self.attempt}{', no retries= left' if self.kind == 'killed' else ''}")
        if self.peak_memory and self.kind in ("memory", "killed", "timeout"):
            place.append(f"peak memory {self.peak_memory / (1 << 20):.0f} MiB")
        text = said + (f" ({', '.join(place)})" if place else "")
        tail = self.output.rstrip()
        return text + (f"\nlast output:\n{tail}" if tail else "")

    def __str__(self) -> str:
        return self.describe()

    def __repr__(self) -> str:
        return f"Failure({self.kind}, {self.message!r})"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        names = ("kind", "type", "message", "traceback", "output", "node", "attempt", "host", "slot")
        return {**{name: getattr(self, name) for name in names}, "key": dict(self.key)}
