"""Graphs as scikit-learn estimators that are not fitted yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anabranch.errors import GraphError
from anabranch.graph import Pipeline
from anabranch.lowering.steps import ArrayConcat
from anabranch.lowering.titles import titles
from anabranch.node import AndNode, Node, OrNode
from anabranch.nodes import ColumnConcat, Mean, SoftVote, Stack, Vote
from anabranch.roles import STACK_METHODS, Role, estimator_type

#: A step of a pipeline and the node that it stands for.
_Line = list[tuple[Node, Any]]


def to_sklearn(graph: Pipeline) -> Any:
    """Return an unfitted estimator that fits and predicts as the graph does: the way back from `from_sklearn`.

    Chains become a `Pipeline`, columns side by side a `FeatureUnion` or a `ColumnTransformer`, votes a
    `VotingClassifier` or `VotingRegressor`, stacks a `StackingClassifier` or `StackingRegressor`.

    Raises
    ------
    GraphError
        When a node has no such form: several sources of an OR node, variants, gathers, splitters, native functions,
        functions that look at y, other AND functions, several ends; predictions that a next node reads but for votes
        and stacks, for a pipeline's steps transform. The message names it.
    """
    graph.validate()
    if len(graph.sinks) != 1:
        names = ", ".join(node.name for node in graph.sinks)
        raise GraphError(f"graph {graph.name!r} has several ends ({names}): take graph.ancestors(node) of one of them")
    return _pipeline(_Reader(graph).line(graph.sinks[0]))


class _Reader:
    def __init__(self, graph: Pipeline) -> None:
        self._graph = graph

    def line(self, node: Node) -> _Line:
        """Return the steps from the input to a node, that of the node last."""
        if node.variants is not None:
            raise GraphError(f"node {node.name!r} has params=: a search over them is no single estimator", node.name)
        if isinstance(node, AndNode):
            return self._joined(node)
        parents = self._graph.parents(node)
        if len(parents) > 1:
            names = ", ".join(parent.name for parent in parents)
            raise GraphError(f"node {node.name!r} reads alternatives ({names}), which no estimator does", node.name)
        if not parents:
            return [(node, _estimator(node))]
        if isinstance(parents[0], AndNode) and isinstance(parents[0].step, Stack):
            return self._stacked(node, parents[0], beside=False)
        if self._is_stack_beside_its_input(parents[0]):
            return self._stacked(node, self._graph.parents(parents[0])[0], beside=True)
        _check_transforms(parents[0], node)
        return [*self.line(parents[0]), (node, _estimator(node))]

    def _joined(self, node: AndNode) -> _Line:
        parents = self._graph.parents(node)
        if node.over or node.join != "natural":
            raise GraphError(f"node {node.name!r} gathers or pairs references, which no estimator does", node.name)
        if not parents:
            raise GraphError(f"node {node.name!r} reads the input alone, as no union or vote does", node.name)
        step = node.step
        votes = isinstance(step, (Vote, SoftVote, Mean))
        for parent in parents if not votes else ():
            _check_transforms(parent, node)
        common, branches = _factored([self.line(parent) for parent in parents], whole=not votes)
        named = list(zip(titles([parent.name for parent in parents]), map(_branch, branches)))
        if isinstance(step, ArrayConcat) and step.sparse_threshold is not None:
            return [*common, (node, _columns(node, step, branches))]
        if isinstance(step, ColumnConcat):
            return [*common, (node, _union(named))]
        if isinstance(step, (Vote, SoftVote)):
            from sklearn.ensemble import VotingClassifier

            voting, method = ("soft", "predict_proba") if isinstance(step, SoftVote) else ("hard", "predict")
            for parent in parents:
                _check_votes(parent, node, method)
            return [*common, (node, VotingClassifier(named, voting=voting, weights=step.weights))]
        if isinstance(step, Mean) and all(estimator_type(parent.step) == "regressor" for parent in parents):
            from sklearn.ensemble import VotingRegressor

            return [*common, (node, VotingRegressor(named, weights=step.weights))]
        raise GraphError(f"node {node.name!r}: {step!r} has no form in scikit-learn here", node.name)

    def _is_stack_beside_its_input(self, node: Node) -> bool:
        if not (isinstance(node, AndNode) and isinstance(node.step, ColumnConcat)):
            return False
        parents = self._graph.parents(node)
        return len(parents) == 2 and isinstance(parents[0], AndNode) and isinstance(parents[0].step, Stack)

    def _stacked(self, final: Node, stack: Node, beside: bool) -> _Line:
        from sklearn.ensemble import StackingClassifier, StackingRegressor

        bases = self._graph.parents(stack)
        settings = [(base.cv, base.in_sample) if isinstance(base, OrNode) else (None, True) for base in bases]
        if any(in_sample for _, in_sample in settings) or any(cv is not settings[0][0] for cv, _ in settings):
            raise GraphError(f"node {stack.name!r}: its inputs do not share one cv=", stack.name)
        common, branches = _factored([self.line(base) for base in bases], whole=False)
        if any(len(branch) != 1 for branch in branches):
            raise GraphError(
                f"node {stack.name!r}: a step before its inputs is fitted once here, and in each fold by scikit-learn",
                stack.name,
            )
        if beside:
            self._check_passes_on(self._graph.parents(self._graph.parents(final)[0])[1], [node for node, _ in common])
        kind = _common_kind([*bases, final], stack)
        named = list(zip(titles([base.name for base in bases]), (branch[0][1] for branch in branches)))
        options: dict[str, Any] = {"final_estimator": final.step, "cv": settings[0][0], "passthrough": beside}
        if kind == "classifier":
            options["stack_method"] = _stack_method(bases)
            return [*common, (final, StackingClassifier(named, **options))]
        return [*common, (final, StackingRegressor(named, **options))]

    def _check_passes_on(self, node: Node, common: Sequence[Node]) -> None:
        """Raise `GraphError` unless a node gives a stack's own input: what ``passthrough=True`` puts beside it."""
        if common and node is common[-1]:
            return
        if not _is_identity(node) or list(self._graph.parents(node)) != list(common[-1:]):
            raise GraphError(
                f"node {node.name!r} stands beside a stack, where scikit-learn has nothing but the stack's own input",
                node.name,
            )


def _check_transforms(node: Node, reader: Node) -> None:
    """Raise `GraphError` when a node predicts for one that is no vote and no stack."""
    if node.emits_predictions:
        raise GraphError(
            f"node {node.name!r}: its predictions are the input of {reader.name!r}; scikit-learn's pipelines and "
            "unions transform before their end",
            node.name,
        )


def _check_votes(node: Node, vote: Node, method: str) -> None:
    """Raise `GraphError` unless a node can be among the estimators of a `VotingClassifier`."""
    if isinstance(node.step, Vote) and method == "predict":
        return
    if node.role is not Role.PREDICTOR or estimator_type(node.step) != "classifier" or node.output != method:
        raise GraphError(
            f"node {node.name!r} is no classifier that gives {vote.name!r} its {method}, as scikit-learn's votes need",
            node.name,
        )


def _is_identity(node: Node) -> bool:
    from sklearn.preprocessing import FunctionTransformer

    step = node.step
    return type(step) is FunctionTransformer and step.func is None and not getattr(step, "_sklearn_output_config", None)


def _common_kind(nodes: Sequence[Node], stack: Node) -> str:
    """Return what all of a stack's nodes are; scikit-learn cuts folds by it, and takes no others together."""
    kinds = {estimator_type(node.step) if node.role is Role.PREDICTOR else None for node in nodes}
    kind = kinds.pop()
    if kinds or kind not in ("classifier", "regressor"):
        raise GraphError(
            f"node {stack.name!r}: before and behind it are not classifiers only, nor regressors only", stack.name
        )
    return kind


def _stack_method(bases: Sequence[Node]) -> str:
    """Return the ``stack_method`` by which each base of a `StackingClassifier` gives what its node does."""
    methods = {base.output for base in bases}
    for base in bases:
        if base.output == "predict":
            raise GraphError(
                f"node {base.name!r}: its labels are columns of a stack, and scikit-learn numbers them", base.name
            )
        first = next(method for method in STACK_METHODS if hasattr(base.step, method))
        if len(methods) > 1 and base.output != first:
            raise GraphError(
                f"node {base.name!r}: output={base.output!r}, of which scikit-learn's stacks have one for all "
                f"inputs, or each input's first ({first!r})",
                base.name,
            )
    return methods.pop() if len(methods) == 1 else "auto"


def _factored(lines: Sequence[_Line], whole: bool = True) -> tuple[_Line, list[_Line]]:
    """Return what all lines begin with, and the rest of each: nothing, when a line may be used up as a whole."""
    length = 0
    most = min(map(len, lines)) - (not whole)
    while length < most and all(line[length][0] is lines[0][length][0] for line in lines):
        length += 1
    return lines[0][:length], [line[length:] for line in lines]


def _union(named: Sequence[tuple[str, Any]]) -> Any:
    """Return a union of branches; one that is a union of one, to be weighed, is the branch and its weight again."""
    from sklearn.pipeline import FeatureUnion

    branches, weights = [], {}
    for title, branch in named:
        inner = branch.transformer_list if type(branch) is FeatureUnion and branch.transformer_weights else []
        if len(inner) == 1 and inner[0][0] == title:
            branches.append(inner[0])
            weights |= branch.transformer_weights
        else:
            branches.append((title, branch))
    return FeatureUnion(branches, transformer_weights=weights or None)


def _columns(node: AndNode, step: ArrayConcat, branches: Sequence[_Line]) -> Any:
    """Return the `ColumnTransformer` that was taken apart into one for each branch."""
    from sklearn.compose import ColumnTransformer

    transformers: list[tuple] = []
    remainder: Any = "drop"
    weights = None
    for branch in branches:
        part = branch[0][1] if len(branch) == 1 else None
        if type(part) is not ColumnTransformer:
            raise GraphError(f"node {node.name!r}: its inputs are no parts of a ColumnTransformer", node.name)
        weights = part.transformer_weights
        if part.remainder == "drop":
            transformers.extend(part.transformers)
        else:
            remainder = part.remainder
            known = {title for title, *_ in transformers}
            transformers.extend(one for one in part.transformers if one[0] not in known)
    return ColumnTransformer(
        transformers, remainder=remainder, sparse_threshold=step.sparse_threshold, transformer_weights=weights
    )


def _branch(line: _Line) -> Any:
    if not line:
        return "passthrough"
    return line[0][1] if len(line) == 1 else _pipeline(line)


def _pipeline(line: _Line) -> Any:
    from sklearn.pipeline import Pipeline as SklearnPipeline

    return SklearnPipeline(list(zip(titles([node.name for node, _ in line]), (step for _, step in line))))


def _estimator(node: Node) -> Any:
    if node.role.is_fitted:
        if getattr(node, "fit", "each") == "sequential":
            raise GraphError(f"node {node.name!r} is fitted by partial_fit, and a pipeline's steps by fit", node.name)
        return node.step
    if node.role is Role.FUNCTION:
        from sklearn.preprocessing import FunctionTransformer

        from anabranch.runtime.combining import looks_at_more_than_X

        if looks_at_more_than_X(node.step):
            raise GraphError(f"node {node.name!r} is a function of more than X, all that scikit-learn gives", node.name)
        return FunctionTransformer(node.step)
    raise GraphError(f"node {node.name!r} is a splitter or a native function, which no estimator is", node.name)
