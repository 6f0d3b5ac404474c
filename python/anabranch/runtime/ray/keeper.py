"""Who submits a worker's tasks to Ray, and so owns what they leave there; it ends with the worker."""

from __future__ import annotations

import os
import select
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any

from anabranch.runtime.ray.leavings import remove_leavings
from anabranch.runtime.ray.site import Place, run_task
from anabranch.store.elsewhere import REFUSED

#: Seconds for what a keeper answers at once.
PATIENCE = 60.0
# Seconds in which Ray has ended what was cancelled.
_KILLING = 5.0
_NAMESPACE = "anabranch"


class Keeper:
    """A Ray actor on the worker's host that holds references, and gives bytes to whoever reads them there.

    Parameters
    ----------
    worker : int
        Process id; the keeper ends with that process.
    """

    def __init__(self, worker: int) -> None:
        self._kept: dict[str, tuple[Any, int, str]] = {}
        #: What each slot's process has under way: one task, or none.
        self._running: dict[int, Any] = {}
        self._lock = threading.Lock()
        self._directory = tempfile.mkdtemp(prefix=f"anabranch-keeper-{os.getuid()}-")
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(f"{self._directory}/socket")
        self._server.listen(64)
        process = os.pidfd_open(worker)
        threading.Thread(target=self._end_with, args=(process,), daemon=True).start()
        threading.Thread(target=self._serve, daemon=True).start()

    def address(self) -> str:
        """Return the path of the socket at which bytes are asked for."""
        return f"{self._directory}/socket"

    def submit(
        self,
        slot: int,
        wanted: Mapping[str, float],
        setup: bytes,
        task: bytes,
        places: Sequence[Place],
        containers: Sequence[Any],
    ) -> list[Any]:
        """Hand a task to Ray and return the references of what `run_task` returns.

        Parameters
        ----------
        slot : int
            Process id of the driver that waits; the Ray task is cancelled when that process ends.
        wanted : mapping
            Amounts by Ray's names of resources.
        setup, task, places, containers
            As of `run_task`.
        """
        import ray

        references = (
            ray.remote(run_task)
            .options(
                num_cpus=wanted["CPU"],
                memory=wanted.get("memory"),
                # The engine counts attempts, and knows which failures are worth another one.
                max_retries=0,
                num_returns=3,
            )
            .remote(setup, task, places, *containers)
        )
        with self._lock:
            is_known = slot in self._running
            self._running[slot] = references[0]
        if not is_known:
            try:
                process = os.pidfd_open(slot)
            except ProcessLookupError:
                self._cancel(slot)
            else:
                threading.Thread(target=self._cancel_with, args=(slot, process), daemon=True).start()
        return references

    def keep(self, objects: Sequence[tuple[str, list[Any], int, str]]) -> None:
        """Hold (token, [reference], place in what it refers to, path of the stand-in's segment) until released."""
        with self._lock:
            # A slot that has died releases nothing: the coordinator removes its segments when nobody needs them.
            gone = {path for path in {path for _, _, path in self._kept.values()} if not os.path.exists(path)}
            self._kept = {token: kept for token, kept in self._kept.items() if kept[2] not in gone}
            self._kept.update((token, (reference, index, path)) for token, (reference,), index, path in objects)

    def find(self, tokens: Iterable[str]) -> list[tuple[Any, int]]:
        """Return (reference, place in what it refers to), with None for a reference that is not held."""
        with self._lock:
            return [self._kept.get(token, (None, 0, ""))[:2] for token in tokens]

    def release(self, tokens: Iterable[str]) -> None:
        """Let Ray free these."""
        with self._lock:
            for token in tokens:
                self._kept.pop(token, None)

    def _cancel_with(self, slot: int, process: int) -> None:
        _wait_for_end(process)
        self._cancel(slot)
        remove_leavings(_KILLING)

    def _cancel(self, slot: int) -> None:
        import ray

        with self._lock:
            answer = self._running.pop(slot, None)
        if answer is not None:
            ray.cancel(answer, force=True)

    def _end_with(self, process: int) -> None:
        _wait_for_end(process)
        import ray

        with self._lock:
            running = list(self._running.values())
        for answer in running:
            ray.cancel(answer, force=True)
        shutil.rmtree(self._directory, ignore_errors=True)
        remove_leavings(_KILLING)
        os._exit(0)

    def _serve(self) -> None:
        while True:
            connection, _ = self._server.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        import ray

        # Whoever has gone in the middle needs nothing.
        with connection, suppress(OSError):
            connection.settimeout(PATIENCE)
            token = connection.makefile("rb").readline(256).decode(errors="replace").strip()
            ((reference, index),) = self.find([token])
            try:
                if reference is None:
                    raise LookupError("it was released")
                data = ray.get(reference)[index]
            except Exception as error:
                connection.sendall(REFUSED.to_bytes(8, "little") + str(error).encode()[:2000])
                return
            connection.sendall(len(data).to_bytes(8, "little"))
            connection.sendall(data)


def _wait_for_end(process: int) -> None:
    """Wait for the end of the process with this descriptor, and close it."""
    poll = select.poll()
    poll.register(process, select.POLLIN)
    poll.poll()
    os.close(process)


def keeper_of(ray: ModuleType, worker: int) -> Any:
    """Return the handle of a worker's keeper, which is started when there is none."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    node = ray.get_runtime_context().get_node_id()
    return (
        ray.remote(Keeper)
        .options(
            name=f"keeper-{node}-{worker}",
            namespace=_NAMESPACE,
            get_if_exists=True,
            lifetime="detached",
            num_cpus=0,
            max_concurrency=1,
            # Its socket and the worker are here.
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        )
        .remote(worker)
    )
