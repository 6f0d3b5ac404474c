"""Graphs as scikit-learn estimators."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.metaestimators import available_if

from anabranch.errors import GraphError, RequestError
from anabranch.evaluation import check_uncut, path_classes
from anabranch.graph import Pipeline
from anabranch.graph_parameters import copied, parameters, set_parameters
from anabranch.node import Node
from anabranch.nodes import Mean
from anabranch.path import Path
from anabranch.roles import Role, estimator_type
from anabranch.weighted_fit import WeightedFit


def check_estimable(graph: Pipeline) -> None:
    """Raise `GraphError` when a graph cannot be an estimator; the message says why."""
    graph.validate()
    if len(graph.sinks) != 1:
        names = ", ".join(node.name for node in graph.sinks)
        raise GraphError(
            f"graph {graph.name!r} has several ends ({names}), an estimator has one: take graph.ancestors(node)"
        )
    taken = next((node.name for node in graph.nodes if node.name == "graph"), None)
    if taken is not None:
        raise GraphError("a node called 'graph' hides the estimator's parameter of that name; rename it", taken)


def can(graph: Pipeline, method: str) -> bool:
    """Whether an estimator made of the graph would have a method."""
    if len(graph.sinks) != 1:
        return False
    end = graph.sinks[0]
    if method in ("transform", "fit_transform"):
        return not end.emits_predictions
    if method in ("predict", "score"):
        return end.emits_predictions
    return end.role is Role.PREDICTOR and hasattr(end.step, method)


def _has(method: str) -> Callable[[Any], bool]:
    def check(estimator: GraphEstimator) -> bool:
        return can(estimator.graph, method)

    return check


class GraphEstimator(BaseEstimator):
    """A graph that is fitted, cloned and asked as a scikit-learn estimator.

    Its parameters are ``graph``, each node's step under the node's name, and theirs as ``node__parameter``. A fit is a
    run on the pool; what is fitted predicts in this process, and can be pickled. `Pipeline.as_estimator` makes one.

    Parameters
    ----------
    graph : Pipeline
        With one end, that has one key: no variants, partitions or folds that are not gathered again.

    Attributes
    ----------
    fitted_ : Path or estimator
        The fitted path to the graph's end; within a task of a search, where no slot is free for a run, the graph's
        form in scikit-learn, if it has one.
    classes_ : array, shape (n_classes,)
        Where the end classifies.
    n_features_in_ : int
    feature_names_in_ : array of str, shape (n_features_in_,)
        Where X was a data frame with such names.
    """

    def __init__(self, graph: Pipeline) -> None:
        self.graph = graph

    # ---- parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name."""
        if not deep or not isinstance(self.graph, Pipeline):
            return {"graph": self.graph}
        return {"graph": self.graph, **parameters(self.graph)}

    def set_params(self, **params: Any) -> GraphEstimator:
        """Set parameters by name and return the estimator; see the class for their names."""
        if "graph" in params:
            self.graph = params.pop("graph")
        if params:
            set_parameters(self.graph, params)
        return self

    def __sklearn_clone__(self) -> GraphEstimator:
        twin = GraphEstimator(copied(self.graph))
        # What `set_fit_request`, `set_output` and the like have noted, which is no parameter; as scikit-learn does.
        for noted in ("_metadata_request", "_sklearn_output_config"):
            if noted in vars(self):
                setattr(twin, noted, copy.deepcopy(getattr(self, noted)))
        return twin

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import get_tags

        tags = super().__sklearn_tags__()
        end = self.graph.sinks[0]
        tags.estimator_type = self._estimator_type
        if end.role.is_fitted and not end.is_and:
            own = get_tags(end.step)
            tags.classifier_tags, tags.regressor_tags = own.classifier_tags, own.regressor_tags
            tags.transformer_tags, tags.target_tags = own.transformer_tags, own.target_tags
        elif tags.estimator_type in ("classifier", "regressor"):
            from sklearn.utils import ClassifierTags, RegressorTags

            tags.classifier_tags = ClassifierTags() if tags.estimator_type == "classifier" else None
            tags.regressor_tags = RegressorTags() if tags.estimator_type == "regressor" else None
        tags.target_tags.required = any(node.needs_y for node in self.graph.nodes)
        steps = {n: get_tags(n.step) for n in self.graph.nodes if n.role.is_fitted and not n.is_and}
        sources = [steps[node].input_tags for node in self.graph.sources if node in steps]
        for kind in (
            "one_d_array",
            "two_d_array",
            "three_d_array",
            "string",
            "categorical",
            "positive_only",
            "pairwise",
        ):
            setattr(tags.input_tags, kind, any(getattr(source, kind) for source in sources))
        for kind in ("sparse", "allow_nan"):
            # What the first step lets through has to be what the others take.
            setattr(tags.input_tags, kind, bool(steps) and all(getattr(t.input_tags, kind) for t in steps.values()))
        tags.non_deterministic = any(step.non_deterministic for step in steps.values())
        return tags

    @property
    def _estimator_type(self) -> str | None:
        end = self.graph.sinks[0]
        return None if not end.emits_predictions else _kind(self.graph, end)

    # ---- fitting

    @WeightedFit
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> GraphEstimator:
        """Fit the graph on the pool and return the estimator.

        Parameters
        ----------
        X : array, data frame or sparse matrix, shape (n_samples, n_features)
        y : array, shape (n_samples,) or (n_samples, n_outputs), optional
        sample_weight : array, shape (n_samples,), optional
            For the nodes whose estimators take it. The signature of an instance has it where all its predictors do.

        Raises
        ------
        GraphError
            When the graph cannot run, or its end has several keys.
        Exception
            What a node's fit raised; a note names the node.
        """
        check_estimable(self.graph)
        if y is None and any(node.needs_y for node in self.graph.nodes):
            raise ValueError(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None")
        X, y, sample_weight = self._table(X), _array(y), _array(sample_weight)
        form = _form_in_a_search(self.graph) if sample_weight is None else None
        self.fitted_ = self._run(X, y, sample_weight) if form is None else form.fit(X, y)
        self._note_features(X)
        return self

    def _run(self, X: Any, y: Any, sample_weight: Any) -> Path:
        """Fit on the pool and return the path to the end."""
        run = self.graph.fit(X, y, sample_weight=sample_weight, on_error="stop", progress=False)
        failed = run.failed
        if failed:
            raise _named(failed[0], self.graph)
        end = self.graph.sinks[0]
        entries = run[end]
        if len(entries) != 1:
            raise GraphError(
                f"node {end.name!r} has {len(entries)} results, an estimator has one: end the graph with a node that "
                "chooses or gathers (ab.nodes.Best, ab.nodes.Vote), or search over params with a search",
                end.name,
            )
        _warn([text for entry in run for text in entry.warnings])
        path = run.select(entries[0])
        check_uncut(path)
        return path

    def _table(self, X: Any) -> Any:
        """Return X with the rows and columns that the sources take; raises ValueError when it has none."""
        X = _array(X)
        if getattr(X, "ndim", 2) == 1 and not any(_takes_values(node, X) for node in self.graph.sources):
            raise ValueError(
                f"Expected 2D array, got 1D array of shape {X.shape} instead. Reshape your data either using "
                "array.reshape(-1, 1) if it has one feature or array.reshape(1, -1) if it is one sample."
            )
        return X

    def _note_features(self, X: Any) -> None:
        shape = getattr(X, "shape", None)
        width = shape[1] if shape is not None and len(shape) == 2 else None
        if width is None and isinstance(X, (list, tuple)) and X and isinstance(X[0], (list, tuple)):
            width = len(X[0])
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
        if width is not None:
            self.n_features_in_ = width
        columns = getattr(X, "columns", None)
        if columns is not None and all(isinstance(column, str) for column in columns):
            import numpy as np

            self.feature_names_in_ = np.asarray(columns, dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "fitted_")

    def _fitted(self) -> Any:
        if not hasattr(self, "fitted_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet; call fit first")
        return self.fitted_

    # ---- what is fitted

    @property
    def classes_(self) -> Any:
        """Labels of the end's classes."""
        fitted = self._fitted()
        if not isinstance(fitted, Path):
            return fitted.classes_
        found = getattr(fitted.model, "classes_", None) if fitted.steps[-1].role.is_fitted else path_classes(fitted)
        if found is None:
            raise AttributeError(f"node {fitted.node!r} has no classes")
        return found

    @available_if(_has("predict"))
    def predict(self, X: Any) -> Any:
        """Return predictions for X, shape (n_samples,) or (n_samples, n_outputs)."""
        return self._fitted().predict(self._table(X))

    @available_if(_has("predict_proba"))
    def predict_proba(self, X: Any) -> Any:
        """Return probabilities, shape (n_samples, n_classes)."""
        return self._fitted().predict_proba(self._table(X))

    @available_if(_has("decision_function"))
    def decision_function(self, X: Any) -> Any:
        """Return decision values, shape (n_samples,) or (n_samples, n_classes)."""
        return self._fitted().decision_function(self._table(X))

    @available_if(_has("transform"))
    def transform(self, X: Any) -> Any:
        """Return what the graph makes of X."""
        return self._fitted().transform(self._table(X))

    @available_if(_has("fit_transform"))
    def fit_transform(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Fit, and return what the graph makes of X."""
        X = self._table(X)
        return self.fit(X, y, sample_weight).transform(X)

    @available_if(_has("score"))
    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the end's score on X and y: its own, or accuracy or R² of predictions that are combined."""
        return self._fitted().score(self._table(X), _array(y), sample_weight=_array(sample_weight))


def _kind(graph: Pipeline, node: Node) -> str | None:
    """Return what a node's predictions are: a classifier's, a regressor's."""
    if node.role.is_fitted:
        return estimator_type(node.step)
    kinds = {_kind(graph, parent) for parent in graph.parents(node)}
    if isinstance(node.step, Mean) and "regressor" not in kinds:
        return None
    return kinds.pop() if len(kinds) == 1 else None


def _form_in_a_search(graph: Pipeline) -> Any:
    """Return the graph's form in scikit-learn when a search's task fits it and there is one, else None."""
    from anabranch.waiting import inside_task

    if not inside_task():
        return None
    from anabranch.model_selection.tasks import inside_task as inside_search

    try:
        return graph.to_sklearn() if inside_search() else None
    except GraphError:
        return None


def _named(entry: Any, graph: Pipeline) -> BaseException:
    error = entry.error.exception() if entry.error is not None else RequestError(f"{entry!r} failed")
    note = f"in node {entry.node!r} of graph {graph.name!r}"
    if hasattr(error, "add_note"):  # from Python 3.11 on
        error.add_note(note)
    return error


def _array(value: Any) -> Any:
    """Return as an array what only says that it can be one."""
    if not hasattr(value, "__array__") or hasattr(value, "shape"):
        return value
    import numpy as np

    return np.asarray(value)


def _takes_values(node: Node, X: Any) -> bool:
    """Whether a source may be given a value for each row, such as a text, in the place of a table."""
    if not node.role.is_fitted:
        return True
    try:
        from sklearn.utils import get_tags

        tags = get_tags(node.step).input_tags
    except ImportError:  # before scikit-learn 1.6 there is no public way to know
        return X.dtype.kind not in "biufc"
    return tags.one_d_array or not tags.two_d_array


def _warn(texts: list[str]) -> None:
    """Give here the warnings that fits gave off in the pool, which come as ``category: message``."""
    import builtins

    from sklearn import exceptions

    for text in dict.fromkeys(texts):
        name, _, message = text.partition(": ")
        kind = getattr(exceptions, name, getattr(builtins, name, None))
        if not (isinstance(kind, type) and issubclass(kind, Warning)):
            kind, message = UserWarning, text
        warnings.warn(message, kind, stacklevel=3)
