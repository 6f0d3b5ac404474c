"""A worker that is none: it joins a real coordinator and says what the test wants, true or not."""

from __future__ import annotations

import time
from typing import Any

import zmq
from cluster import PATIENCE

from anabranch.store import Store
from anabranch.v1 import control_pb2, task_pb2
from anabranch.versions import PROTOCOL, own_versions


class Impersonator:
    """Speaks a worker's part of the protocol on the test's own thread.

    Parameters
    ----------
    address : str
        The coordinator's control endpoint.
    store : path
        The coordinator's store.
    instance : int
        What tells one start of a worker from another.
    slots : int
        Tasks that it says it runs at a time.
    """

    def __init__(self, address: str, store: Any, instance: int, slots: int = 1) -> None:
        self.instance, self.slots = instance, slots
        self._path = str(store)
        self._context = zmq.Context()
        self._control = self._socket(zmq.DEALER)
        self._lane = self._socket(zmq.PULL)
        self._inbox = self._socket(zmq.PUSH)
        self.lane = f"ipc://{store}/lane-{instance:x}.sock"
        self._lane.bind(self.lane)
        self._control.connect(address)
        self.welcome = self.hello().worker_welcome
        self._inbox.connect(self.welcome.inbox)
        self._store = Store(self._path, inline_threshold=self.welcome.inline_threshold)
        self._pending: list[task_pb2.Task] = []
        #: What it says in its heartbeats that it has.
        self._held: dict[tuple[int, int], task_pb2.Task] = {}
        self.cancelled: list[tuple[int, int]] = []
        self._last_batch = 0

    def _socket(self, kind: int) -> zmq.Socket:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        return socket

    # ---- hello and goodbye

    def hello(self, instance: int | None = None) -> control_pb2.FromCoordinator:
        """Say hello (once more, or as one that was started again and has nothing) and return the answer."""
        if instance:
            self._held.clear()
        with open(f"{self._path}/identity") as file:
            identity = file.read().strip()
        body = control_pb2.WorkerHello(
            instance=instance or self.instance, lane=self.lane, slots=self.slots, host="nowhere", pid=self.instance,
            store=self._path, store_identity=identity, executors=["python"], versions=own_versions(),
        )  # fmt: skip
        message = control_pb2.ToCoordinator(protocol=PROTOCOL, request=1, worker_hello=body)
        self._control.send(message.SerializeToString())
        assert self._control.poll(int(PATIENCE * 1000)), "the coordinator does not answer a hello"
        return control_pb2.FromCoordinator.FromString(self._control.recv())

    def die(self) -> None:
        """End without a word."""
        self._store.close()
        for socket in (self._control, self._lane, self._inbox):
            socket.close()
        self._context.term()

    # ---- tasks

    def take(self, count: int = 1) -> list[task_pb2.Task]:
        """Return the next `count` tasks out of the lane."""
        while len(self._pending) < count:
            self._read()
        taken, self._pending = self._pending[:count], self._pending[count:]
        return taken

    def await_cancel(self, task: task_pb2.Task) -> None:
        """Wait until the coordinator wants nothing more of an attempt."""
        while (task.task, task.attempt) not in self.cancelled:
            self._read()

    def _read(self) -> None:
        """Read the next batch; who waits for it says that it is alive, however long that takes on a loaded machine."""
        deadline = time.monotonic() + PATIENCE
        while not self._lane.poll(100):
            assert time.monotonic() < deadline, "nothing comes down the lane"
            self.beat(*self._held.values())
        batch = task_pb2.TaskBatch.FromString(self._lane.recv())
        assert batch.epoch == self.welcome.epoch and batch.worker == self.welcome.worker
        self._last_batch = batch.number
        self._pending.extend(batch.tasks)
        self._held.update({(task.task, task.attempt): task for task in batch.tasks})
        self.cancelled.extend((attempt.task, attempt.attempt) for attempt in batch.cancels)

    # ---- results

    def success(self, task: task_pb2.Task, value: Any, store: Store | None = None) -> task_pb2.Result:
        """A result that says that a call returned `value`, which stands in a store of this worker's."""
        store = store or self._store
        result = task_pb2.Result(task=task.task, attempt=task.attempt, holder=store.writer)
        result.success.value.CopyFrom(store.put(value))
        return result

    def another_store(self) -> Store:
        """What another runtime of this worker writes to."""
        return Store(self._path, inline_threshold=self.welcome.inline_threshold)

    def say_closed(self, writer: int) -> None:
        """Tell that a runtime has ended."""
        self._send(task_pb2.ResultBatch(writers_opened=[writer]), None, None)
        self._send(task_pb2.ResultBatch(writers_closed=[writer]), None, None)

    def report(self, *results: task_pb2.Result, epoch: int | None = None, worker: int | None = None) -> None:
        """Send results in one message, in another's name or of another epoch if need be."""
        for result in results:
            self._held.pop((result.task, result.attempt), None)
        self._send(task_pb2.ResultBatch(results=results), epoch, worker)

    def beat(self, *running: task_pb2.Task) -> None:
        """Send a heartbeat that lists these tasks."""
        attempts = [task_pb2.Attempt(task=t.task, attempt=t.attempt) for t in running]
        heartbeat = task_pb2.Heartbeat(running=attempts, last_batch=self._last_batch)
        self._send(task_pb2.ResultBatch(heartbeat=heartbeat), None, None)

    def beat_until(self, done: Any, *running: task_pb2.Task) -> None:
        """Stay alive until something has happened elsewhere."""
        deadline = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < deadline, "it never happens"
            self.beat(*running)
            self._lane.poll(100)

    def _send(self, batch: task_pb2.ResultBatch, epoch: int | None, worker: int | None) -> None:
        batch.protocol = PROTOCOL
        batch.epoch = self.welcome.epoch if epoch is None else epoch
        batch.worker = self.welcome.worker if worker is None else worker
        self._inbox.send(batch.SerializeToString())
