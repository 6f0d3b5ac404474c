"""What an error of Ray's says of a task: its own death, or something that happened to it."""

from __future__ import annotations

from typing import Any

from anabranch.v1 import task_pb2


def kind_of_fault(error: Exception, faults: Any) -> int | None:
    """Return the kind of failure that one of Ray's errors is; None for what is none of Ray's.

    Parameters
    ----------
    error : Exception
    faults : module
        `ray.exceptions`.

    Notes
    -----
    - The task's own death, not tried again unless `retries` says so: its process has crashed (`KILLED`), or was chosen
      by Ray's memory monitor when its node ran out (`MEMORY`).
    - What costs an attempt (`WORKER_LOST`): a node died, or an object with one; the keeper ended or is silent.
    """
    if isinstance(error, faults.OutOfMemoryError):
        return task_pb2.FAILURE_KIND_MEMORY
    if isinstance(error, faults.WorkerCrashedError):
        return task_pb2.FAILURE_KIND_KILLED
    lost = (
        faults.NodeDiedError, faults.LocalRayletDiedError, faults.ObjectLostError, faults.RayActorError,
        faults.GetTimeoutError,
    )  # fmt: skip
    return task_pb2.FAILURE_KIND_WORKER_LOST if isinstance(error, lost) else None
