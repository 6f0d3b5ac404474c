"""What one task's work reads, writes and counts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from anabranch.pieces import Answer, Room, Whole
from anabranch.runtime.environment import bound_joblib
from anabranch.runtime.errors import CannotCross, TaskRefused
from anabranch.runtime.payloads import PayloadCache
from anabranch.store import Store, StoreError
from anabranch.v1 import common_pb2


class TaskContext:
    """The store as one task sees it, with its clock.

    Parameters
    ----------
    store : Store
    payloads, models : PayloadCache
        Of the process; what is in them is never changed by a task.
    stubborn : set of str
        Classes and functions known to write to their inputs; shared by the tasks of the process.
    node : str
        For messages. What lowering put behind a colon is not part of the user's name.
    """

    __slots__ = (
        "_generators",
        "_models",
        "_payloads",
        "_store",
        "_written",
        "inline",
        "node",
        "open_ns",
        "readonly_retries",
        "store_ns",
        "stubborn",
        "writable",
    )

    def __init__(
        self, store: Store, payloads: PayloadCache, models: PayloadCache, stubborn: set[str], node: str
    ) -> None:
        self._store = store
        self._payloads = payloads
        self._models = models
        self.stubborn = stubborn
        self.node = node
        self.open_ns = 0
        self.store_ns = 0
        self.readonly_retries = 0
        # Inputs are loaded as private copies that may be written to.
        self.writable = False
        # Small objects travel in the result itself; off while a task makes very many of them.
        self.inline = True
        self._written: list[common_pb2.ObjectRef] = []
        self._generators: dict[Callable[[Any], Any], Any] = {}

    def keep_generator(self, restore: Callable[[Any], Any], state: Any) -> None:
        """Note what a generator of the process is to be given back when the task ends; the first state counts."""
        self._generators.setdefault(restore, state)

    def restore_generators(self) -> None:
        """Give the process's generators back what they had."""
        for restore, state in self._generators.items():
            restore(state)

    @property
    def name(self) -> str:
        """The node's name as the user gave it, quoted, for messages."""
        return f"node {self.node!r}" if self.node else "the call"

    @property
    def written(self) -> list[common_pb2.ObjectId]:
        """What this task has put so far."""
        return [common_pb2.ObjectId(writer=ref.writer, sequence=ref.sequence) for ref in self._written]

    def get(self, ref: common_pb2.ObjectRef, references: Callable[[Any], Any] | None = None) -> Any:
        """Read an object in place; ``references`` resolves the persistent ids of its pickle.

        Raises
        ------
        ObjectLost, StoreError
            When its bytes are gone, or are not what the reference says.
        CannotCross
            When its pickle cannot be loaded here.
        """
        # Resolving a reference comes back here: the outer call's time has the inner ones' in it.
        before, begun = self.open_ns, perf_counter_ns()
        try:
            return self._load(ref, "data", references)
        finally:
            self.open_ns = before + perf_counter_ns() - begun

    def payload(self, ref: common_pb2.ObjectRef, what: str) -> Any:
        """Return a function, estimator or list that other tasks share: not to be changed."""
        begun = perf_counter_ns()
        try:
            value = self._payloads.get(ref, lambda missing: self._load(missing, what))
            # Loading it may have imported joblib.
            bound_joblib()
            return value
        finally:
            self.open_ns += perf_counter_ns() - begun

    def model(self, ref: common_pb2.ObjectRef) -> Any:
        """Return a fitted model that other tasks share: not to be changed."""
        begun = perf_counter_ns()
        try:
            value = self._models.get(ref, lambda missing: self._load(missing, "model"))
            bound_joblib()
            return value
        finally:
            self.open_ns += perf_counter_ns() - begun

    def put(self, value: Any, what: str, *, never_inline: bool = False) -> common_pb2.ObjectRef:
        """Write an object.

        Parameters
        ----------
        value : object
        what : str
            What it is, for the message: "model", "output", "result".
        never_inline : bool, default False
            Into a segment, whatever its size.

        Raises
        ------
        StoreFull
            When there is no room.
        CannotCross
            When it cannot be pickled; the message names its type.
        """
        begun = perf_counter_ns()
        try:
            ref = self._store.put(value, never_inline=never_inline or not self.inline)
            self._written.append(ref)
            return ref
        except (StoreError, MemoryError):
            raise
        except Exception as error:
            raise CannotCross(
                f"the {what} of {self.name} cannot be pickled: it is a {type(value).__qualname__}, and "
                f"{type(error).__name__}: {error}"
            ) from error
        finally:
            self.store_ns += perf_counter_ns() - begun

    def put_answer(self, answer: Answer) -> common_pb2.ObjectRef:
        """Write a call's value in the way that it asks for.

        Raises
        ------
        StoreFull
            When there is no room.
        """
        begun = perf_counter_ns()
        try:
            if isinstance(answer, Room):
                ref = self._store.reserve(answer.length, answer.encoding)
            elif isinstance(answer, Whole):
                ref = self._store.put_encoded(answer.data, answer.encoding)
            else:
                ref = self._store.put(answer, always_inline=True)
            self._written.append(ref)
            return ref
        finally:
            self.store_ns += perf_counter_ns() - begun

    def count_copied(self, count: int) -> None:
        """Count bytes that the runtime copied to make the rows, or the private copy, of an input."""
        self._store.count_copied(count)

    def handed(self, view: common_pb2.View) -> Any:
        """Return what stands for an X that the step opens itself, None where it is opened for it."""
        return None

    def note_view(self, view: common_pb2.View, value: Any) -> None:
        """Take note that a value was made of rows of an object."""

    def rows_kept(self, value: Any) -> Any:
        """Return which rows of its input an output has: their indices, "changed" for others, None for all in order."""
        return None

    def derived_seed(self, seed: int, parameter: str) -> int:
        """Return a seed in [0, 2^31) that a run's seed, the node and a parameter determine, on every machine alike."""
        text = f"{seed}\0{self.node}\0{parameter}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "little") & 0x7FFFFFFF

    def _load(self, ref: common_pb2.ObjectRef, what: str, references: Callable[[Any], Any] | None = None) -> Any:
        try:
            return self._store.get(ref, persistent_load=references)
        except (StoreError, MemoryError, TaskRefused, CannotCross):
            raise
        except Exception as error:
            hint = ""
            if isinstance(error, ModuleNotFoundError):
                hint = "; install it, or put it on the path, where the workers run"
            raise CannotCross(
                f"the {what} of {self.name} cannot be loaded: {type(error).__name__}: {error}{hint}"
            ) from error
