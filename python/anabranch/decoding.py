"""Graphs from messages: what another client submitted, as its coordinator hands it out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from anabranch.encoding import FIT, JOIN, MISSING
from anabranch.errors import RequestError
from anabranch.graph import Pipeline
from anabranch.node import AndNode, Native, Node, OrNode
from anabranch.roles import Role
from anabranch.v1 import common_pb2, graph_pb2

if TYPE_CHECKING:
    from anabranch.client import Client

_FIT = {value: name for name, value in FIT.items()}
_JOIN = {value: name for name, value in JOIN.items()}
_MISSING = {value: name for name, value in MISSING.items()}


class Unreadable:
    """In the place of an estimator or a function that cannot be unpickled here; calling it says why.

    Parameters
    ----------
    node : str
    error : Exception
    """

    def __init__(self, node: str, error: Exception) -> None:
        self.node = node
        self.error = error

    def explain(self) -> RequestError:
        """Return an error that names the node and the remedy."""
        return RequestError(
            f"node {self.node!r}: what was submitted cannot be read here: {type(self.error).__name__}: {self.error}; "
            "run this where its modules can be imported"
        )

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Raise the error."""
        raise self.explain() from self.error


def decode_graph(client: Client, message: graph_pb2.Graph) -> Pipeline:
    """Return a graph as it was submitted; the reverse of `encode_graph`.

    Each object that the message names is a holding, which is given back here.
    """
    graph = Pipeline(message.name)
    nodes = [_decode_node(client, node) for node in message.nodes]
    for node in nodes:
        graph.add_node(node)
    for edge in message.edges:
        graph.add_edge(nodes[edge.source], nodes[edge.target])
    return graph


def _decode_node(client: Client, message: graph_pb2.Node) -> Node:
    limits = message.limits
    shared: dict[str, Any] = {
        "keep_output": message.keep_output,
        "timeout": limits.timeout_ms / 1000 or None,
        "memory": limits.memory_bytes or None,
        "threads": limits.threads or None,
        "retries": message.retries,
        "executor": message.executor,
    }
    node: Node
    # Made around a stand-in: it was checked where it was made, and what is unreadable here would not pass.
    if message.kind == graph_pb2.NODE_KIND_AND:
        node = AndNode(
            message.name,
            _stand_in,
            over=tuple(message.over),
            join=_JOIN[message.join],
            missing=_MISSING[message.missing],
            emits_predictions=message.emits_predictions,
            **shared,
        )
    else:
        node = OrNode(message.name, _stand_in, **shared)
        node.fit = _FIT[message.fit]
        node.in_sample = message.in_sample
        node.cv = _value(client, message, "oof_splitter")
    node.role = Role(message.role)
    node.output = message.output_method
    node.step = _step(client, message)
    variants = _value(client, message, "variants")
    node.variants = None if isinstance(variants, Unreadable) else variants
    return node


def _stand_in(X: Any) -> Any:
    return X


def _step(client: Client, message: graph_pb2.Node) -> Any:
    if not message.native_function:
        return _value(client, message, "payload")
    parameters = json.loads(message.native_parameters) if message.native_parameters else {}
    return Native(message.native_function, parameters, message.splits or None)


def _value(client: Client, message: graph_pb2.Node, field: str) -> Any:
    if not message.HasField(field):
        return None
    reference = common_pb2.ObjectRef()
    reference.CopyFrom(getattr(message, field))
    read: Callable[[], Any] = client.received(reference).get
    try:
        return read()
    except RequestError:
        raise
    except Exception as error:
        return Unreadable(message.name, error)
