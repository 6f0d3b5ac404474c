"""Fitted paths: what made an entry, as something that predicts."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from anabranch.errors import RequestError
from anabranch.keys import Key
from anabranch.roles import Role

if TYPE_CHECKING:
    from anabranch.data import Xy

#: Stands for the path's own input among a step's inputs.
INPUT = -1
#: Form of a step that joins the rows of parts of the data, each from steps of its own.
PARTS = "parts"


@dataclasses.dataclass(frozen=True)
class Step:
    """One node of a path with what it does.

    Attributes
    ----------
    name : str
        The node's name.
    role : Role
    action : object
        The fitted model, or the function with its parameters set.
    output : str
        The output method of a predictor.
    inputs : tuple of tuple of int
        Steps (or `INPUT`) that it reads: items in key order, each with one step per edge.
    form : str
        ``single``, ``edges``, ``list`` or ``list_of_edges``: how the inputs reach the action; ``parts``: it joins parts
        of the data that were fitted apart, into which a path cannot cut new data.
    """

    name: str
    role: Role
    action: Any
    output: str
    inputs: tuple[tuple[int, ...], ...]
    form: str


Given = Any | Mapping[str, Any]


class Path:
    """The fitted sub-graph that made one entry: transforms, predicts and scores new data in this process.

    Attributes
    ----------
    name : str
        Of the graph.
    key : Key
        Of the entry.
    steps : tuple of Step
        Each behind those that it reads; the last one is the entry's node.
    """

    def __init__(self, steps: Sequence[Step], key: Key, name: str = "") -> None:
        self.steps = tuple(steps)
        self.key = key
        self.name = name

    @property
    def node(self) -> str:
        """Name of the last node."""
        return self.steps[-1].name

    @property
    def model(self) -> Any:
        """The last node's fitted estimator, or its function."""
        return self.steps[-1].action

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the nodes that read the path's input."""
        reading = (step.name for step in self.steps if any(INPUT in item for item in step.inputs))
        return tuple(dict.fromkeys(reading))

    @property
    def classes_(self) -> Any:
        """Labels of the last node's classes, as its ``predict_proba`` orders them."""
        return self.model.classes_

    def transform(self, X: Given) -> Any:
        """Return what the path makes of X.

        Parameters
        ----------
        X : array or data frame, shape (n_samples, n_features), or dict of source node's name to one
        """
        from anabranch.evaluation import evaluate

        last = self.steps[-1]
        if last.role is Role.PREDICTOR:
            raise RequestError(
                f"the path ends in {last.name!r}, which predicts; select a transformer's entry, or use predict"
            )
        return evaluate(self, X)[-1].X

    def predict(self, X: Given) -> Any:
        """Return the last node's predictions for X."""
        return self._call(X, "predict")

    def predict_proba(self, X: Given) -> Any:
        """Return the last node's probabilities for X, shape (n_samples, n_classes)."""
        return self._call(X, "predict_proba")

    def decision_function(self, X: Given) -> Any:
        """Return the last node's decision values for X."""
        return self._call(X, "decision_function")

    def _call(self, X: Given, method: str) -> Any:
        from anabranch.evaluation import call_last

        return call_last(self, X, method)

    def score(self, X: Given, y: Any = None, *, sample_weight: Any = None, scoring: Any = None) -> Any:
        """Return the score of the last node on X and y, as a run in score mode does.

        Parameters
        ----------
        X : as for `transform`
        y : array, shape (n_samples,)
        sample_weight : array, shape (n_samples,), optional
        scoring : str, callable, list or dict, optional
            With a list or a dict, a dict of scores is returned.
        """
        from anabranch.evaluation import score

        return score(self, X, y, sample_weight, scoring)

    def to_sklearn(self, *, strict: bool = False) -> Any:
        """Return a fitted scikit-learn estimator that does the same.

        A line of nodes is a `Pipeline`, a `ColumnConcat` a `FeatureUnion`; any other graph is a `Pipeline` around
        an estimator that holds this path.

        Parameters
        ----------
        strict : bool
            Raise instead of the last.

        Raises
        ------
        RequestError
            With ``strict=True``; the message names the node that scikit-learn has no form for.
        """
        from anabranch.sklearn_path import to_sklearn

        return to_sklearn(self, strict=strict)

    def to_spark(self) -> Any:
        """Return a `PipelineModel` of pyspark.ml that does the same, for a path of Spark stages.

        It lives in this process's active session; one is started when there is none.

        Raises
        ------
        RequestError
            When a node is no stage of Spark; the message names it.
        """
        from anabranch.spark.paths import to_spark

        return to_spark(self)

    def save(self, file: str | os.PathLike) -> str:
        """Write the path to a file, for `ab.load`, and return the file's name."""
        from anabranch.persistence import save

        return save(self, file)

    def __repr__(self) -> str:
        key = f", {self.key}" if self.key else ""
        return f"Path({' > '.join(step.name for step in self.steps)}{key})"


def given_data(path: Path, X: Given, y: Any = None, sample_weight: Any = None) -> dict[str, Xy]:
    """Return the input of each source node.

    Raises
    ------
    RequestError
        When a dict lacks a source, or has a name that is none.
    """
    from anabranch.data import Xy
    from anabranch.graph import is_by_node
    from anabranch.inputs import as_array

    if is_by_node(X):
        names = {getattr(node, "name", node): value for node, value in X.items()}
        wrong = [name for name in path.sources if name not in names] or [n for n in names if n not in path.sources]
        if wrong:
            raise RequestError(
                f"the path reads {', '.join(path.sources)}; {wrong[0]!r} is not among what was given or read"
            )
        items = {
            name: value if isinstance(value, Xy) else Xy(as_array(value), y, sample_weight)
            for name, value in names.items()
        }
        return items
    item = X if isinstance(X, Xy) else Xy(as_array(X), y, sample_weight)
    return dict.fromkeys(path.sources, item)
