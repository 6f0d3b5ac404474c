"""Runs: a graph, inputs and a mode on their way through a pool, and what came of it."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from anabranch.entry import Entry
from anabranch.errors import AnabranchError, RequestError, RunError
from anabranch.keys import Key
from anabranch.mode import Mode
from anabranch.records import FAILED, FIT, NO_NODE, Feed, Record
from anabranch.relation import Relation, relation_of
from anabranch.v1 import control_pb2
from anabranch.waiting import waiting

if TYPE_CHECKING:
    from anabranch.client import Client
    from anabranch.graph import NodeLike, Pipeline
    from anabranch.path import Path
    from anabranch.references import Ref

_STATES = {
    control_pb2.RUN_STATE_RUNNING: "running",
    control_pb2.RUN_STATE_SUCCEEDED: "succeeded",
    control_pb2.RUN_STATE_FAILED: "failed",
    control_pb2.RUN_STATE_CANCELLED: "cancelled",
}
#: Seconds that a run has to end after Ctrl-C, before its client goes without it.
CANCEL_SECONDS = 2.0


class Run:
    """What became, or is becoming, of a graph over its inputs.

    ``run[node]`` is the relation of a node's keys to models, outputs, scores, times and errors.

    Attributes
    ----------
    id : int
        The coordinator's number for the run.
    graph : Pipeline
    mode : Mode
    models : Run or None
        The run whose models this one applies.
    """

    def __init__(
        self,
        client: Client | None,
        id: int,
        graph: Pipeline,
        mode: Mode,
        *,
        feed: Feed | None = None,
        refs: list[Ref] | None = None,
        models: Run | None = None,
        detached: bool = False,
    ) -> None:
        self.id = id
        self.graph = graph
        self.mode = mode
        self.models = models
        self.feed = feed or Feed(client)
        self._client = client
        self._refs = refs or []
        self._nodes = graph.nodes
        #: Whatever else must live as long as the run.
        self.keeper: Any = None
        self._relations: dict[int, Relation] = {}
        #: CLOCK_MONOTONIC, seconds.
        self.started = time.monotonic()
        if client is not None:
            client.subscribe(id, self.feed.push, self.feed.lose)
            # Weakly: through the error of a lost connection the client may know this run, which would then never go.
            self._closer = weakref.finalize(self, _close, weakref.ref(client), id, detached)
            self._closer.atexit = False

    # ---- its course

    @property
    def state(self) -> str:
        """``running``, ``succeeded``, ``failed`` (finished, with failed keys), ``cancelled`` or ``lost``."""
        return "lost" if self.feed.lost is not None else _STATES.get(self.feed.state, "running")

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return self.feed.finished or self.feed.lost is not None

    @property
    def seconds(self) -> float:
        """Seconds from submission to the end, or to now."""
        # What another client has submitted may have ended before it was looked at.
        return max((self.feed.ended or time.monotonic()) - self.started, 0.0)

    def wait(self, timeout: float | None = None, *, progress: bool | None = None) -> Run:
        """Wait for the end and return the run. Ctrl-C cancels it.

        Parameters
        ----------
        timeout : float, optional
            Seconds.
        progress : bool, optional
            Show a live view; by default on terminals and in notebooks.

        Raises
        ------
        TimeoutError
            When it has not ended in time; it goes on.
        ConnectionFailed
            When the coordinator is gone.
        """
        from anabranch.progress import follow

        try:
            with waiting():
                follow(self, timeout, progress)
        except KeyboardInterrupt:
            self.cancel()
            with self.feed.changed:
                self.feed.changed.wait_for(lambda: self.finished, CANCEL_SECONDS)
            raise
        if self.feed.lost is not None:
            raise self.feed.lost
        return self

    def cancel(self) -> None:
        """Ask the coordinator to stop the run; what has finished stays."""
        if self._client is not None and not self.finished:
            self._client.tell(control_pb2.ToCoordinator(cancel_run=control_pb2.CancelRun(run=self.id)))

    def close(self) -> None:
        """Give back what the coordinator keeps for the run. Happens by itself when the run is used no more."""
        if self._client is not None:
            self._closer()

    def raise_if_cancelled(self) -> None:
        """Raise `RunError` when the run was cancelled before all its keys had ended, and none of them failed."""
        if self.state == "cancelled" and not self.failed:
            reason = self.feed.message or "the run was cancelled"
            raise RunError(f"run {self.id} of {self.graph.name!r} did not come to its end: {reason}", self)

    def raise_if_failed(self) -> None:
        """Raise `RunError` that names the first failed key, when there is one."""
        failed = self.failed
        if not failed:
            return
        error = failed[0].error
        what = error.describe() if error is not None else repr(failed[0])
        more = f" (and {len(failed) - 1} more failed keys)" if len(failed) > 1 else ""
        raise RunError(what + more, self) from (error.exception() if error is not None else None)

    # ---- its relations

    def __getitem__(self, node: NodeLike) -> Relation:
        """Return a node's relation; nodes may be given by name."""
        own = self.graph[node]
        index = self._nodes.index(own)
        known = self._relations.get(index)
        if known is not None:
            return known
        complete = self.finished
        records = [*self.feed.of_node(index)]
        made = relation_of(self, own.name, records, self.fit_of)
        if complete:
            self._relations[index] = made
        return made

    def fit_of(self, record: Record) -> Record | None:
        """Return the record of the fit whose model a record was made with."""
        if self.models is None:
            return self.feed.records.get(record.model_entry)
        # An earlier run's models: found by what the keys have in common, whatever their numbers are here.
        return self.models.model_record(record.node, record.key)

    def model_record(self, node: int, key: Key) -> Record | None:
        """Return the record of the model that a key of a later run was made with."""
        if self.models is not None:
            return self.models.model_record(node, key)
        from anabranch.models import model_keys

        keys = model_keys(self)
        fits = [(keys[record.id], record) for record in self.feed.of_node(node) if record.id in keys]
        named = [(own, record) for own, record in fits if key.contains(own)]
        return max(named, key=lambda pair: len(pair[0]))[1] if named else None

    def __iter__(self) -> Iterator[Entry]:
        for node in self._nodes:
            yield from self[node]

    @property
    def entries(self) -> list[Entry]:
        """All entries, node by node."""
        return list(self)

    @property
    def failed(self) -> list[Entry]:
        """The entries that failed; what was skipped because of them is in `skipped`.

        What no relation shows is here when it failed: the splitter of a cross validation, a step within a node.
        """
        hidden = [
            Entry(self, record.failure.node, record.key, [record], None)
            for record in self.feed.snapshot()
            if record.state == FAILED and record.failure is not None and (record.internal or record.node == NO_NODE)
        ]
        return [*hidden, *(entry for entry in self if entry.state == "failed")]

    @property
    def skipped(self) -> list[Entry]:
        """The entries that did not run because something that they need failed."""
        return [entry for entry in self if entry.state == "skipped"]

    def variant(self, node: str, label: int) -> dict[str, Any]:
        """Return the parameters of a node's variant."""
        if node not in self.graph:
            return {}
        variants = self.graph[node].variants
        return dict(variants[label]) if variants is not None and 0 <= label < len(variants) else {}

    def top(self, k: int = 1, by: str = "score", *, node: NodeLike | None = None) -> list[Entry]:
        """Return the k entries with the highest score, best first.

        Parameters
        ----------
        k : int
        by : str
            Name of the scorer; ``score`` is that of a run with one.
        node : node or name, optional
            Among this node's entries only.

        Raises
        ------
        RequestError
            When no entry has such a score; the message lists the names that there are.
        """
        entries = list(self if node is None else self[node])
        scored = [(entry.scores[by], entry) for entry in entries if by in entry.scores]
        if not scored:
            names = sorted({name for entry in entries for name in entry.scores}) or ["none"]
            raise RequestError(f"no entry has a score {by!r}; scores: {', '.join(names)}")
        # NaN is no score to be best with.
        scored.sort(key=lambda pair: (pair[0] != pair[0], -pair[0] if pair[0] == pair[0] else 0.0))
        return [entry for _, entry in scored[:k]]

    def select(self, entry: Entry) -> Path:
        """Return the fitted path that made an entry: its ancestors by recorded lineage, with their models."""
        from anabranch.lineage import path_of

        return path_of(self, entry)

    def to_frame(self) -> Any:
        """Return a pandas data frame: a row per key of every node.

        Returns
        -------
        data frame
            Columns are ``node``, the key's dimensions, parameters of variants (``node__parameter``), ``state``, scores,
            ``train_…`` scores, ``attempts``, ``seconds`` (all work for the key), ``fit_seconds``, ``score_seconds``,
            ``bytes`` (written), ``bytes_copied`` (into the store, and inputs that were not read in place),
            ``peak_memory`` (bytes), ``worker``, ``slot`` and ``error``.
        """
        from anabranch.frame import to_frame

        return to_frame(self)

    def cv_results(self, node: NodeLike) -> dict[str, Any]:
        """Return a node's scores as scikit-learn's `cross_validate` does.

        Returns
        -------
        dict of array, shape (n_keys,)
            ``fit_time``, ``score_time``, ``test_…`` and ``train_…`` per scorer, in the order of the keys.
        """
        from anabranch.frame import cv_results

        return cv_results(self[node])

    def trace(self, path: str | os.PathLike[str]) -> None:
        """Write the timeline of what has ended so far, in the Chrome trace event format.

        Open the file in https://ui.perfetto.dev or chrome://tracing: a row per slot with what each task opened,
        computed and stored, and beside it how long it waited and travelled.

        Parameters
        ----------
        path : path
            Compressed when it ends in ``.gz``.
        """
        from anabranch.timeline import write_run

        write_run(self, path)

    # ---- what can be done with its models

    def predict(self, X: Any, **options: Any) -> Run:
        """Return the run of every model's predictions on X. Options are those of `Pipeline.fit`."""
        return self._apply(Mode.PREDICT, X, None, options)

    def transform(self, X: Any, **options: Any) -> Run:
        """Return the run of what the transformers make of X."""
        return self._apply(Mode.TRANSFORM, X, None, options)

    def score(self, X: Any, y: Any = None, *, scoring: Any = None, **options: Any) -> Run:
        """Return the run of every model's scores on X and y.

        Parameters
        ----------
        X, y
            As for `Pipeline.fit`.
        scoring : str, callable, list or dict, optional
            As scikit-learn's ``scoring=``; each estimator's own ``score`` when not given.
        """
        return self._apply(Mode.SCORE, X, y, {**options, "scoring": scoring})

    def _apply(self, mode: Mode, X: Any, y: Any, options: Mapping[str, Any]) -> Run:
        from anabranch.execution import run_graph

        return run_graph(self.graph, mode, X, y, models=self, **options)

    def result(self) -> Any:
        """Return the only output: that of the last node that ran, when there is one node and one key."""
        ran = {node for node in self._nodes if len(self[node])}
        inner = {source for source, target in self.graph.edges if target in ran}
        ends = [entry for node in self._nodes if node in ran - inner for entry in self[node]]
        if len(ends) != 1:
            listed = ", ".join(map(repr, ends[:6])) + (", …" if len(ends) > 6 else "")
            raise RequestError(f"the run has {len(ends)} results ({listed}); use run[node]")
        if ends[0].error is not None:
            raise AnabranchError(ends[0].error.describe()) from ends[0].error.exception()
        return ends[0].output

    def fits(self) -> list[Record]:
        """Return the records of all fits that made a model and are shown."""
        return [r for r in self.feed.snapshot() if r.phase == FIT and r.model is not None and not r.internal]

    def _repr_html_(self) -> str:
        from anabranch.rendering.html import run_to_html

        return run_to_html(self)

    def __repr__(self) -> str:
        name = f" {self.graph.name!r}" if self.graph.name else ""
        return f"<Run {self.id}{name}, {self.mode.name.lower()}: {self.state}, {len(self.feed.records)} entries>"


def _close(reference: weakref.ref[Client], run: int, detached: bool) -> None:
    client = reference()
    if client is None:
        return
    client.unsubscribe(run)
    if client.alive and not detached:
        client.tell(control_pb2.ToCoordinator(close_run=control_pb2.CloseRun(run=run)))
