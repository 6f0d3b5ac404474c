"""Graphs of OR and AND nodes."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from anabranch.chain import Chain, next_serial, take_loose
from anabranch.errors import GraphError
from anabranch.estimator_protocol import EstimatorProtocol
from anabranch.node import AndNode, Node, OrNode

if TYPE_CHECKING:
    from anabranch.run import Run

NodeLike = Node | str


class Pipeline(EstimatorProtocol):
    """An AND/OR graph.

    Parameters
    ----------
    name : str, optional
    chain : Chain or node, optional
        What ``>>`` made: ``ab.Pipeline("flights", pre >> [tree, boost] >> vote)``. It may stand alone, first.

    Raises
    ------
    GraphError
        When `name` is neither text nor what can be added.

    Notes
    -----
    A graph that was given nothing takes, when it is first used, the edges drawn with ``>>`` since it was made that
    no other graph has; one that was given nodes takes those that touch them.
    """

    def __init__(self, name: str | Any = None, chain: Any = None) -> None:
        if name is not None and not isinstance(name, str):
            if chain is not None:
                raise GraphError(f"the name of a graph is text, not {name!r}: ab.Pipeline(name, chain)")
            name, chain = None, name
        self.name = name or ""
        self._serial = next_serial()
        self._nodes: dict[str, Node] = {}
        self._edges: list[tuple[Node, Node]] = []
        if chain is not None:
            self.add(chain)

    # ---- building

    def add_node(self, node: Node) -> Node:
        """Add a node; adding it twice changes nothing.

        Raises
        ------
        GraphError
            When another node has the same name.
        """
        if not isinstance(node, Node):
            raise GraphError(f"{node!r} is not a node; make one with ab.OrNode(name, …) or ab.AndNode(name, …)")
        known = self._nodes.setdefault(node.name, node)
        if known is not node:
            raise GraphError(f"two nodes are called {node.name!r}; give one another name", node.name)
        return node

    def add_edge(self, source: NodeLike, target: NodeLike) -> None:
        """Let references flow from `source` to `target`; both join the graph. A node's incoming edges keep this order.

        Raises
        ------
        GraphError
            When the edge stands twice or closes a cycle, or a name is unknown.
        """
        source, target = self._node_for_edge(source), self._node_for_edge(target)
        if (source, target) in self._edges:
            raise GraphError(f"the edge {source.name!r} -> {target.name!r} stands twice", target.name)
        back = self._path(target, source)
        if back is not None:
            cycle = " -> ".join(node.name for node in [source, *back])
            raise GraphError(f"the edge {source.name!r} -> {target.name!r} closes a cycle: {cycle}", target.name)
        self._edges.append((source, target))

    def add(self, chain: Any) -> Pipeline:
        """Add what ``>>`` made, or a node, or a list of them; returns the graph."""
        added = Chain.of(chain)
        added.adopt()
        for node in added.nodes:
            self.add_node(node)
        for source, target in added.edges:
            self.add_edge(source, target)
        return self

    def _node_for_edge(self, node: NodeLike) -> Node:
        return self[node] if isinstance(node, str) else self.add_node(node)

    def _path(self, start: Node, goal: Node) -> list[Node] | None:
        if start is goal:
            return [goal]
        stack = [[start]]
        seen = {start}
        while stack:
            path = stack.pop()
            for source, target in self._edges:
                if source is not path[-1] or target in seen:
                    continue
                if target is goal:
                    return [*path, goal]
                seen.add(target)
                stack.append([*path, target])
        return None

    # ---- looking

    def _settle(self) -> None:
        known = {id(node) for node in self._nodes.values()} or None
        for source, target in take_loose(known, self._serial):
            if (source, target) not in self._edges:
                self.add_edge(source, target)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes, in the order in which they joined."""
        self._settle()
        return tuple(self._nodes.values())

    @property
    def edges(self) -> tuple[tuple[Node, Node], ...]:
        """(source, target), in the order in which they were added."""
        self._settle()
        return tuple(self._edges)

    @property
    def sources(self) -> tuple[Node, ...]:
        """Nodes without incoming edges: they read the inputs."""
        targets = {target for _, target in self.edges}
        return tuple(node for node in self.nodes if node not in targets)

    @property
    def sinks(self) -> tuple[Node, ...]:
        """Nodes without outgoing edges."""
        inner = {source for source, _ in self.edges}
        return tuple(node for node in self.nodes if node not in inner)

    def parents(self, node: NodeLike) -> tuple[Node, ...]:
        """Return the sources of a node's incoming edges, in edge order."""
        own = self[node]
        return tuple(source for source, target in self.edges if target is own)

    def ancestors(self, node: NodeLike) -> Pipeline:
        """Return the graph of a node and all that it reads, directly or not."""
        wanted = {self[node]}
        waiting = list(wanted)
        while waiting:
            parents = [parent for parent in self.parents(waiting.pop()) if parent not in wanted]
            wanted.update(parents)
            waiting.extend(parents)
        graph = Pipeline(self.name)
        for own in self.nodes:
            if own in wanted:
                graph.add_node(own)
        for source, target in self.edges:
            if target in wanted:
                graph.add_edge(source, target)
        return graph

    def index(self, node: NodeLike) -> int:
        """Return a node's place in `nodes`."""
        return self.nodes.index(self[node])

    def __getitem__(self, node: NodeLike) -> Node:
        self._settle()
        name = node.name if isinstance(node, Node) else node
        found = self._nodes.get(name)
        if found is None or (isinstance(node, Node) and found is not node):
            names = ", ".join(map(repr, self._nodes)) or "none"
            raise GraphError(f"graph {self.name!r} has no node {name!r}; its nodes: {names}", str(name))
        return found

    def __contains__(self, node: object) -> bool:
        self._settle()
        if isinstance(node, Node):
            return self._nodes.get(node.name) is node
        return node in self._nodes

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __repr__(self) -> str:
        return f"Pipeline({self.name!r}, {len(self.nodes)} nodes, {len(self.edges)} edges)"

    def validate(self) -> None:
        """Raise `GraphError` for what can be known to be wrong before anything runs."""
        nodes, edges = self.nodes, self.edges
        if not nodes:
            raise GraphError(f"graph {self.name!r} has no nodes; add some with add_edge or add")
        connected = {node for edge in edges for node in edge}
        for node in nodes:
            if len(nodes) > 1 and node not in connected:
                raise GraphError(
                    f"node {node.name!r} is not connected to any other; add an edge or remove it", node.name
                )
            if isinstance(node, AndNode):
                incoming = len(self.parents(node))
                if incoming == 0:
                    raise GraphError(f"AND node {node.name!r} has no incoming edge", node.name)
                if incoming == 1 and not node.over:
                    raise GraphError(
                        f"AND node {node.name!r} has one incoming edge and no over=: name the dimension to gather, "
                        'such as over=("partition",), or use an OrNode',
                        node.name,
                    )

    # ---- running

    def fit(self, X: Any, y: Any = None, **options: Any) -> Run:
        """Fit every node and return the run.

        Parameters
        ----------
        X : array, data frame, sparse matrix, `Xy`, `Ref`, or dict of node to a list of `Xy` or `Ref`
            Shape (n_samples, n_features). A dict gives each source node its own list: [X1 … XN] makes N partitions.
        y : array, shape (n_samples,) or (n_samples, n_outputs), optional
        partitions : int, optional
            Cut the rows into so many contiguous parts.
        by : str or array, optional
            A column of X, or one label per row: one part per distinct value, with the column as the dimension.
        sample_weight, groups, row_ids : array, shape (n_samples,), optional
        seed : int, optional
            Seeds what is unseeded.
        on_error : {"continue", "stop", "raise"}
        keep_outputs : bool
            Keep every node's outputs, and not those of sinks alone.
        progress : bool, optional
            Show a live view; by default on terminals and in notebooks.
        wait : bool
            False returns at once; `Run.wait` then follows the run.
        """
        from anabranch.execution import run_graph
        from anabranch.mode import Mode

        return run_graph(self, Mode.FIT, X, y, **options)

    def cross_validate(self, X: Any, y: Any = None, *, cv: Any = None, scoring: Any = None, **options: Any) -> Run:
        """Fit and score in every fold and return the run, which has the dimension ``fold``.

        Parameters
        ----------
        X, y, partitions, by, sample_weight, groups, seed, on_error, progress, wait
            As for `fit`.
        cv : int, splitter or iterable of (train, test), optional
            As scikit-learn's `check_cv` takes it.
        scoring : str, callable, list, tuple or dict, optional
            As scikit-learn's `cross_validate` takes it; each estimator's own ``score`` when not given.
        return_train_score : bool
        return_estimator : bool
            Keep the models of every fold.
        """
        from anabranch.execution import cross_validate_graph

        return cross_validate_graph(self, X, y, cv=cv, scoring=scoring, **options)

    def to_sklearn(self) -> Any:
        """Return an unfitted scikit-learn estimator that fits and predicts as this graph does.

        Raises
        ------
        GraphError
            When a node has no form in scikit-learn; the message names it.
        """
        from anabranch.lowering import to_sklearn

        return to_sklearn(self)

    # ---- drawing

    def to_text(self) -> str:
        """Return the graph as lines of text."""
        from anabranch.rendering import render

        return render(self, "text")

    def to_mermaid(self) -> str:
        """Return the graph as a Mermaid flowchart."""
        from anabranch.rendering import render

        return render(self, "mermaid")

    def to_dot(self) -> str:
        """Return the graph in Graphviz's language."""
        from anabranch.rendering import render

        return render(self, "dot")

    def to_svg(self, path: str | os.PathLike | None = None) -> str:
        """Return the graph's picture as SVG text, and write it to `path` when given."""
        from anabranch.rendering import render

        picture = render(self, "svg")
        if path is not None:
            pathlib.Path(path).write_text(picture, encoding="utf-8")
        return picture

    def _repr_html_(self) -> str:
        from anabranch.rendering.html import graph_to_html

        return graph_to_html(self)

    def _repr_svg_(self) -> str | None:
        return self.to_svg() if self.nodes else None


def is_by_node(X: Any) -> bool:
    """Whether inputs are named node by node; some sparse matrices are mappings, too."""
    return isinstance(X, Mapping) and not hasattr(X, "shape")


def nodes_by_reference(graph: Pipeline, inputs: Mapping[Any, Any]) -> dict[Node, Any]:
    """Return `inputs` keyed by the graph's nodes; keys may be nodes or names.

    Raises
    ------
    GraphError
        When a key is no node of the graph, or a source node has no inputs.
    """
    if not len(graph):
        # A graph made before ``>>`` drew anything may be known by its inputs alone (one node).
        for node in inputs:
            if isinstance(node, OrNode):
                graph.add_node(node)
    found = {graph[node]: value for node, value in inputs.items()}
    for node in graph.sources:
        if node not in found:
            raise GraphError(f"node {node.name!r} has no incoming edge and no inputs", node.name)
    return found
