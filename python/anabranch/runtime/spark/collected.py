"""The exchange for a session whose executors do not see the store: Arrow by way of the slot's process."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter_ns
from typing import Any

from anabranch.runtime.spark.stored import ROWS_CHANGED, SparkTaskContext, StoredRows
from anabranch.spark.columns import ROW
from anabranch.spark.exchange import Exchange, Outcome


class CollectedExchange(Exchange):
    """Of one task; what goes in and out is copied through this process, and counted as copied.

    Parameters
    ----------
    session : SparkSession
    generation : int
    context : SparkTaskContext
    """

    def __init__(self, session: Any, generation: int, context: SparkTaskContext) -> None:
        super().__init__(session, context.name)
        self._generation = generation
        self._tasks = context
        self._rows = 0

    @property
    def generation(self) -> Any:
        """Which of the keeper's sessions it is."""
        return self._generation

    def source(self, value: Any, column: str | None) -> tuple[Any, Any]:
        """See `Exchange`."""
        opened = value.open() if isinstance(value, StoredRows) else value
        return super().source(opened, column)

    def read(self, sources: Sequence[tuple[Any, Any]], schemas: Sequence[tuple[Any, Any]], numbered: bool) -> Any:
        """See `Exchange`."""
        begun = perf_counter_ns()
        if numbered:
            self._rows = len(sources[0][0])
        frame = super().read(sources, schemas, numbered)
        self._tasks.open_ns += perf_counter_ns() - begun
        return frame

    def write_table(self, frame: Any, names: Sequence[str], fields: Sequence[Any], beside: Sequence[str]) -> Outcome:
        """See `Exchange.table`."""
        found = super().write_table(frame, names, fields, [*beside, *self._numbers(frame)])
        return self._with_rows(found)

    def write_matrix(self, frame: Any, parts: Sequence[Any], flat: bool, beside: Sequence[str]) -> Outcome:
        """See `Exchange.matrix`."""
        found = super().write_matrix(frame, parts, flat, [*beside, *self._numbers(frame)])
        return self._with_rows(found)

    def write_parts(self, frame: Any, names: Sequence[str], fields: Sequence[Any], beside: Sequence[str]) -> list[Any]:
        """See `Exchange.parts`."""
        parts = super().write_parts(frame, names, fields, beside)
        return [(place, Outcome(self._tasks.adopt(part.value, ROWS_CHANGED), part.beside)) for place, part in parts]

    def same_rows(self, value: Any, other: Any) -> Any:
        """See `Exchange`."""
        return self._tasks.adopt(value, self._tasks.rows_kept(other))

    def _numbers(self, frame: Any) -> list[str]:
        return [ROW] if ROW in frame.columns else []

    def _with_rows(self, found: Outcome) -> Outcome:
        import numpy as np

        self._tasks.count_copied(getattr(found.value, "nbytes", 0))
        numbers = found.beside.pop(ROW, None)
        kept: Any = ROWS_CHANGED
        if numbers is not None:
            kept = None if np.array_equal(numbers, np.arange(self._rows)) else numbers.astype(np.int64)
        return Outcome(self._tasks.adopt(found.value, kept), found.beside)
