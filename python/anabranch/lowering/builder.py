"""Adds scikit-learn estimators to a graph, node by node."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

from anabranch.errors import GraphError
from anabranch.graph import Pipeline
from anabranch.lowering.shared_prefixes import Branch, shared_prefixes
from anabranch.lowering.steps import ArrayConcat
from anabranch.node import AndNode, Node, OrNode
from anabranch.nodes import Mean, SoftVote, Stack, Vote
from anabranch.roles import OUTPUT_METHODS, STACK_METHODS, estimator_type

#: Modules of transformers that take less time than a task costs.
_LIGHT = ("sklearn.preprocessing.", "sklearn.impute._base", "sklearn.compose._target")


class Builder:
    """A graph under construction.

    Parameters
    ----------
    graph : Pipeline
    expand : {"auto", "all", "none"}
    """

    def __init__(self, graph: Pipeline, expand: str) -> None:
        self.graph = graph
        self._expand = expand

    def add(
        self, estimator: Any, name: str = "", source: Node | None = None, *, middle: bool = False, output: Any = None
    ) -> Node:
        """Add an estimator behind `source` (None: it reads the input) and return the node that gives its output.

        Parameters
        ----------
        estimator : estimator
        name : str
            Its path of names, as in scikit-learn's parameters (``union__left__pca``); empty for the outermost.
        source : Node, optional
        middle : bool
            Whether it transforms for a step behind it, though it may predict as well.
        output : str, optional
            The method whose results a predictor passes on.
        """
        rule = self._rule(estimator, middle)
        if rule is not None:
            return rule(estimator, name, source, middle, output)
        return self._one(estimator, name or type(estimator).__name__.lower(), source, middle, output)

    def _rule(self, estimator: Any, middle: bool) -> Callable[..., Node] | None:
        from sklearn import compose, ensemble, pipeline

        from anabranch.estimator import GraphEstimator, can

        if isinstance(estimator, (Pipeline, GraphEstimator)):
            return self._graph if not middle or can(_graph_of(estimator), "transform") else None
        # Subclasses may do anything: they stay one node.
        kind = type(estimator)
        if kind is pipeline.Pipeline and getattr(estimator, "transform_input", None) is None:
            return self._pipeline
        if self._expand == "none":
            return None
        if kind is pipeline.FeatureUnion and self._splits_columns(estimator, estimator.transformer_list):
            return self._union
        if kind is compose.ColumnTransformer and self._splits_columns(estimator, estimator.transformers):
            return self._columns
        if middle:
            return None
        if kind is ensemble.VotingClassifier:
            return self._soft_vote if estimator.voting == "soft" else self._hard_vote
        if kind is ensemble.VotingRegressor:
            return self._mean
        if kind in (ensemble.StackingClassifier, ensemble.StackingRegressor) and _methods(estimator) is not None:
            return self._stack
        return None

    def _one(self, estimator: Any, name: str, source: Node | None, middle: bool, output: Any, **options: Any) -> Node:
        # What can both transform and predict transforms in the middle of a pipeline.
        role = "transformer" if middle and hasattr(estimator, "fit") and hasattr(estimator, "transform") else None
        return self._behind(OrNode(self._free(name), estimator, role=role, output=output, **options), [source])

    def _free(self, name: str) -> str:
        # A step may be called what an AND node of ours is called.
        while name in self.graph:
            name += "_"
        return name

    def _behind(self, node: Node, sources: Iterable[Node | None]) -> Node:
        self.graph.add_node(node)
        for source in sources:
            if source is not None:
                self.graph.add_edge(source, node)
        return node

    def _pipeline(self, pipeline: Any, name: str, source: Node | None, middle: bool, output: Any) -> Node:
        steps = [(title, step) for title, step in pipeline.steps if not _passes(step)]
        if not steps:
            if not name:
                raise GraphError("the pipeline has no step that does anything")
            return self._identity(name, source)
        node = source
        for title, step in steps[:-1]:
            node = self.add(step, _path(name, title), node, middle=True)
        title, step = steps[-1]
        # What is left out behind the last step that does something passes its output on.
        ends = pipeline.steps[-1][1] is step
        node = self.add(step, _path(name, title), node, middle=middle or not ends, output=output)
        return node

    def _graph(self, estimator: Any, name: str, source: Node | None, middle: bool, output: Any) -> Node:
        from anabranch.estimator import check_estimable

        graph = _graph_of(estimator)
        check_estimable(graph)
        made: dict[Node, Node] = {}
        for node in graph.nodes:
            made[node] = own = copy.copy(node)
            own.name = self._free(_path(name, node.name))
            self._behind(own, [source] if node in graph.sources else [])
        for before, after in graph.edges:
            self.graph.add_edge(made[before], made[after])
        end = made[graph.sinks[0]]
        if output is not None:
            end.output = output
        return end

    def _identity(self, name: str, source: Node | None) -> Node:
        from sklearn.preprocessing import FunctionTransformer

        return self._one(FunctionTransformer(), name, source, True, None)

    # ---- columns side by side

    def _splits_columns(self, estimator: Any, branches: Iterable[tuple]) -> bool:
        if getattr(estimator, "_sklearn_output_config", None):
            return False  # frames, with names that depend on all branches
        active = [branch for branch in branches if branch[1] != "drop"]
        worth = [branch for branch in active if self._expand == "all" or not is_light(branch[1])]
        return len(worth) > 1

    def _union(self, union: Any, name: str, source: Node | None, middle: bool, output: Any) -> Node:
        from sklearn.pipeline import FeatureUnion

        weights = union.transformer_weights or {}
        branches = []
        for title, step in union.transformer_list:
            if step == "drop":
                continue
            if title in weights:
                # A union of one: its own code weighs what comes out, whatever that is.
                weighed = FeatureUnion([(title, step)], transformer_weights={title: weights[title]})
                branches.append(self._one(weighed, _path(name, title), source, True, None))
            elif _passes(step):
                branches.append(self._identity(_path(name, title), source))
            else:
                branches.append(self.add(step, _path(name, title), source, middle=True))
        return self._behind(AndNode(self._free(name or "union"), ArrayConcat()), branches)

    def _columns(self, columns: Any, name: str, source: Node | None, middle: bool, output: Any) -> Node:
        from sklearn.compose import ColumnTransformer

        weights = columns.transformer_weights or {}
        branches = []
        for title, step, chosen in columns.transformers:
            if step == "drop":
                continue
            # Kept sparse up to the concatenation, which decides for all of them.
            one = ColumnTransformer([(title, step, chosen)], sparse_threshold=1.0, transformer_weights=weights or None)
            branches.append(self._one(one, _path(name, title), source, True, None))
        if columns.remainder != "drop":
            # The others are named and dropped: the remainder is what none of them takes.
            others = [(title, "drop", chosen) for title, _, chosen in columns.transformers]
            rest = ColumnTransformer(
                others, remainder=columns.remainder, sparse_threshold=1.0, transformer_weights=weights or None
            )
            branches.append(self._one(rest, _path(name, "remainder"), source, True, None))
        concat = ArrayConcat(sparse_threshold=columns.sparse_threshold)
        return self._behind(AndNode(self._free(name or "columns"), concat), branches)

    # ---- votes

    def _hard_vote(self, vote: Any, name: str, source: Node | None, middle: bool, output: Any) -> Node:
        voters = self._voters(vote, name, source, output="predict")
        return self._behind(AndNode(self._free(name or "vote"), Vote(_weights(vote))), voters)

    def _soft_vote(self, vote: Any, name: str, source: Node | None, middle: bool, output: Any) -> Node:
        # In sample: the vote is fitted for the names of the classes alone, so that nothing can leak into it.
        voters = self._voters(vote, name, source, output="predict_proba", in_sample=True)
        return self._behind(AndNode(self._free(name or "vote"), SoftVote(_weights(vote)), output=output), voters)

    def _mean(self, vote: Any, name: str, source: Node | None, middle: bool, output: Any) -> Node:
        voters = self._voters(vote, name, source, output="predict")
        return self._behind(AndNode(self._free(name or "mean"), Mean(_weights(vote))), voters)

    def _voters(self, vote: Any, name: str, source: Node | None, **options: Any) -> list[Node]:
        voters = [Branch(title, voter, source) for title, voter in vote.estimators if voter != "drop"]
        worth = (lambda step: True) if self._expand == "all" else (lambda step: not is_light(step))

        def add(title: str, step: Any, behind: Node | None) -> Node:
            return self.add(step, _path(name, title), behind, middle=True)

        return [
            self.add(branch.estimator, _path(name, branch.title), branch.source, **options)
            if options == {"output": "predict"} and self._has_members(branch.estimator)
            else self._one(branch.estimator, _path(name, branch.title), branch.source, False, **options)
            for branch in shared_prefixes(voters, add, worth)
        ]

    def _has_members(self, voter: Any) -> bool:
        """Whether a voter is a stack or a vote of labels, whose own members can be nodes."""
        return self._rule(voter, False) in (self._stack, self._hard_vote)

    def _stack(self, stacking: Any, name: str, source: Node | None, middle: bool, output: Any) -> Node:
        from sklearn.linear_model import LogisticRegression, RidgeCV

        # A base estimator is refitted as a whole in each inner fold: a pipeline among them is one node.
        methods = _methods(stacking)
        assert methods is not None
        bases: list[Node] = [
            self._one(base, _path(name, title), source, False, methods[title], cv=stacking.cv)
            for title, base in stacking.estimators
            if base != "drop"
        ]
        stack: Node = self._behind(AndNode(self._free(_path(name, "stacked")), Stack()), bases)
        if stacking.passthrough:
            beside = self._identity(_path(name, "passthrough"), source)
            stack = self._behind(AndNode(self._free(_path(name, "columns")), ArrayConcat()), [stack, beside])
        final = stacking.final_estimator
        if final is None:
            final = LogisticRegression() if estimator_type(stacking) == "classifier" else RidgeCV()
        return self.add(final, _path(name, "final_estimator"), stack, output=output)


def _graph_of(estimator: Any) -> Pipeline:
    return estimator if isinstance(estimator, Pipeline) else estimator.graph


def _path(name: str, title: str) -> str:
    return f"{name}__{title}" if name else title


def _passes(step: Any) -> bool:
    return step is None or (isinstance(step, str) and step == "passthrough")


def is_light(step: Any) -> bool:
    """Whether a transformer takes less time than a task costs."""
    if _passes(step) or isinstance(step, str):
        return True
    steps = getattr(step, "steps", None)
    if isinstance(steps, list):
        return all(is_light(inner) for _, inner in steps)
    return f"{type(step).__module__}.".startswith(_LIGHT)


def _weights(vote: Any) -> list[float] | None:
    if vote.weights is None:
        return None
    return [weight for weight, (_, estimator) in zip(vote.weights, vote.estimators) if estimator != "drop"]


def _methods(stacking: Any) -> dict[str, str] | None:
    """Return the output method of each base estimator, None where the stack has to stay one node."""
    if isinstance(stacking.cv, str):
        return None  # "prefit"
    classifies = estimator_type(stacking) == "classifier"
    asked = getattr(stacking, "stack_method", "predict")
    methods: dict[str, str] = {}
    for title, base in stacking.estimators:
        if isinstance(base, str):
            continue
        wanted = STACK_METHODS if asked == "auto" and classifies else ("predict" if asked == "auto" else asked,)
        method = next((one for one in wanted if hasattr(base, one)), None)
        # Labels as columns are numbered by the stacking classifier.
        if method not in OUTPUT_METHODS or (classifies and method == "predict"):
            return None
        # Folds are chosen by what the stack is, not by what a base estimator is.
        if (estimator_type(base) == "classifier") != classifies:
            return None
        methods[title] = method
    return methods if len(methods) > 1 else None
