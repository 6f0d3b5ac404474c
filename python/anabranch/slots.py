"""How many tasks the pool runs at a time."""

from __future__ import annotations

import time

from anabranch.client import current
from anabranch.errors import ConnectionFailed
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
                f"the coordinator at {current().address} has had no worker for {patience:g} s: "
                "start one with `anabranch worker --address ...`"
            )
        time.sleep(_AGAIN)


def slots_now() -> int:
    """Return the slots of the workers that take tasks at this moment, 0 when there is none; one round trip."""
    status = current().ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest())).status
    return sum(worker.slots for worker in status.workers if worker.state == "active")
