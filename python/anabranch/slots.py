"""How many tasks the pool runs at a time."""

from __future__ import annotations

from anabranch.client import current
from anabranch.errors import ConnectionFailed
from anabranch.v1 import control_pb2


def pool_slots() -> int:
    """Return the slots of the workers that take tasks; starts an embedded pool when there is none.

    Raises
    ------
    ConnectionFailed
        When the pool has no worker.
    """
    client = current()
    status = client.ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest())).status
    slots = sum(worker.slots for worker in status.workers if worker.state == "active")
    if slots == 0:
        raise ConnectionFailed(
            f"the coordinator at {client.address} has no worker: start one with `anabranch worker --address ...`"
        )
    return slots
