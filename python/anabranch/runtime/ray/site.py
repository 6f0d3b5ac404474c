"""The far side: a Ray worker process that runs tasks on objects which came with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anabranch.runtime.environment import enter
from anabranch.runtime.loop import DEFAULT_INLINE_THRESHOLD
from anabranch.runtime.ray.leavings import remove_leavings, task_directory
from anabranch.runtime.ray.references import references_in, staying
from anabranch.runtime.runner import TaskRunner, kind_of
from anabranch.store import ObjectLost, Store
from anabranch.store.reading import SegmentReader
from anabranch.v1 import common_pb2, task_pb2

#: An object of a task: (writer, sequence), and its place in the lists of bytes that came with it.
Place = tuple[tuple[int, int], tuple[int, int]]
#: The bytes of a `Result`, of the objects that are the shared store's, and of those that stay in Ray.
Written = tuple[bytes, list[Any], list[Any]]


class CarriedStore(Store):
    """A store of one task, whose inputs are bytes in Ray's object store, read in place."""

    def __init__(self, path: str, inline_threshold: int, objects: Mapping[tuple[int, int], Any]) -> None:
        super().__init__(path, inline_threshold=inline_threshold)
        self._reader = _CarriedReader(self._reader, self.writer, objects)

    def _root(self, ref: common_pb2.ObjectRef, data: memoryview) -> Any:
        # Ray counts the views of what is its own, and nobody reuses the rest while the store lives.
        import numpy as np

        return np.frombuffer(data, np.uint8)


class _CarriedReader:
    """Stands before a store's reader: objects of others are carried, the process's own are in its segments."""

    def __init__(self, own: SegmentReader, writer: int, objects: Mapping[tuple[int, int], Any]) -> None:
        self._own = own
        self._writer = writer
        self._objects = objects

    def bytes(self, writer: int, sequence: int, segment: int, offset: int, length: int) -> memoryview:
        if writer == self._writer:
            return self._own.bytes(writer, sequence, segment, offset, length)
        data = self._objects.get((writer, sequence))
        if data is None:
            raise ObjectLost(writer, sequence, "it did not come with the task")
        return memoryview(data).toreadonly()

    def sweep(self) -> None:
        self._own.sweep()

    def close(self) -> None:
        self._own.close()


class Site:
    """What tasks of one slot share in a Ray worker process: loaded functions, estimators and models.

    What a task writes goes into a directory that ends with the task: Ray ends its processes without a word.
    """

    def __init__(self, setup: task_pb2.RuntimeSetup) -> None:
        # The session is the raylet's to end.
        enter(setup, leads=False)
        remove_leavings()
        self._inline_threshold = setup.inline_threshold or DEFAULT_INLINE_THRESHOLD
        self._setup = setup
        self._runner: TaskRunner | None = None

    def run(self, task: task_pb2.Task, objects: Mapping[tuple[int, int], Any]) -> Written:
        """Return the bytes of the `Result`, of what the task wrote for the shared store, and of what stays in Ray."""
        with task_directory() as directory:
            store = CarriedStore(directory, self._inline_threshold, objects)
            try:
                return self._run(task, store)
            finally:
                store.close()

    def _run(self, task: task_pb2.Task, store: CarriedStore) -> Written:
        import numpy as np

        if self._runner is None:
            self._runner = TaskRunner(store, self._setup)
        else:
            self._runner.use(store)
        result = task_pb2.Result.FromString(self._runner.run(task, kind_of(task)))
        own = [ref for ref in references_in(result) if ref.writer == store.writer and ref.segment]
        stays = staying(task, result)
        leaving, left = [], []
        for ref in own:
            data = np.frombuffer(store.encoded(ref), np.uint8).copy()
            (left if (ref.writer, ref.sequence) in stays else leaving).append(data)
        return result.SerializeToString(), leaving, left


_site: Site | None = None


def run_task(setup: bytes, task: bytes, places: Sequence[Place], *containers: list[Any]) -> Written:
    """Run a task here; the body of every Ray task of this package.

    Parameters
    ----------
    setup, task : bytes
        A `RuntimeSetup` and a `Task`.
    places : sequence
        Where, among the containers, the objects are that the task names.
    containers : list of arrays of bytes

    Returns
    -------
    result : bytes
        The `Result`.
    leaving, left : list of arrays of bytes
        The objects that it names, in its order: those for the shared store, and those that are `staying`.
    """
    global _site
    if _site is None:
        _site = Site(task_pb2.RuntimeSetup.FromString(setup))
    objects = {key: containers[container][index] for key, (container, index) in places}
    return _site.run(task_pb2.Task.FromString(task), objects)
