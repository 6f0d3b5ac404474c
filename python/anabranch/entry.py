"""One key of one node: its model, output, scores, times, error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from anabranch.errors import RequestError
from anabranch.failures import Failure
from anabranch.keys import VARIANT, Key
from anabranch.records import CANCELLED, FAILED, FIT, SCORE, SKIPPED, SUCCEEDED, TRAIN_SCORE, Record
from anabranch.scoring import SCORE as DEFAULT_SCORE
from anabranch.v1 import task_pb2

if TYPE_CHECKING:
    from anabranch.references import Ref
    from anabranch.run import Run

_STATES = {SUCCEEDED: "succeeded", FAILED: "failed", SKIPPED: "skipped", CANCELLED: "cancelled"}
# The worst of an entry's records is its state.
_ORDER = (FAILED, SKIPPED, CANCELLED, SUCCEEDED)


class Entry:
    """What a run has for one key of one node.

    Attributes
    ----------
    node : str
        The node's name.
    key : Key
        Reads as a dict: ``{"partition": 0, "fold": 2}``.
    """

    def __init__(self, run: Run, node: str, key: Key, records: Sequence[Record], fit: Record | None) -> None:
        self._run = run
        self.node = node
        self.key = key
        self._records = tuple(records)
        self._fit = fit

    @property
    def state(self) -> str:
        """``succeeded``, ``failed``, ``skipped`` or ``cancelled``."""
        states = [record.state for record in self._records]
        return next((_STATES[state] for state in _ORDER if state in states), "unknown")

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of the variants in the key, by ``node__parameter``; the node's own come without the node."""
        return {
            name if owner == self.node else f"{owner}__{name}": value for owner, name, value in self._variant_settings()
        }

    @property
    def full_params(self) -> dict[str, Any]:
        """The parameters of the variants in the key, all by ``node__parameter``."""
        return {f"{owner}__{name}": value for owner, name, value in self._variant_settings()}

    def _variant_settings(self) -> Iterator[tuple[str, str, Any]]:
        for dimension, label in self.key.parts:
            if dimension.kind == VARIANT and isinstance(label, int):
                for name, value in self._run.variant(dimension.owner, label).items():
                    yield dimension.owner, name, value

    @property
    def model_ref(self) -> Ref | None:
        """The reference of the fitted model, None when there is none or it was not kept."""
        return self._fit.model if self._fit is not None else None

    @property
    def model(self) -> Any:
        """The fitted estimator.

        Raises
        ------
        RequestError
            When the node has no model here.
        """
        ref = self.model_ref
        if ref is None:
            why = f"it {self.state}" if self.state != "succeeded" else "models were not kept, or the node is not fitted"
            raise RequestError(f"{self!r} has no model: {why}")
        return ref.get()

    @property
    def has_output(self) -> bool:
        """Whether the output was kept."""
        return any(record.output is not None for record in self._records)

    @property
    def data(self) -> Any:
        """The output as an `Xy`: X, and y, weights, groups and row ids that belong to its rows."""
        for record in self._records:
            if record.output is not None:
                return record.output.get()
        raise RequestError(
            f"{self!r} has no output: only those of the graph's last nodes are kept; use keep_outputs=True for all"
            if self.state == "succeeded"
            else f"{self!r} has no output: it {self.state}"
        )

    @property
    def output(self) -> Any:
        """The output's X: transformed data, or predictions."""
        return self.data.X

    @property
    def scores(self) -> dict[str, float]:
        """Scores by scorer, on the rows that were not fitted on."""
        return next((dict(r.scores) for r in self._records if r.scores and r.phase != TRAIN_SCORE), {})

    @property
    def train_scores(self) -> dict[str, float]:
        """Scores on the rows of the fit, with ``return_train_score=True``."""
        return next((dict(r.scores) for r in self._records if r.scores and r.phase == TRAIN_SCORE), {})

    @property
    def score(self) -> float | None:
        """The score: the only one, or that called ``score``; None when there is none."""
        scores = self.scores
        if len(scores) > 1 and DEFAULT_SCORE not in scores:
            raise RequestError(f"{self!r} has several scores, {', '.join(scores)}: use entry.scores[name]")
        return scores.get(DEFAULT_SCORE, next(iter(scores.values()), None))

    @property
    def seconds(self) -> float:
        """Seconds of work: opening, computing and storing, of all that was done for the key."""
        return sum(record.seconds for record in self._records)

    @property
    def fit_seconds(self) -> float:
        """Seconds of the fit alone."""
        return sum(r.compute_seconds for r in self._records if r.phase == FIT)

    @property
    def score_seconds(self) -> float:
        """Seconds of scoring, or of applying the model to the rows that are scored."""
        return sum(r.compute_seconds for r in self._records if r.phase == SCORE)

    @property
    def bytes(self) -> int:
        """Bytes that were written for the key."""
        return sum(record.bytes_out for record in self._records)

    @property
    def bytes_copied(self) -> int:
        """Bytes that its tasks copied: outputs into the store, and inputs that could not be read in place."""
        return sum(usage.bytes_copied for usage in self._usages())

    @property
    def attempts(self) -> int:
        """How often the hardest of its tasks was tried."""
        return max((record.attempts for record in self._records), default=0)

    @property
    def peak_memory(self) -> int:
        """Bytes that the largest of its tasks' processes came to; 0 when it is not known."""
        return max((usage.peak_memory_bytes for usage in self._usages()), default=0)

    @property
    def worker(self) -> int | None:
        """The number of the worker that did what was done last; None when nothing was."""
        last = self._last_usage()
        return None if last is None else last.worker

    @property
    def slot(self) -> int | None:
        """The slot of that worker."""
        last = self._last_usage()
        return None if last is None else last.slot

    def _usages(self) -> Iterator[task_pb2.Usage]:
        return (task_pb2.Usage.FromString(record.usage) for record in self._records)

    def _last_usage(self) -> task_pb2.Usage | None:
        done = [usage for usage in self._usages() if usage.started_us]
        return max(done, key=lambda usage: usage.arrived_us, default=None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the tasks warned of."""
        return tuple(dict.fromkeys(text for record in self._records for text in record.warnings))

    @property
    def error(self) -> Failure | None:
        """Why the key failed or was skipped; None when it succeeded."""
        failures = [record for record in self._records if record.failure is not None]
        # What was skipped because of a failure says less than the failure.
        failure = min(failures, key=lambda record: _ORDER.index(record.state)).failure if failures else None
        if failure is not None and failure.node == self.node:
            failure.params = self.params
        return failure

    @property
    def records(self) -> tuple[Record, ...]:
        """What the run's updates said of the key."""
        return self._records

    @property
    def fit_record(self) -> Record | None:
        """The record of the fit that made the model, if this run made it."""
        return self._fit

    def _repr_html_(self) -> str:
        from anabranch.rendering.html import table_of

        return table_of([self])

    def __repr__(self) -> str:
        key = f" {self.key}" if self.key else ""
        scores = "".join(f", {name}={value:.6g}" for name, value in self.scores.items())
        return f"<{self.node}{key}: {self.state}{scores}>"
