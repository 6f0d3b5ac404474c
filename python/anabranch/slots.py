"""How many tasks the pool runs at a time."""

from __future__ import annotations

import os
import time

from anabranch.cores import available_cores
from anabranch.errors import ConnectionFailed
from anabranch.process_client import connected, current
from anabranch.v1 import control_pb2

#: Seconds that a pool has to come by a worker: one that has just been started may still be on its way.
PATIENCE = 10.0
_AGAIN = 0.01


def pool_slots(patience: float = PATIENCE) -> int:
    """Return the slots of the workers that take tasks; starts an embedded pool when there is none.

    Parameters
    ----------
    patience : float
        Seconds to wait for a first worker.

    Raises
    ------
    ConnectionFailed
        When the pool has no worker in that time.
    """
    deadline = time.monotonic() + patience
    while True:
        slots = slots_now()
        if slots:
            return slots
        if time.monotonic() >= deadline:
            raise ConnectionFailed(
                f"the coordinator at {current().address} has had no worker for {patience:g} s (fixed): "
                "start one with `anabranch worker --address ...`"
            )
        time.sleep(_AGAIN)


def expected_slots() -> int:
    """Return the slots of the pool, or those that an embedded one would have if it were started; starts none."""
    if connected() is None and not os.environ.get("ANABRANCH_ADDRESS"):
        return available_cores()
    return pool_slots()


def slots_now() -> int:
    """Return the slots of the workers that take tasks at this moment, 0 when there is none; one round trip."""
    return sum(worker.slots for worker in _active_workers())


def free_slots() -> int:
    """Return the slots that run nothing at this moment; one round trip."""
    return sum(max(worker.slots - worker.running, 0) for worker in _active_workers())


def _active_workers() -> list[control_pb2.WorkerStatus]:
    status = current().ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest())).status
    return [worker for worker in status.workers if worker.state == "active" and not _is_spark(worker)]


def start_spark() -> None:
    """Have a worker for nodes of Spark where the pool is this process's own; a standing cluster says what it waits for.

    Raises
    ------
    ConnectionFailed
        When none can be started; the message says what is missing.
    """
    client = current()
    if client.pool is not None:
        client.pool.start_spark(_has_spark)


def _has_spark() -> bool:
    status = current().ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest())).status
    return any(worker.state == "active" and _is_spark(worker) for worker in status.workers)


def _is_spark(worker: control_pb2.WorkerStatus) -> bool:
    # Its slots take nothing but nodes of Spark.
    return any(label.startswith("spark-memory=") for label in worker.labels)
