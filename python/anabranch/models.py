"""The models of a run, for a later one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anabranch.codec import key_to_message
from anabranch.errors import RequestError
from anabranch.keys import DATA, Dimension, Key
from anabranch.v1 import graph_pb2

if TYPE_CHECKING:
    from anabranch.run import Run


def choices(run: Run) -> set[Dimension]:
    """Return the positional dimensions by which the run's models differ: one label is no choice."""
    labels: dict[Dimension, set] = {}
    for record in run.fits():
        for dimension, label in record.key.parts:
            labels.setdefault(dimension, set()).add(label)
    return {dimension for dimension, found in labels.items() if dimension.positional and len(found) > 1}


def model_keys(run: Run) -> dict[int, Key]:
    """Return, by the record of each fit, the key that its model has in a later run.

    Positions of a list mean nothing there: they are left out where there is only one, and otherwise become a choice of
    model with a name of its own, ``fit.partition``.
    """
    chosen = choices(run)
    return {
        record.id: Key(
            (Dimension(DATA, f"fit.{d.owner}") if d.positional else d, label)
            for d, label in record.key.parts
            if not d.positional or d in chosen
        )
        for record in run.fits()
    }


def encode_models(run: Run) -> list[graph_pb2.NodeModels]:
    """Return every fitted node's models.

    Raises
    ------
    RequestError
        When the run kept none.
    """
    chosen = choices(run)
    by_node: dict[int, graph_pb2.NodeModels] = {}
    for record in run.fits():
        # The coordinator names positions anew itself; they are sent as they were.
        key = Key(part for part in record.key.parts if not part[0].positional or part[0] in chosen)
        node = by_node.setdefault(record.node, graph_pb2.NodeModels(node=record.node))
        assert record.model is not None
        node.entries.append(graph_pb2.ModelEntry(key=key_to_message(key), model=record.model.message))
    if not by_node:
        fitted = any(node.role.is_fitted for node in run.graph.nodes)
        if fitted:
            why = (
                "cross-validate with return_estimator=True"
                if run.mode.name == "CROSS_VALIDATE"
                else "fit the graph first"
            )
            raise RequestError(f"{run!r} has no models: {why}")
    return list(by_node.values())
