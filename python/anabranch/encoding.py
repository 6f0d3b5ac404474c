"""Graphs and options as messages."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from anabranch.errors import AnabranchError, GraphError
from anabranch.node import AndNode, Native, Node, OrNode
from anabranch.roles import Role
from anabranch.v1 import graph_pb2, task_pb2

if TYPE_CHECKING:
    from anabranch.client import Client
    from anabranch.graph import Pipeline
    from anabranch.references import Ref

FIT = {
    "each": graph_pb2.FIT_POLICY_EACH,
    "all": graph_pb2.FIT_POLICY_ALL,
    "sequential": graph_pb2.FIT_POLICY_SEQUENTIAL,
}
JOIN = {"natural": graph_pb2.JOIN_POLICY_NATURAL, "product": graph_pb2.JOIN_POLICY_PRODUCT}
MISSING = {"fail": graph_pb2.MISSING_POLICY_FAIL, "drop": graph_pb2.MISSING_POLICY_DROP}


class EncodedGraph:
    """A graph as a message, with the references that keep its payloads alive."""

    def __init__(self, message: graph_pb2.Graph, refs: list[Ref]) -> None:
        self.message = message
        self.refs = refs


def encode_graph(client: Client, graph: Pipeline) -> EncodedGraph:
    """Store estimators and functions, once each, and return the graph's message.

    Raises
    ------
    GraphError
        When something cannot be pickled; the message names its node.
    """
    refs: list[Ref] = []
    message = graph_pb2.Graph(name=graph.name)
    index = {node: place for place, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        message.nodes.append(_encode_node(client, node, refs))
    for source, target in graph.edges:
        message.edges.append(graph_pb2.Edge(source=index[source], target=index[target]))
    return EncodedGraph(message, refs)


def _encode_node(client: Client, node: Node, refs: list[Ref]) -> graph_pb2.Node:
    message = graph_pb2.Node(
        name=node.name,
        kind=graph_pb2.NODE_KIND_AND if node.is_and else graph_pb2.NODE_KIND_OR,
        role=int(node.role),  # type: ignore[arg-type]
        output_method=node.output,
        needs_y=node.needs_y,
        emits_predictions=node.emits_predictions,
        limits=task_pb2.Limits(
            timeout_ms=round((node.timeout or 0) * 1000), memory_bytes=node.memory, threads=node.threads
        ),
        retries=node.retries,
        executor=node.executor,
        keep_output=node.keep_output,
    )
    native = _native(node)
    if native is not None:
        message.native_function = native.function
        message.executor = node.executor or "native"
        if native.parameters:
            message.native_parameters = _json(node, native)
    else:
        message.payload.CopyFrom(_store(client, as_configured(node.step), node, type(node.step).__name__, refs).message)
    if node.variants is not None:
        message.variant_count = len(node.variants)
        message.variants.CopyFrom(_store(client, node.variants, node, "params=", refs).message)
    if node.role is Role.SPLITTER:
        message.splits = node.step.splits
    if isinstance(node, OrNode):
        message.fit = FIT[node.fit]
        message.in_sample = node.in_sample
        if node.cv is not None:
            message.oof_splitter.CopyFrom(_store(client, _splitter(node), node, "cv=", refs).message)
    if isinstance(node, AndNode):
        message.over.extend(node.over)
        message.join = JOIN[node.join]
        message.missing = MISSING[node.missing]
    return message


def as_configured(step: Any) -> Any:
    """Return a transformer that makes the frames which scikit-learn's configuration here asks for.

    It is fitted in another process, whose configuration is its own. What was said by its own `set_output` holds.
    """
    sklearn = sys.modules.get("sklearn")
    wanted = sklearn.get_config()["transform_output"] if sklearn is not None else "default"
    if wanted == "default" or not hasattr(step, "set_output") or hasattr(step, "_sklearn_output_config"):
        return step
    twin = sklearn.clone(step)
    try:
        return twin.set_output(transform=wanted)
    except ValueError:  # a step within it makes no frames; the configuration passes over it
        return step


def _native(node: Node) -> Native | None:
    if isinstance(node.step, Native):
        return node.step
    function = getattr(node.step, "function", None)
    if node.role is not Role.SPLITTER or not isinstance(function, Native):
        return None
    # The worker labels the parts itself, along the dimension that the graph says.
    return Native(function.function, {"dimension": node.step.splits, **function.parameters})


def _json(node: Node, native: Native) -> bytes:
    try:
        return json.dumps(native.parameters, sort_keys=True, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise GraphError(
            f"node {node.name!r}: a native function's parameters are JSON values: {error}", node.name
        ) from None


def _store(client: Client, value: Any, node: Node, what: str, refs: list[Ref]) -> Ref:
    try:
        # Named by reference, so that thousands of tasks do not carry the estimator thousands of times.
        ref = client.put(value, never_inline=True)
    except AnabranchError:
        raise
    except Exception as error:
        if type(error).__module__.startswith("anabranch."):
            raise
        raise GraphError(f"node {node.name!r}: {what} cannot be pickled: {error}", node.name) from error
    refs.append(ref)
    return ref


def _splitter(node: OrNode) -> Any:
    from anabranch.folds import inner_splitter

    return inner_splitter(node)


def encode_seed(options: graph_pb2.RunOptions, seed: int | None) -> None:
    """Set a run's seed, an integer in [0, 2**32)."""
    if seed is None:
        return
    if not 0 <= seed < 1 << 32:
        raise GraphError(f"seed={seed} is not in [0, 2**32)")
    options.has_seed = True
    options.seed = seed


def encode_candidates(graph: Pipeline, candidates: list[Mapping[str, int]]) -> list[graph_pb2.Candidate]:
    """Return allowed combinations of variants, given as dicts of node name to variant label."""
    from anabranch.codec import part_to_message
    from anabranch.keys import VARIANT, Dimension

    encoded = []
    for candidate in candidates:
        for name, label in candidate.items():
            node = graph[name]
            if node.variants is None or not 0 <= label < len(node.variants):
                raise GraphError(f"candidate {dict(candidate)!r}: node {name!r} has no variant {label}", name)
        parts = sorted((Dimension(VARIANT, name), int(label)) for name, label in candidate.items())
        encoded.append(graph_pb2.Candidate(parts=[part_to_message(*part) for part in parts]))
    return encoded
