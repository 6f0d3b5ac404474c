"""From an entry back to the inputs: fitted paths by recorded lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anabranch.errors import RequestError
from anabranch.keys import DATA, VARIANT, Key
from anabranch.node import AndNode, Native, Node
from anabranch.nodes.concatenate import RowConcat
from anabranch.path import INPUT, PARTS, Path, Step
from anabranch.records import FIT, NO_NODE, SUCCEEDED, Record

if TYPE_CHECKING:
    from anabranch.entry import Entry
    from anabranch.run import Run


def path_of(run: Run, entry: Entry) -> Path:
    """Return the fitted path that made an entry.

    Raises
    ------
    RequestError
        When the entry failed, its models were not kept, or it was made by several models of one node.
    """
    if entry.state != "succeeded":
        raise RequestError(f"{entry!r} {entry.state}: there is no fitted path to it")
    record = next((one for one in entry.records if one.phase == FIT), entry.records[0])
    walk = _Walk(run)
    walk.visit(record)
    return Path(walk.steps, entry.key, run.graph.name)


class _Walk:
    """Visits ancestors first; the same model with the same inputs is one step."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._nodes = run.graph.nodes
        self.steps: list[Step] = []
        self._known: dict[tuple, int] = {}

    def visit(self, record: Record) -> int:
        record = self._shown(record)
        node = self._nodes[record.node]
        fit = None
        if node.role.is_fitted:
            fit = record if record.phase == FIT else self._run.fit_of(record)
            if fit is None or fit.model is None:
                raise RequestError(
                    f"node {node.name!r}, key {record.key}: its model was not kept; "
                    "cross-validate with return_estimator=True, or fit the graph"
                )
        form, items = self._inputs(node, record)
        identity = (node.name, fit.id if fit is not None else _variant_of(node, record.key), items)
        if identity not in self._known:
            self.steps.append(
                Step(
                    name=node.name,
                    role=node.role,
                    action=fit.model.get()
                    if fit is not None and fit.model is not None
                    else _function(node, record.key),
                    output=node.output,
                    inputs=items,
                    form=form,
                )
            )
            self._known[identity] = len(self.steps) - 1
        return self._known[identity]

    def _shown(self, record: Record) -> Record:
        """Return the full fit in the place of out-of-fold predictions, which are no part of a path."""
        node = self._nodes[record.node]
        if not node.role.is_fitted or (record.phase == FIT and not record.internal):
            return record
        if not record.internal and self._run.fit_of(record) is not None:
            return record
        for other in self._run.feed.of_node(record.node):
            if other.phase == FIT and other.state == SUCCEEDED and record.key.contains(other.key):
                return other
        raise RequestError(f"node {node.name!r}, key {record.key}: the lineage names no fit of it")

    def _inputs(self, node: Node, record: Record) -> tuple[str, tuple[tuple[int, ...], ...]]:
        parents = self._run.graph.parents(node)
        if not parents:
            return "single", ((INPUT,),)
        read = self._parents(record)
        sources = [self.visit(parent) for parent in read]
        if not sources:
            raise RequestError(f"node {node.name!r}, key {record.key}: its lineage was not recorded")
        gathers = isinstance(node, AndNode) and bool(node.over)
        if gathers:
            width = len(parents)
            items = tuple(tuple(sources[at : at + width]) for at in range(0, len(sources), width))
            if isinstance(node.step, RowConcat) and len({_parts_of(parent.key) for parent in read}) > 1:
                # New data is not in parts: what did the same to each of them does it once.
                items = tuple(dict.fromkeys(items))
                if len(items) > 1:
                    return PARTS, items
            return ("list" if width == 1 else "list_of_edges"), items
        # A fit over a list has the edges of every item; new data passes through each node once.
        width = len(parents) if node.is_and else 1
        columns = [set(sources[at::width]) for at in range(width)]
        for parent, column in zip(parents, columns):
            if len(column) > 1:
                raise RequestError(
                    f"node {node.name!r}, key {record.key}: it was fitted on outputs of {len(column)} models of "
                    f"{parent.name!r}; select an entry of a key that names one of them"
                )
        return ("edges" if node.is_and else "single"), (tuple(column.pop() for column in columns),)

    def _parents(self, record: Record) -> list[Record]:
        found = []
        for number in record.inputs:
            parent = self._run.feed.records.get(number)
            if parent is not None and parent.node != NO_NODE and parent.node < len(self._nodes):
                found.append(parent)
        return found


def _parts_of(key: Key) -> frozenset:
    """Return which parts of the data an entry is of."""
    return frozenset(part for part in key.parts if part[0].kind == DATA)


def _variant_of(node: Node, key: Key) -> int | None:
    if node.variants is None:
        return None
    return next((int(label) for d, label in key.parts if d.kind == VARIANT and d.owner == node.name), None)


def _function(node: Node, key: Key) -> Any:
    if isinstance(node.step, Native):
        from anabranch.natives import local_function

        return local_function(node)
    index = _variant_of(node, key)
    if index is None or node.variants is None:
        return node.step
    from anabranch.runtime.estimators import cloned

    return cloned(node.step).set_params(**node.variants[index])
