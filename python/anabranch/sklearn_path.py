"""Fitted paths as scikit-learn estimators."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from anabranch.errors import RequestError
from anabranch.lowering.titles import titles
from anabranch.nodes import ColumnConcat, RowConcat
from anabranch.path import INPUT, Path, Step
from anabranch.roles import Role


class FittedPath(BaseEstimator):
    """A fitted path as an estimator: predicts, transforms and scores; it cannot be fitted anew.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def _estimator_type(self) -> str | None:
        return getattr(self.path.model, "_estimator_type", None)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        try:
            from sklearn.utils import get_tags

            own = get_tags(self.path.model)
            tags.estimator_type = own.estimator_type
            tags.classifier_tags, tags.regressor_tags = own.classifier_tags, own.regressor_tags
        except Exception:
            return tags
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_clone__(self) -> FittedPath:
        # Fitted for good: a clone that forgot its models could never have any.
        return self

    def fit(self, X: Any, y: Any = None) -> FittedPath:
        """Refuse: the path's graph is fitted by ``Pipeline.fit`` of anabranch."""
        raise RequestError("a fitted path cannot be fitted again; fit the graph and select a path of that run")

    @property
    def classes_(self) -> Any:
        """Labels of the classes."""
        return self.path.classes_

    def predict(self, X: Any) -> Any:
        """Return predictions for X."""
        return self.path.predict(X)

    def transform(self, X: Any) -> Any:
        """Return what the path makes of X."""
        return self.path.transform(X)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the path's score on X and y."""
        return self.path.score(X, y, sample_weight=sample_weight)

    def __getattr__(self, name: str) -> Any:
        # Only where the last node has them, so that scorers choose rightly.
        if (
            name in ("predict_proba", "decision_function")
            and "path" in self.__dict__
            and hasattr(self.path.model, name)
        ):
            return getattr(self.path, name)
        raise AttributeError(f"{type(self).__name__} has no {name}")


def to_sklearn(path: Path, *, strict: bool = False) -> Any:
    """Return a fitted scikit-learn estimator for a path; see `Path.to_sklearn`."""
    try:
        return Pipeline(_titled(_line(path, len(path.steps) - 1, last=True)))
    except _NoForm as error:
        if strict:
            raise RequestError(
                f"node {error.node!r} has no form in a scikit-learn Pipeline: {error}; leave out strict=True"
            ) from None
        return Pipeline([("graph", FittedPath(path))])


class _NoForm(Exception):
    def __init__(self, node: str, reason: str) -> None:
        super().__init__(reason)
        self.node = node


def _line(path: Path, index: int, last: bool = False) -> list[tuple[str, Any]]:
    """Return the steps of a Pipeline that ends in a step, from the path's input on."""
    if index == INPUT:
        return []
    step = path.steps[index]
    if len(step.inputs) != 1:
        raise _NoForm(step.name, "it gathers several references")
    if isinstance(step.action, ColumnConcat) and step.form == "edges":
        branches = [(_branch_name(path, source), _branch(path, source)) for source in step.inputs[0]]
        if len({name for name, _ in branches}) < len(branches):
            raise _NoForm(step.name, "two of its edges come from one node")
        # What the branches share would be computed once per branch: right, and slower.
        return [(step.name, FeatureUnion(_titled(branches)))]
    if len(step.inputs[0]) != 1:
        raise _NoForm(step.name, "it takes several inputs together")
    before = _line(path, step.inputs[0][0])
    if step.role is Role.SPLITTER or isinstance(step.action, RowConcat):
        return before
    if step.role is Role.FUNCTION and step.form in ("list", "list_of_edges"):
        raise _NoForm(step.name, "its function takes a list")
    return [*before, (step.name, _estimator(step, last))]


def _branch_name(path: Path, index: int) -> str:
    return "input" if index == INPUT else path.steps[index].name


def _branch(path: Path, index: int) -> Any:
    steps = _line(path, index)
    if not steps:
        return "passthrough"
    return steps[0][1] if len(steps) == 1 else Pipeline(_titled(steps))


def _titled(steps: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return list(zip(titles([name for name, _ in steps]), (step for _, step in steps)))


def _estimator(step: Step, last: bool) -> Any:
    if step.role is Role.TRANSFORMER or (step.role is Role.PREDICTOR and last):
        return step.action
    if step.role is Role.PREDICTOR:
        raise _NoForm(step.name, "its predictions are read by another node")
    from anabranch.runtime.combining import takes_xy
    from anabranch.runtime.estimators import positional

    if takes_xy(step.action) or positional(step.action)[0] >= 2:
        raise _NoForm(step.name, "its function takes y")
    return FunctionTransformer(step.action)
