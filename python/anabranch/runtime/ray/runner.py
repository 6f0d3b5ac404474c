"""The near side: a slot's process hands its tasks to Ray and brings back what they wrote."""

from __future__ import annotations

import os
import socket
from collections import OrderedDict
from collections.abc import Iterable
from time import monotonic_ns
from typing import Any

from anabranch import pieces
from anabranch.runtime.failures import failure_of
from anabranch.runtime.ray.capacity import wait_for
from anabranch.runtime.ray.carried import Carried
from anabranch.runtime.ray.faults import kind_of_fault
from anabranch.runtime.ray.joining import join
from anabranch.runtime.ray.keeper import PATIENCE as KEEPER_PATIENCE
from anabranch.runtime.ray.keeper import keeper_of
from anabranch.runtime.ray.references import LARGE, references_in, staying
from anabranch.runtime.runner import Kind, TaskRunner
from anabranch.store import Store
from anabranch.store.directory import segment_path, used_bytes
from anabranch.store.elsewhere import Elsewhere
from anabranch.v1 import common_pb2, task_pb2

# Of what a slot keeps in Ray for tasks to come.
_KEPT_BYTES = 256 << 20
# How a pickle names that module's functions: as every pickle of something that can be imported.
_PIECES = pieces.__name__.encode()


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

    runs_here = False

    def __init__(self, store: Store, setup: task_pb2.RuntimeSetup, address: str) -> None:
        super().__init__(store, setup)
        self._ray = join(address)
        # Neither the store nor an ipc address means anything on another host.
        far = task_pb2.RuntimeSetup()
        far.CopyFrom(setup)
        far.address = far.store_path = ""
        self._far_setup = far.SerializeToString()
        self._kept: OrderedDict[tuple[int, int], tuple[Any, int, int]] = OrderedDict()
        self._kept_bytes = 0
        self._keeper: Any = None
        self._keeper_address = ""
        #: Tokens of objects of this slot that stay in Ray, by sequence.
        self._held: dict[int, str] = {}

    def run(self, task: task_pb2.Task, kind: Kind) -> bytes:
        """Run one task on the cluster and return the bytes of its `Result`."""
        if _moves_bytes(task):
            # Their bytes are in the shared store, which is here.
            return super().run(task, kind)
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

    def forget(self, ids: Iterable[common_pb2.ObjectId]) -> None:
        """Let Ray free what is kept there for objects of this slot that nobody needs any more."""
        tokens = []
        for identifier in ids:
            if identifier.writer == self._store.writer:
                token = self._held.pop(identifier.sequence, None)
                if token is not None:
                    tokens.append(token)
        if tokens:
            # Nobody waits for it: when the keeper has gone, so has what it kept.
            self._keeper.release.remote(tokens)

    def _on_the_cluster(self, task: task_pb2.Task) -> task_pb2.Result:
        wanted = {"CPU": float(task.limits.threads or self._setup.threads or 1)}
        if memory := task.limits.memory_bytes or self._setup.memory_bytes:
            wanted["memory"] = float(memory)
        keeper = self._running_keeper()
        carried = Carried()
        try:
            self._carry(task, carried)
            message = carried.task.SerializeToString()
            answer, leaving, left = self._ray.get(
                keeper.submit.remote(os.getpid(), wanted, self._far_setup, message, carried.places, carried.containers)
            )
            name = f"node {task.node!r}" if task.node else "the call"
            result = task_pb2.Result.FromString(wait_for(self._ray, answer, wanted, name))
        except self._ray.exceptions.ObjectLostError as error:
            raise carried.loss(error) from error
        carried.restore(result)
        self._bring_back(task, result, leaving, left)
        return result

    def _running_keeper(self) -> Any:
        """Return the keeper; a new one when the last has ended, with what it kept."""
        if self._keeper is not None:
            try:
                self._ray.get(self._keeper.address.remote(), timeout=KEEPER_PATIENCE)
                return self._keeper
            except self._ray.exceptions.RayActorError:
                self._held.clear()
        self._keeper = keeper_of(self._ray, os.getppid())
        self._keeper_address = self._ray.get(self._keeper.address.remote(), timeout=KEEPER_PATIENCE)
        return self._keeper

    def _carry(self, task: task_pb2.Task, carried: Carried) -> None:
        """Find or put in Ray what the task names."""
        carried.task.CopyFrom(task)
        refs = [ref for ref in references_in(carried.task) if ref.segment]
        kept = {
            _key(ref): Elsewhere.from_bytes(self._store.encoded(ref))
            for ref in refs
            if ref.encoding == common_pb2.ENCODING_ELSEWHERE
        }
        tokens = list({one.token for one in kept.values()})
        found = dict(zip(tokens, self._ray.get(self._keeper.find.remote(tokens)), strict=True)) if tokens else {}
        for ref in refs:
            key = _key(ref)
            if (there := kept.get(key)) is not None:
                carried.add_kept(ref, there, *found[there.token])
                continue
            if key in self._kept:
                self._kept.move_to_end(key)
            else:
                import numpy as np

                data = self._store.encoded(ref)
                self._keep(key, self._ray.put([np.frombuffer(data, np.uint8)]), 0, ref.length)
            container, index, _ = self._kept[key]
            carried.add(key, container, index)
        self._shrink()

    def _bring_back(self, task: task_pb2.Task, result: task_pb2.Result, leaving: Any, left: Any) -> None:
        """Give what the task wrote names of this slot's writer, and places in the shared store or stand-ins there."""
        store = self._store
        refs = [ref for ref in references_in(result) if ref.writer == result.holder]
        placed = [ref for ref in refs if ref.segment]
        stays = staying(task, result)
        stand_ins = [(ref, left, index) for index, ref in enumerate(r for r in placed if _key(r) in stays)]
        rest = [(ref, leaving, index) for index, ref in enumerate(r for r in placed if _key(r) not in stays)]
        large = [one for one in rest if one[0].length >= LARGE]
        if large and self._is_half_full_with(sum(ref.length for ref, _, _ in large)):
            stand_ins += large
            rest = [one for one in rest if one[0].length < LARGE]
        if rest:
            data = self._ray.get(leaving)
            for ref, _, index in rest:
                ref.CopyFrom(store.put_encoded(data[index], ref.encoding))
                if ref.length >= LARGE:
                    # A task of this slot that reads it finds it in Ray.
                    self._keep(_key(ref), leaving, index, ref.length)
        if stand_ins:
            kept = [self._leave(ref, container, index) for ref, container, index in stand_ins]
            # Answered before the result is: until then nobody but this process holds them.
            self._ray.get(self._keeper.keep.remote(kept))
        for ref in refs:
            # Those that have a place have their new names.
            if not ref.segment:
                ref.writer, ref.sequence = store.writer, store.number(ref.length)
        self._shrink()

    def _leave(self, ref: common_pb2.ObjectRef, container: Any, index: int) -> tuple[str, list[Any], int, str]:
        """Make the reference a stand-in's, and return what the keeper is told of it."""
        token = f"{container.hex()}-{index}"
        kept = Elsewhere(ref.encoding, ref.length, token, self._keeper_address, socket.gethostname())
        ref.CopyFrom(self._store.put_encoded(kept.to_bytes(), common_pb2.ENCODING_ELSEWHERE))
        self._held[ref.sequence] = token
        return token, [container], index, segment_path(self._store.path, ref.writer, ref.segment)

    def _is_half_full_with(self, length: int) -> bool:
        """Whether so many bytes more fill half of the shared store: the other half is for clients and what is small."""
        room = self._setup.store_budget
        if not room:
            system = os.statvfs(self._store.path)
            room = system.f_blocks * system.f_frsize
        return used_bytes(self._store.path) + length > room // 2

    def _keep(self, key: tuple[int, int], container: Any, index: int, length: int) -> None:
        self._kept[key] = (container, index, length)
        self._kept_bytes += length

    def _shrink(self) -> None:
        while self._kept_bytes > _KEPT_BYTES:
            _, (_, _, length) = self._kept.popitem(last=False)
            self._kept_bytes -= length

    def _failed(self, task: task_pb2.Task, error: Exception) -> task_pb2.Result:
        failure = failure_of(error, self._store, self._setup, task.limits)
        # What was kept may have been on the node that has died: the next attempt brings its inputs from the store.
        self._kept.clear()
        self._kept_bytes = 0
        kind = kind_of_fault(error, self._ray.exceptions)
        if kind is not None:
            failure.kind = kind
            # Nothing that user code has raised: what is told is the kind, and Ray's words for it.
            for field in ("exception", "type", "traceback"):
                failure.ClearField(field)
        return task_pb2.Result(failure=failure)


def _key(ref: common_pb2.ObjectRef) -> tuple[int, int]:
    return ref.writer, ref.sequence


def _moves_bytes(task: task_pb2.Task) -> bool:
    """Whether the task is a piece of what a client streams, which calls a function of `anabranch.pieces`."""
    function = task.call.function
    return task.HasField("call") and not function.segment and _PIECES in function.inline_bytes
