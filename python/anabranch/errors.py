"""The exceptions that Anabranch raises; each says what happened, where, and what can be done."""

from __future__ import annotations

from typing import Any

__all__ = [
    "AnabranchError",
    "ConnectionFailed",
    "GraphError",
    "RequestError",
    "RunError",
    "SaveError",
    "TaskCancelled",
    "TaskError",
    "TaskKilled",
    "TaskOutOfMemory",
    "TaskTimeout",
    "VersionMismatch",
]


class AnabranchError(Exception):
    """Anything that Anabranch itself raises."""


class GraphError(AnabranchError, ValueError):
    """A graph that cannot run.

    Attributes
    ----------
    node : str
        Name of the node that is at fault; empty when no single one is.
    """

    def __init__(self, message: str, node: str = "") -> None:
        super().__init__(message)
        self.node = node


class RequestError(AnabranchError, ValueError):
    """A request that is wrong: inputs, options, an unknown run, a key that does not exist."""


class ConnectionFailed(AnabranchError, ConnectionError):
    """No coordinator answers at the address, or the one that did is gone."""


class VersionMismatch(AnabranchError):
    """Client and coordinator cannot work together; the message names both versions."""


class SaveError(AnabranchError, ValueError):
    """A saved path that cannot be written, or cannot be loaded here."""


class RunError(AnabranchError):
    """A run that finished with failed keys (raised with ``on_error="raise"``), or was cancelled while waited for.

    Attributes
    ----------
    run : Run
        The run, with everything that succeeded.
    """

    def __init__(self, message: str, run: Any = None) -> None:
        super().__init__(message)
        self.run = run


class TaskError(AnabranchError):
    """A task that has no result, and whose cause is no exception of the user's code."""


class TaskKilled(TaskError):
    """The Python process of a task died under it (a signal, an exit)."""


class TaskOutOfMemory(TaskError, MemoryError):
    """A task that could not allocate what it wanted; the message has its memory ceiling and its peak."""


class TaskTimeout(TaskError, TimeoutError):
    """A task ran longer than its ``timeout``."""


class TaskCancelled(TaskError):
    """A task that was cancelled before it ended."""
