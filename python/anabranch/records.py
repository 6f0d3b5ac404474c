"""What a run's updates say, as values: one record per entry of the plan."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from anabranch.codec import key_from_message
from anabranch.errors import ConnectionFailed
from anabranch.failures import Failure
from anabranch.inputs import FIELDS
from anabranch.keys import Key
from anabranch.references import Ref
from anabranch.v1 import common_pb2, control_pb2

if TYPE_CHECKING:
    from anabranch.client import Client

FIT = control_pb2.PHASE_FIT
APPLY = control_pb2.PHASE_APPLY
SCORE = control_pb2.PHASE_SCORE
TRAIN_SCORE = control_pb2.PHASE_TRAIN_SCORE
SPLIT = control_pb2.PHASE_SPLIT

SUCCEEDED = control_pb2.ENTRY_STATE_SUCCEEDED
FAILED = control_pb2.ENTRY_STATE_FAILED
SKIPPED = control_pb2.ENTRY_STATE_SKIPPED
CANCELLED = control_pb2.ENTRY_STATE_CANCELLED

#: The `node` of entries that the run's own splitter made.
NO_NODE = 0xFFFFFFFF


class DataRefs:
    """An output: views of objects, and the references that hold them."""

    def __init__(self, message: common_pb2.Data, client: Client | None) -> None:
        self.message = common_pb2.Data()
        self.message.CopyFrom(message)
        self._client = client
        self.refs: list[Ref] = []
        for field in FIELDS.values():
            if self.message.HasField(field):
                view = getattr(self.message, field)
                self.refs.append(Ref(view.object, client))
                if view.HasField("rows"):
                    self.refs.append(Ref(view.rows, client))
        if self.message.HasField("positions"):
            self.refs.append(Ref(self.message.positions, client))

    @property
    def nbytes(self) -> int:
        """Bytes of the objects that it names."""
        return sum(ref.nbytes for ref in self.refs)

    def get(self) -> Any:
        """Return the `Xy`; what is a view of rows is copied out of its base."""
        from anabranch.data import Xy

        return Xy(**{name: self._read(field) for name, field in FIELDS.items() if self.message.HasField(field)})

    def _read(self, field: str) -> Any:
        from anabranch.runtime.rows import take

        assert self._client is not None
        view = getattr(self.message, field)
        value = self._client.read(view.object)
        return take(value, self._client.read(view.rows)) if view.HasField("rows") else value


class Record:
    """One entry of a run, as its update told it."""

    __slots__ = (
        "attempts",
        "bytes_out",
        "compute_seconds",
        "earlier",
        "failure",
        "id",
        "inputs",
        "internal",
        "key",
        "model",
        "model_entry",
        "node",
        "output",
        "phase",
        "scores",
        "seconds",
        "state",
        "usage",
        "warnings",
    )

    def __init__(self, update: control_pb2.EntryUpdate, client: Client | None) -> None:
        self.id = update.entry
        self.node = update.node
        self.phase = update.phase
        self.key: Key = key_from_message(update.key)
        self.state = update.state
        self.model: Ref | None = None
        if update.HasField("model"):
            message = common_pb2.ObjectRef()
            message.CopyFrom(update.model)
            self.model = Ref(message, client)
        self.output = DataRefs(update.output, client) if update.HasField("output") else None
        self.scores = {score.name: score.value for score in update.scores}
        self.failure = Failure(update.failure, client) if update.HasField("failure") else None
        usage = update.usage
        self.compute_seconds = usage.compute_us / 1e6
        self.seconds = (usage.open_us + usage.compute_us + usage.store_us) / 1e6
        self.bytes_out = usage.bytes_out
        # As bytes: a message of the update would keep all of it in memory.
        self.usage = usage.SerializeToString()
        self.earlier = tuple(attempt.SerializeToString() for attempt in update.earlier)
        self.inputs = tuple(update.inputs)
        self.model_entry = update.model_entry
        self.attempts = update.attempts
        self.warnings = tuple(update.warnings)
        self.internal = update.internal


class Feed:
    """What a run has told so far. The connection's thread writes, everyone reads.

    It outlives no run: the client knows the feed and not the run, so that a run that nobody uses can be closed.
    """

    def __init__(self, client: Client | None) -> None:
        self._client = client
        self.changed = threading.Condition()
        self.records: dict[int, Record] = {}
        self.state = control_pb2.RUN_STATE_RUNNING
        self.progress: dict[int, control_pb2.NodeProgress] = {}
        self.message = ""
        #: What ready tasks wait for that may never come.
        self.waiting = ""
        self.lost: ConnectionFailed | None = None
        #: CLOCK_MONOTONIC, seconds, of the last word; None while more may come.
        self.ended: float | None = None

    def push(self, update: control_pb2.RunUpdate) -> None:
        """Take an update; called on the connection's thread."""
        records = [Record(entry, self._client) for entry in update.entries]
        with self.changed:
            for record in records:
                self.records[record.id] = record
            for progress in update.progress:
                self.progress[progress.node] = progress
            if update.state == control_pb2.RUN_STATE_RUNNING:
                # Only the last of several messages tells how far the run is.
                if update.progress:
                    self.waiting = update.message
            elif update.message:
                self.message = update.message
            if update.state != control_pb2.RUN_STATE_UNSPECIFIED:
                self.state = update.state
            self._note_end()
            self.changed.notify_all()

    def lose(self, error: ConnectionFailed) -> None:
        """Note that nothing more will come."""
        with self.changed:
            if not self.finished:
                self.lost = error
            self._note_end()
            self.changed.notify_all()

    def _note_end(self) -> None:
        if self.ended is None and (self.finished or self.lost is not None):
            self.ended = time.monotonic()

    @property
    def finished(self) -> bool:
        """Whether the run has ended."""
        return self.state not in (control_pb2.RUN_STATE_RUNNING, control_pb2.RUN_STATE_UNSPECIFIED)

    def snapshot(self) -> list[Record]:
        """Return the records so far, in the order of their ids."""
        with self.changed:
            return sorted(self.records.values(), key=lambda record: record.id)

    def of_node(self, node: int) -> Iterator[Record]:
        """Return a node's records that relations show."""
        return (record for record in self.snapshot() if record.node == node and not record.internal)
