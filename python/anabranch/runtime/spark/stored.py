"""What a task on the spark executor is handed in the place of opened data, and what it knows of what it wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anabranch.runtime.context import TaskContext
from anabranch.runtime.rows import row_count, take
from anabranch.v1 import common_pb2

#: Of rows that are others than those of the input.
ROWS_CHANGED = "changed"


class Item:
    """Rows of one object."""

    __slots__ = ("_ref", "_rows", "_rows_ref", "count", "value")

    def __init__(self, value: Any, ref: common_pb2.ObjectRef, rows: Any, rows_ref: common_pb2.ObjectRef | None) -> None:
        self.value = value
        self._ref = ref
        self._rows = rows
        self._rows_ref = rows_ref
        self.count = len(rows) if rows is not None else row_count(value) or 0

    @property
    def nbytes(self) -> int:
        """About how many bytes its rows have."""
        if self._rows is None:
            return self._ref.length
        return self._ref.length * self.count // max(1, row_count(self.value) or 0)

    def place(self) -> tuple[bytes, bytes | None]:
        """Return the references of the object and of its row indices."""
        return self._ref.SerializeToString(), None if self._rows_ref is None else self._rows_ref.SerializeToString()

    def open(self) -> Any:
        """Return the rows."""
        return self.value if self._rows is None else take(self.value, self._rows)


class StoredRows:
    """X as references: one item, or several whose rows stand below each other."""

    __slots__ = ("items",)

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = list(items)

    @property
    def value(self) -> Any:
        """The object of the first item that has rows: all have its columns."""
        return next((item.value for item in self.items if item.count), self.items[0].value)

    @property
    def counts(self) -> list[int]:
        """Rows of each item."""
        return [item.count for item in self.items]

    @property
    def shape(self) -> tuple[int, ...]:
        """As an array's, the columns as the object has them."""
        own = getattr(self.value, "shape", ())
        return (sum(self.counts), *own[1:])

    def below(self, others: Sequence[StoredRows]) -> StoredRows:
        """Return the rows of this and of the others, below each other."""
        return StoredRows([item for one in (self, *others) for item in one.items])

    def open(self) -> Any:
        """Return the rows as a value."""
        from anabranch.runtime.rows import concatenate

        return concatenate([item.open() for item in self.items])


class SparkTaskContext(TaskContext):
    """A task's context that hands X over as it stands in the store, where the step opens it itself."""

    __slots__ = ("_kept", "_known", "_taken", "_views")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._known: dict[int, tuple[Any, common_pb2.ObjectRef]] = {}
        self._views: dict[int, tuple[Any, common_pb2.View]] = {}
        self._kept: dict[int, Any] = {}
        self._taken = False

    def payload(self, ref: common_pb2.ObjectRef, what: str) -> Any:
        """See `TaskContext`; from here on X is handed over when the step says that it takes it so."""
        value = super().payload(ref, what)
        self._taken = self._taken or getattr(value, "takes_stored", False)
        return value

    def model(self, ref: common_pb2.ObjectRef) -> Any:
        """See `payload`."""
        value = super().model(ref)
        self._taken = self._taken or getattr(value, "takes_stored", False)
        return value

    def get(self, ref: common_pb2.ObjectRef, references: Any = None) -> Any:
        """See `TaskContext`; what it opened it knows by its reference."""
        value = super().get(ref, references)
        self._known[id(value)] = (value, ref)
        return value

    def handed(self, view: common_pb2.View) -> Any:
        """Return X as it stands in the store; None where it has to be opened."""
        return self._viewed(view) if self._taken else None

    def _viewed(self, view: common_pb2.View) -> StoredRows:
        rows = self.get(view.rows) if view.HasField("rows") else None
        return StoredRows(
            [Item(self.get(view.object), view.object, rows, view.rows if view.HasField("rows") else None)]
        )

    def note_view(self, view: common_pb2.View, value: Any) -> None:
        """See `TaskContext`; so y of a fold is read where it stands, as X is."""
        self._views[id(value)] = (value, view)

    def stored(self, value: Any) -> StoredRows:
        """Return any value as it stands in the store, where it is put when it does not."""
        if isinstance(value, StoredRows):
            return value
        viewed = self._views.get(id(value))
        if viewed is not None and not isinstance(value, (list, tuple)):
            return self._viewed(viewed[1])
        known = self._known.get(id(value))
        if known is None:
            import numpy as np

            whole = np.asarray(value) if isinstance(value, (list, tuple)) else value
            ref = super().put(whole, "rows", never_inline=True)
            known = (whole, ref)
            self._known[id(whole)] = known
        return StoredRows([Item(known[0], known[1], None, None)])

    # ---- what was written

    def receive(self, ref: common_pb2.ObjectRef, kept: Any) -> Any:
        """Return the value of an object that Spark's workers have written; `put` then knows it.

        Parameters
        ----------
        ref : ObjectRef
        kept : ndarray of int64, str or None
            Which rows of the input it has, `ROWS_CHANGED` for others, None for all in their order.
        """
        self._written.append(ref)
        value = self.get(ref)
        self._kept[id(value)] = kept
        return value

    def adopt(self, value: Any, kept: Any) -> Any:
        """Return a value that was made here, with what is known of its rows."""
        self._known.setdefault(-id(value), (value, common_pb2.ObjectRef()))
        self._kept[id(value)] = kept
        return value

    def put(self, value: Any, what: str, **options: Any) -> common_pb2.ObjectRef:
        """See `TaskContext`; what stands in the store already is not written again."""
        known = self._known.get(id(value))
        return super().put(value, what, **options) if known is None else known[1]

    def rows_kept(self, value: Any) -> Any:
        """Return which rows of its input an output has; see `receive`."""
        return self._kept.get(id(value))
