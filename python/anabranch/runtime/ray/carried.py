"""What goes to Ray with one task: its message as the far side reads it, and Ray's references to its objects."""

from __future__ import annotations

from typing import Any

from anabranch.runtime.ray.references import references_in
from anabranch.runtime.ray.site import Place
from anabranch.store import ObjectLost
from anabranch.store.elsewhere import Elsewhere
from anabranch.v1 import common_pb2, task_pb2

_Key = tuple[int, int]


class Carried:
    """Collects a task's objects; afterwards undoes in its result what was changed for the journey."""

    def __init__(self) -> None:
        self.task = task_pb2.Task()
        self._containers: dict[Any, int] = {}
        self._places: dict[_Key, tuple[int, int]] = {}
        self._stand_ins: dict[_Key, common_pb2.ObjectRef] = {}
        self._kept: dict[str, _Key] = {}

    @property
    def places(self) -> list[Place]:
        """Where the objects are among the containers."""
        return list(self._places.items())

    @property
    def containers(self) -> list[Any]:
        """Ray's references, each to a list of arrays of bytes."""
        return list(self._containers)

    def add(self, key: _Key, container: Any, index: int) -> None:
        """Say where an object is."""
        self._places[key] = (self._containers.setdefault(container, len(self._containers)), index)

    def add_kept(self, ref: common_pb2.ObjectRef, stand_in: Elsewhere, container: Any, index: int) -> None:
        """Send what the stand-in stands for; ``ref`` (in `task`) becomes the whole object's.

        Raises
        ------
        ObjectLost
            When there is no container: nobody keeps the object any more.
        """
        key = (ref.writer, ref.sequence)
        if container is None:
            raise ObjectLost(*key, "nobody keeps it in Ray any more")
        if key not in self._stand_ins:
            self._stand_ins[key] = common_pb2.ObjectRef()
            self._stand_ins[key].CopyFrom(ref)
        self._kept[container.hex()] = key
        self.add(key, container, index)
        ref.encoding, ref.length = stand_in.encoding, stand_in.length

    def restore(self, result: task_pb2.Result) -> None:
        """Name what the task passed through as it was named before."""
        for ref in references_in(result):
            stand_in = self._stand_ins.get((ref.writer, ref.sequence))
            if stand_in is not None:
                ref.CopyFrom(stand_in)

    def loss(self, error: Exception) -> Exception:
        """Return what a loss in Ray's store is to the engine: that of an object that only Ray had, else the error."""
        name = getattr(error, "object_ref_hex", None) or getattr(getattr(error, "cause", None), "object_ref_hex", None)
        key = self._kept.get(name or "")
        return error if key is None else ObjectLost(*key, "the Ray node that had it has died")
