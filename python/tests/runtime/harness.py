"""A real runtime process behind a socket pair, spoken to as a worker speaks to it."""

from __future__ import annotations

import mmap
import os
import signal
import socket
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anabranch.data import Xy
from anabranch.store import Store
from anabranch.v1 import common_pb2, task_pb2

TIME_LIMIT = 120.0
FOLD = common_pb2.Dimension(kind=common_pb2.DIMENSION_KIND_FOLD, owner="cv")
PARTITION = common_pb2.Dimension(kind=common_pb2.DIMENSION_KIND_DATA, owner="partition", positional=True)

SINGLE = task_pb2.INPUT_FORM_SINGLE
EDGES = task_pb2.INPUT_FORM_EDGES
LIST = task_pb2.INPUT_FORM_LIST
LIST_OF_EDGES = task_pb2.INPUT_FORM_LIST_OF_EDGES


class RuntimeHarness:
    """Starts ``python -m anabranch.runtime`` and stands in for its worker, and for the client that put the data.

    Parameters
    ----------
    store : Store
        The client's; its directory is the runtime's too.
    set_up : bool
        Send the setup frame and wait for the hello.
    **setup
        Fields of the setup frame.
    """

    def __init__(self, store: Store, *, set_up: bool = True, **setup: Any) -> None:
        self.store = store
        self.frames: list[task_pb2.FromRuntime] = []
        self._results: deque[task_pb2.Result] = deque()
        self._tasks = 0
        self._buffer = b""
        ours, theirs = socket.socketpair()
        self.socket = ours
        ours.settimeout(TIME_LIMIT)
        page = os.memfd_create("progress")
        os.ftruncate(page, 8)
        self._page = mmap.mmap(page, 8)
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "anabranch.runtime", "--fd", str(theirs.fileno()), "--progress", str(page)],
                pass_fds=[theirs.fileno(), page],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        finally:
            theirs.close()
            os.close(page)
        self.hello: task_pb2.RuntimeHello | None = None
        if set_up:
            fields = {"slot": 3, "threads": 1, "sys_path": [str(Path(__file__).parent)], **setup}
            self.send(task_pb2.ToRuntime(setup=task_pb2.RuntimeSetup(store_path=store.path, **fields)))
            self.hello = self.receive().hello

    def __enter__(self) -> RuntimeHarness:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> tuple[int, str, str]:
        """Close the socket; return exit status, standard output and standard error."""
        self.socket.close()
        self._page.close()
        try:
            out, err = self.process.communicate(timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.communicate()
            raise
        return self.process.returncode, out.decode(), err.decode()

    @property
    def begun(self) -> int:
        """The number of the task that it has announced last, 0 before the first."""
        return int.from_bytes(self._page[:8], sys.byteorder)

    # ---- frames

    def send(self, message: task_pb2.ToRuntime) -> None:
        self.send_bytes(message.SerializeToString())

    def send_bytes(self, body: bytes) -> None:
        self.socket.sendall(struct.pack("<I", len(body)) + body)

    def receive(self) -> task_pb2.FromRuntime:
        """The next frame."""
        while len(self._buffer) < 4 or len(self._buffer) < 4 + struct.unpack_from("<I", self._buffer)[0]:
            data = self.socket.recv(1 << 20)
            if not data:
                raise EOFError("the runtime has closed its socket")
            self._buffer += data
        length = struct.unpack_from("<I", self._buffer)[0]
        message = task_pb2.FromRuntime.FromString(self._buffer[4 : 4 + length])
        self._buffer = self._buffer[4 + length :]
        self.frames.append(message)
        self._results.extend(message.results)
        return message

    def result(self) -> task_pb2.Result:
        """The next result."""
        while not self._results:
            self.receive()
        return self._results.popleft()

    # ---- tasks

    def task(self, node: str = "node", **work: Any) -> task_pb2.Task:
        """A task with the next number."""
        self._tasks += 1
        return task_pb2.Task(task=self._tasks, attempt=1, run=1, node=node, **work)

    def run(self, node: str = "node", **work: Any) -> task_pb2.Result:
        """Send one task and return its result."""
        self.send(task_pb2.ToRuntime(tasks=[self.task(node, **work)]))
        return self.result()

    def succeed(self, node: str = "node", **work: Any) -> task_pb2.Success:
        """Send one task, which must succeed."""
        result = self.run(node, **work)
        assert result.WhichOneof("outcome") == "success", result.failure.traceback or result.failure
        return result.success

    def fail(self, node: str = "node", **work: Any) -> task_pb2.Failure:
        """Send one task, which must fail."""
        result = self.run(node, **work)
        assert result.WhichOneof("outcome") == "failure", result.success
        return result.failure

    # ---- data

    def put(self, value: Any) -> common_pb2.ObjectRef:
        return self.store.put(value)

    def data(
        self, X: Any, y: Any = None, sample_weight: Any = None, groups: Any = None, row_ids: Any = None
    ) -> common_pb2.Data:
        """Data whose every column is a new object."""
        data = common_pb2.Data()
        columns = {"x": X, "y": y, "sample_weight": sample_weight, "groups": groups, "row_ids": row_ids}
        for field, value in columns.items():
            if value is not None:
                getattr(data, field).object.CopyFrom(self.store.put(value))
        return data

    def view(self, view: common_pb2.View) -> Any:
        value = self.store.get(view.object)
        return value[self.store.get(view.rows)] if view.HasField("rows") else value

    def opened(self, data: common_pb2.Data) -> Xy:
        """What the data shows, of arrays."""
        fields = ("y", "sample_weight", "groups", "row_ids")
        columns = {field: self.view(getattr(data, field)) for field in fields if data.HasField(field)}
        return Xy(self.view(data.x), **columns)

    # ---- work

    def call_work(
        self, function: Any, *arguments: Any, dependencies: Sequence[Any] = (), **keywords: Any
    ) -> task_pb2.CallWork:
        """A call; a `Dependency` among the arguments stands for a reference."""
        packed = self.store.put(
            (arguments, keywords),
            persistent_id=lambda value: ("ref", value.index) if isinstance(value, Dependency) else None,
        )
        return task_pb2.CallWork(function=self.put(function), arguments=packed, dependencies=dependencies)


class Dependency:
    """Stands for the i-th dependency among the arguments of a call."""

    def __init__(self, index: int) -> None:
        self.index = index


def single(data: common_pb2.Data) -> task_pb2.Input:
    return task_pb2.Input(form=SINGLE, items=[task_pb2.InputItem(edges=[data])])


def edges(*data: common_pb2.Data) -> task_pb2.Input:
    return task_pb2.Input(form=EDGES, items=[task_pb2.InputItem(edges=data)])


def gathered(*data: common_pb2.Data) -> task_pb2.Input:
    return task_pb2.Input(form=LIST, items=[task_pb2.InputItem(edges=[item]) for item in data])


def partition_key(index: int) -> common_pb2.Key:
    return common_pb2.Key(parts=[common_pb2.KeyPart(dimension=PARTITION, integer=index)])


def open_descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
