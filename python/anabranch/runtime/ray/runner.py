"""The near side: a slot's process hands its tasks to Ray and brings back what they wrote."""

from __future__ import annotations

from collections import OrderedDict
from time import monotonic_ns
from typing import Any

from anabranch.runtime.failures import failure_of
from anabranch.runtime.ray.joining import join
from anabranch.runtime.ray.references import references_in
from anabranch.runtime.ray.site import Place, run_task
from anabranch.runtime.runner import Kind, TaskRunner
from anabranch.store import Store
from anabranch.v1 import task_pb2

# Of what a slot keeps in Ray for tasks to come.
_KEPT_BYTES = 256 << 20


class RayTaskRunner(TaskRunner):
    """Runs each task as a Ray task with the resources that its limits ask for, and waits for it.

    Parameters
    ----------
    store : Store
    setup : RuntimeSetup
    address : str
        The cluster's ``HOST:PORT``.

    Raises
    ------
    SetupError
        When the cluster cannot be joined.
    """

    def __init__(self, store: Store, setup: task_pb2.RuntimeSetup, address: str) -> None:
        super().__init__(store, setup)
        self._ray = join(address)
        # Neither the store nor an ipc address means anything on another host.
        far = task_pb2.RuntimeSetup()
        far.CopyFrom(setup)
        far.address = far.store_path = ""
        self._far_setup = far.SerializeToString()
        self._remote = self._ray.remote(run_task)
        self._kept: OrderedDict[tuple[int, int], tuple[Any, int, int]] = OrderedDict()
        self._kept_bytes = 0

    def run(self, task: task_pb2.Task, kind: Kind) -> bytes:
        """Run one task on the cluster and return the bytes of its `Result`."""
        begun = monotonic_ns()
        try:
            result = self._on_the_cluster(task)
        except Exception as error:
            result = self._failed(task, error)
        result.task, result.attempt = task.task, task.attempt
        result.holder = self._store.writer
        del result.held[:]
        result.usage.started_us = begun // 1000
        result.usage.slot = self._setup.slot
        return result.SerializeToString()

    def is_short(self, kind: Kind) -> bool:
        """Whether results may wait for the next: a round through Ray is long."""
        return False

    def _on_the_cluster(self, task: task_pb2.Task) -> task_pb2.Result:
        memory = task.limits.memory_bytes or self._setup.memory_bytes
        remote = self._remote.options(
            num_cpus=task.limits.threads or self._setup.threads or 1,
            memory=memory or None,
            # The engine counts attempts, and knows which failures are worth another one.
            max_retries=0,
            num_returns=2,
        )
        places, containers = self._carried(task)
        answer, written = remote.remote(self._far_setup, task.SerializeToString(), places, *containers)
        result = task_pb2.Result.FromString(self._ray.get(answer))
        self._bring_back(result, written)
        return result

    def _carried(self, task: task_pb2.Task) -> tuple[list[Place], list[Any]]:
        """Return where the task's objects are, and the Ray references that they are in."""
        containers: dict[Any, int] = {}
        places: dict[tuple[int, int], tuple[int, int]] = {}
        for ref in references_in(task):
            key = (ref.writer, ref.sequence)
            if ref.segment == 0 or key in places:
                continue
            if key in self._kept:
                self._kept.move_to_end(key)
            else:
                import numpy as np

                data = self._store.encoded(ref)
                self._keep(key, self._ray.put([np.frombuffer(data, np.uint8)]), 0, ref.length)
            container, index, _ = self._kept[key]
            places[key] = (containers.setdefault(container, len(containers)), index)
        self._shrink()
        return list(places.items()), list(containers)

    def _bring_back(self, result: task_pb2.Result, written: Any) -> None:
        """Give what the task wrote names of this slot's writer, and the large objects places in the shared store."""
        store = self._store
        refs = [ref for ref in references_in(result) if ref.writer == result.holder]
        large = [ref for ref in refs if ref.segment]
        found = self._ray.get(written) if large else ()
        for index, (ref, data) in enumerate(zip(large, found, strict=True)):
            ref.CopyFrom(store.put_encoded(data, ref.encoding))
            # A task of this slot that reads it finds it in Ray.
            self._keep((ref.writer, ref.sequence), written, index, ref.length)
        for ref in refs:
            # Those that have a place have their new names.
            if not ref.segment:
                ref.writer, ref.sequence = store.writer, store.number(ref.length)
        self._shrink()

    def _keep(self, key: tuple[int, int], container: Any, index: int, length: int) -> None:
        self._kept[key] = (container, index, length)
        self._kept_bytes += length

    def _shrink(self) -> None:
        while self._kept_bytes > _KEPT_BYTES:
            _, (_, _, length) = self._kept.popitem(last=False)
            self._kept_bytes -= length

    def _failed(self, task: task_pb2.Task, error: Exception) -> task_pb2.Result:
        failure = failure_of(error, self._store, self._setup, task.limits)
        faults = self._ray.exceptions
        # What was kept may have been on the node that has died: the next attempt brings its inputs from the store.
        self._kept.clear()
        self._kept_bytes = 0
        if isinstance(error, (faults.NodeDiedError, faults.ObjectLostError)):
            failure.kind = task_pb2.FAILURE_KIND_WORKER_LOST
        elif isinstance(error, faults.OutOfMemoryError):
            failure.kind = task_pb2.FAILURE_KIND_MEMORY
        elif isinstance(error, faults.WorkerCrashedError):
            failure.kind = task_pb2.FAILURE_KIND_KILLED
        return task_pb2.Result(failure=failure)
