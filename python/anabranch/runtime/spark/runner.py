"""Tasks with Spark stages: the ordinary runner, over a session that the worker's keeper holds."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from anabranch.runtime.failures import failure_of
from anabranch.runtime.runner import Kind, TaskRunner
from anabranch.runtime.spark.collected import CollectedExchange
from anabranch.runtime.spark.handover import StoreExchange
from anabranch.runtime.spark.joined import JoinedSession
from anabranch.runtime.spark.link import KeeperLink, SessionLost, SessionRefused
from anabranch.runtime.spark.outlet import Outlet
from anabranch.runtime.spark.stored import SparkTaskContext
from anabranch.spark.exchange import Exchange, exchanging
from anabranch.store import Store
from anabranch.v1 import common_pb2, task_pb2

#: Errors by which a broken connection to a JVM shows.
_BROKEN = ("Py4JNetworkError", "ConnectionRefusedError", "ConnectionResetError", "BrokenPipeError", "EOFError")


class SparkTaskRunner(TaskRunner):
    """Runs tasks with the session that the keeper at ``address`` holds.

    Parameters
    ----------
    store : Store
    setup : RuntimeSetup
    address : str
        Path of the keeper's socket.
    """

    def __init__(self, store: Store, setup: task_pb2.RuntimeSetup, address: str) -> None:
        super().__init__(store, setup)
        self._link = KeeperLink(address)
        self._outlet: Outlet | None = None
        self._joined: JoinedSession | None = None

    def run(self, task: task_pb2.Task, kind: Kind) -> bytes:
        """Run one task and return the bytes of its `Result`."""
        try:
            session = self._link.begin()
            if self._joined is None or self._joined.session is not session:
                directory = os.path.dirname(self._link.address)
                self._joined = JoinedSession(session, self._link.generation, directory, self._setup.threads)
        except (SessionLost, SessionRefused) as error:
            return self._unstarted(task, error)
        except Exception as error:
            # The JVM may have died between its answer and the handshake.
            if self._link.death(suspected=True) is None:
                return self._unstarted(task, error)
            return self._unstarted(task, SessionLost(f"the Spark session ended before the task began: {error}"))
        try:
            return super().run(task, kind)
        finally:
            self._link.end()

    def is_short(self, kind: Kind) -> bool:
        """Whether results may wait for the next: jobs are long."""
        return False

    def forget(self, ids: Iterable[common_pb2.ObjectId]) -> None:
        """See `TaskRunner`; a session that has died has forgotten everything."""
        if self._joined is not None and self._joined.frames is not None:
            with suppress(Exception):
                self._joined.frames.forget(ids)

    def _context(self, node: str) -> Any:
        return SparkTaskContext(self._store, self._payloads, self._models, self._stubborn, node)

    def _perform(self, work: Any, context: Any, task: task_pb2.Task) -> task_pb2.Success:
        with exchanging(self._exchange(context)):
            return super()._perform(work, context, task)

    def _exchange(self, context: Any) -> Exchange:
        joined = self._joined
        assert joined is not None
        if not joined.sees_the_store:
            return CollectedExchange(joined.session, joined.generation, context)
        if self._outlet is None:
            self._outlet = Outlet(self._store, os.path.dirname(self._link.address))
        return StoreExchange(joined, context, self._store, self._outlet)

    def _failure(self, error: BaseException, task: task_pb2.Task) -> task_pb2.Failure:
        failure = super()._failure(error, task)
        if isinstance(error, Exception) and failure.kind == task_pb2.FAILURE_KIND_EXCEPTION:
            cause = self._link.death(suspected=_is_broken(error))
            if cause is not None:
                _lost(failure, f"the JVM of the Spark session died under the task: {cause}")
            elif type(error).__name__ == "Py4JJavaError":
                # Its object is of the JVM, and means nothing elsewhere.
                failure.ClearField("exception")
        return failure

    def _unstarted(self, task: task_pb2.Task, error: Exception) -> bytes:
        failure = failure_of(error, self._store, self._setup, task.limits)
        if isinstance(error, SessionLost):
            _lost(failure, str(error))
        return task_pb2.Result(
            task=task.task, attempt=task.attempt, failure=failure, holder=self._store.writer,
            usage={"slot": self._setup.slot},
        ).SerializeToString()  # fmt: skip


def _lost(failure: task_pb2.Failure, message: str) -> None:
    failure.kind = task_pb2.FAILURE_KIND_WORKER_LOST
    failure.message = message
    # Nothing that user code has raised.
    for field in ("exception", "type", "traceback"):
        failure.ClearField(field)


def _is_broken(error: BaseException | None) -> bool:
    seen = 0
    while error is not None and seen < 10:
        if type(error).__name__ in _BROKEN:
            return True
        error = error.__cause__ or error.__context__
        seen += 1
    return False
