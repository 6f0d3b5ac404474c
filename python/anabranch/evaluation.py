"""Running a path in this process, by the rules of the runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anabranch.data import Xy
from anabranch.errors import RequestError
from anabranch.path import INPUT, PARTS, Given, Path, Step, given_data
from anabranch.roles import Role
from anabranch.runtime.estimators import takes_column
from anabranch.scoring import SCORE, resolve_scoring, weighted

_COLUMNS = ("y", "sample_weight", "groups", "row_ids")


class LocalContext:
    """What the runtime's rules ask of a task, for a step that runs here.

    Parameters
    ----------
    name : str
        Names the step in errors.
    """

    def __init__(self, name: str) -> None:
        self.name = f"node {name!r}"

    def payload(self, value: Any, what: str) -> Any:
        """Return the value itself: here payloads are no references."""
        return value


def evaluate(path: Path, X: Given, y: Any = None, sample_weight: Any = None, last: bool = True) -> list[Xy]:
    """Return every step's output.

    Parameters
    ----------
    last : bool
        False leaves out the last step.

    Raises
    ------
    RequestError
        When new data would have to be cut into parts.
    """
    check_uncut(path)
    given = given_data(path, X, y, sample_weight)
    outputs: list[Xy] = []
    for step in path.steps if last else path.steps[:-1]:
        outputs.append(_run(step, _items(step, outputs, given), step.output))
    return outputs


def check_uncut(path: Path) -> None:
    """Raise `RequestError` when the path needs new data cut into parts; the message says what to do."""
    for step in path.steps:
        if step.form == PARTS:
            raise RequestError(
                f"node {step.name!r} joins the rows of {len(step.inputs)} parts, each from fits of its own, and a path "
                "takes data whole: use predict, transform or score of the run, or cross_validate of the graph, which "
                "cut new data as the fit was cut"
            )


def _items(step: Step, outputs: list[Xy], given: Mapping[str, Xy]) -> list[list[Xy]]:
    return [[given[step.name] if source == INPUT else outputs[source] for source in item] for item in step.inputs]


def _run(step: Step, items: list[list[Xy]], method: str) -> Xy:
    sources = [xy for item in items for xy in item]
    if step.role is Role.SPLITTER:
        # The data is what one of its parts was: it has been cut already.
        return sources[0]
    if step.role in (Role.FUNCTION, Role.NATIVE):
        return _with_columns(_call_function(step, items), sources)
    X = _features(step, items)
    return _with_columns(Xy(_method(step, method or "transform")(X)), sources)


def _call_function(step: Step, items: list[list[Xy]]) -> Xy:
    from anabranch.runtime.combining import call_single
    from anabranch.runtime.outputs import as_xy

    context: Any = LocalContext(step.name)
    if step.form == "single":
        return as_xy(context, call_single(context, step.action, items[0][0]))
    return as_xy(context, step.action(_shaped(step, items)))


def _shaped(step: Step, items: list[list[Any]]) -> Any:
    if step.form == "single":
        return items[0][0]
    if step.form == "edges":
        return items[0]
    return [item[0] for item in items] if step.form == "list" else items


def _features(step: Step, items: list[list[Xy]]) -> Any:
    X = _shaped(step, [[xy.X for xy in item] for item in items])
    # As in the runtime: predictions reach the next estimator as a column.
    return X.reshape(-1, 1) if step.form == "single" and takes_column(step.action, X) else X


def _method(step: Step, name: str) -> Any:
    try:
        return getattr(step.action, name)
    except AttributeError as error:
        raise RequestError(f"node {step.name!r}: {type(step.action).__name__} has no {name}: {error}") from None


def _with_columns(result: Xy, sources: list[Xy]) -> Xy:
    """Return a step's result with what belongs to its rows: its own, or that which all sources share."""
    for column in _COLUMNS:
        shared = getattr(sources[0], column)
        if getattr(result, column) is None and all(getattr(source, column) is shared for source in sources):
            result = result.replace(**{column: shared})
    return result


def call_last(path: Path, X: Given, method: str) -> Any:
    """Return what a method of the last step's estimator makes of X; for a function that predicts, its result."""
    step = path.steps[-1]
    items = _items(step, evaluate(path, X, last=False), given_data(path, X))
    if step.role in (Role.FUNCTION, Role.NATIVE):
        values = _call_function(step, items).X
        if method == "predict_proba" and getattr(values, "ndim", 1) != 2:
            raise RequestError(f"node {step.name!r} gives labels and no probabilities")
        if (
            method == "predict"
            and getattr(values, "ndim", 1) == 2
            and values.shape[1] > 1
            and path_classes(path) is not None
        ):
            import numpy as np

            return path_classes(path)[np.argmax(values, axis=1)]
        return values
    return _method(step, method)(_features(step, items))


def path_classes(path: Path) -> Any:
    """Return the classes that the last function's inputs agree on, None when they do not."""
    import numpy as np

    step = path.steps[-1]
    sources = [path.steps[source] for item in step.inputs for source in item if source != INPUT]
    found = [getattr(source.action, "classes_", None) for source in sources]
    if not found or any(classes is None for classes in found):
        return None
    return found[0] if all(np.array_equal(found[0], classes) for classes in found) else None


def score(path: Path, X: Given, y: Any, sample_weight: Any, scoring: Any) -> Any:
    """Return the scores of the last step; see `Path.score`."""
    from anabranch.inputs import as_array
    from anabranch.runtime.predictions import prediction_scores
    from anabranch.runtime.scoring import scores_of

    y = as_array(y)
    step = path.steps[-1]
    context: Any = LocalContext(step.name)
    scorers: Any = weighted(resolve_scoring(scoring))
    items = _items(step, evaluate(path, X, y, sample_weight, last=False), given_data(path, X, y, sample_weight))
    if step.role in (Role.FUNCTION, Role.NATIVE):
        result = _with_columns(_call_function(step, items), [xy for item in items for xy in item])
        found = prediction_scores(context, result.X, result.y, result.sample_weight, scorers)
    else:
        first = items[0][0]
        found = scores_of(context, step.action, _features(step, items), first.y, first.sample_weight, scorers)
    values = {one.name: one.value for one in found}
    return values[SCORE] if list(values) == [SCORE] else values
