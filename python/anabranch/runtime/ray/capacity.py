"""Whether a cluster can ever run what a task asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import monotonic
from types import ModuleType
from typing import Any

from anabranch.runtime.errors import TaskRefused

#: Seconds that a cluster has to get a node which can hold the task: one that has died may come back.
PATIENCE = 10.0
# Between two looks at the nodes.
_LOOK = 2.0


def lacking(wanted: Mapping[str, float], nodes: Iterable[Mapping[str, Any]]) -> str:
    """Say what no living node has enough of, and what they have; empty when one of them could run the task.

    Parameters
    ----------
    wanted : mapping
        Amounts by Ray's names of resources; memory in bytes.
    nodes : iterable
        As `ray.nodes()` tells them.
    """
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    if any(all(node.get(name, 0) >= amount for name, amount in wanted.items()) for node in alive):
        return ""
    if not alive:
        return "the cluster has no living node"
    most = {name: max(node.get(name, 0) for node in alive) for name in wanted}
    short = [name for name, amount in wanted.items() if most[name] < amount]
    if not short:
        asked = " and ".join(_amount(name, amount) for name, amount in wanted.items())
        return f"it asks for {asked}, which no one of the cluster's {len(alive)} nodes has together"
    return "; ".join(
        f"it asks for {_amount(name, wanted[name])} ({_SETTINGS.get(name, name)}), and the largest of the cluster's "
        f"{len(alive)} nodes has {_amount(name, most[name])}"
        for name in short
    )


def wait_for(ray: ModuleType, answer: Any, wanted: Mapping[str, float], name: str, patience: float = PATIENCE) -> Any:
    """Return a Ray task's value, however long it waits and runs, as long as some node can hold it.

    Raises
    ------
    TaskRefused
        When for ``patience`` seconds no node of the cluster could; the Ray task is cancelled.
    RayError
        As of `ray.get`.
    """
    since = None
    while True:
        lack = lacking(wanted, ray.nodes())
        since = (since or monotonic()) if lack else None
        if since is not None and monotonic() - since >= patience:
            ray.cancel(answer, force=True)
            raise TaskRefused(
                f"{name} cannot be placed on the Ray cluster: {lack}; none that has it came within {patience:.0f} s "
                "(fixed). Ask for less, or add such a node"
            )
        done, _ = ray.wait([answer], timeout=_LOOK)
        if done:
            return ray.get(answer)


_SETTINGS = {"CPU": "threads=, else --threads-per-slot", "memory": "its memory ceiling, else --memory-per-slot"}


def _amount(name: str, amount: float) -> str:
    return f"{amount / (1 << 20):.0f} MiB of memory" if name == "memory" else f"{amount:g} {name}"
