"""Estimators and functions made ready for one task: cloned, given their parameters, seeded; and how they are called."""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any

from anabranch.runtime.context import TaskContext
from anabranch.runtime.errors import TaskRefused
from anabranch.v1 import task_pb2


def cloned(template: Any) -> Any:
    """Return an unfitted copy; what has no ``get_params`` is copied whole."""
    if hasattr(template, "get_params"):
        try:
            from sklearn.base import clone
        except ImportError:
            return copy.deepcopy(template)
        return clone(template, safe=False)
    return copy.deepcopy(template)


def prepared(
    context: TaskContext, template: Any, variant: task_pb2.Variant | None, seed: int | None, fitted: bool
) -> Any:
    """Return the template with a variant's parameters set and its unseeded parts seeded.

    Parameters
    ----------
    context : TaskContext
    template : object
        Shared by the tasks of the process; never changed.
    variant : Variant, optional
    seed : int, optional
    fitted : bool
        It is going to be fitted: a clone is made even when nothing is set.

    Raises
    ------
    TaskRefused
        When the variant does not exist, or the object takes no parameters.
    """
    unseeded = _unseeded(template) if seed is not None else []
    if not fitted and variant is None and not unseeded:
        return template
    ready = cloned(template)
    if variant is not None:
        ready = _with_parameters(context, ready, variant)
    if seed is not None:
        names = _unseeded(ready)
        if names:
            ready.set_params(**{name: context.derived_seed(seed, name) for name in names})
    return ready


def _with_parameters(context: TaskContext, ready: Any, variant: task_pb2.Variant) -> Any:
    settings = context.payload(variant.list, "parameters")
    if not 0 <= variant.index < len(settings):
        raise TaskRefused(f"{context.name} has no variant {variant.index}; it has {len(settings)}")
    setting = settings[variant.index]
    if not isinstance(setting, Mapping):
        raise TaskRefused(f"variant {variant.index} of {context.name} is a {type(setting).__name__}, not a dict")
    if not hasattr(ready, "set_params"):
        raise TaskRefused(f"{context.name} has variants, and {type(ready).__name__} has no set_params")
    # As in scikit-learn's searches: an estimator among the values is not shared between candidates.
    values = {name: cloned(value) for name, value in setting.items()}
    return ready.set_params(**values)


def _unseeded(estimator: Any) -> list[str]:
    get_params = getattr(estimator, "get_params", None)
    if get_params is None or isinstance(estimator, type):
        return []
    return sorted(
        name
        for name, value in get_params(deep=True).items()
        if value is None and (name == "random_state" or name.endswith("__random_state"))
    )


def seed_globals(context: TaskContext, seed: int) -> None:
    """Seed the generators that code without a ``random_state`` draws from, until the task ends.

    Left as they are then, they would give all runtimes that ran tasks of one seed the same numbers: unseeded fits on
    two slots would be one fit.
    """
    import random

    context.keep_generator(random.setstate, random.getstate())
    random.seed(context.derived_seed(seed, "random"))
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        context.keep_generator(numpy.random.set_state, numpy.random.get_state())
        numpy.random.seed(context.derived_seed(seed, "numpy"))


#: Of scikit-learn's classes whose ``fit`` has ``**params``, by where that ``fit`` stands: those that hand them on to
#: the estimator they hold. All others refuse them, unless metadata is routed.
_HANDING_ON = frozenset(
    {"BaseSearchCV", "BaseSuccessiveHalving", "RFE", "RegressorChain", "SelectFromModel", "TransformedTargetRegressor"}
)

#: Those that hand sample weights, and nothing else, on to all their members.
_HANDING_TO_MEMBERS = frozenset({"StackingClassifier", "StackingRegressor", "VotingClassifier", "VotingRegressor"})


def fit_argument(estimator: Any, field: str) -> str | None:
    """Return the name by which ``fit`` takes ``sample_weight`` or ``groups``, None when it does not.

    Of a pipeline it is its last step's. What a meta-estimator's ``**params`` take is what the estimators it holds take:
    with anything else scikit-learn raises.
    """
    takes = _takes_weights if field == "sample_weight" else _takes_groups
    if takes(estimator):
        return field
    steps = getattr(estimator, "steps", None)
    # A pipeline that routes metadata knows no names of steps.
    if isinstance(steps, list) and steps and not _is_routing():
        name, last = steps[-1]
        if hasattr(last, "fit") and takes(last):
            return f"{name}__{field}"
    return None


def _takes_weights(estimator: Any) -> bool:
    if accepts(estimator.fit, "sample_weight"):
        return True
    if not _has_keywords(estimator.fit):
        return False
    if _is_routing():
        return _is_requested(estimator, "sample_weight")
    if _fit_in_sklearn(estimator) in (None, *_HANDING_ON, *_HANDING_TO_MEMBERS):
        held = _held(estimator)
        return bool(held) and all(map(_takes_weights, held))
    return False


def _takes_groups(estimator: Any) -> bool:
    """Whether it splits by groups, as a search does whose ``cv`` keeps groups together, or holds one that does."""
    named = accepts(estimator.fit, "groups")
    if not named and not _has_keywords(estimator.fit):
        return False
    if not named and _is_routing():
        return _is_requested(estimator, "groups")
    if hasattr(estimator, "cv"):
        # A search keeps them for itself, whatever it holds; `RFECV` allows no other keyword.
        kept = named or hasattr(type(estimator), "_run_search") or _fit_in_sklearn(estimator) == "RFECV"
        return kept and _splits_by_groups(estimator.cv)
    if _fit_in_sklearn(estimator) in (None, *_HANDING_ON):
        held = _held(estimator)
        return bool(held) and all(map(_takes_groups, held))
    return False


def _splits_by_groups(cv: Any) -> bool:
    """Whether a splitter reads groups; those of scikit-learn that do not would warn of them."""
    if not hasattr(cv, "split"):
        return False
    if not type(cv).__module__.startswith("sklearn."):
        return accepts(cv.split, "groups")
    return "groups" in cv.get_metadata_routing().split.requests


def _has_keywords(method: Callable[..., Any]) -> bool:
    return any(found.kind is inspect.Parameter.VAR_KEYWORD for found in _parameters(method).values())


def _fit_in_sklearn(estimator: Any) -> str | None:
    """Name of scikit-learn's class whose ``fit`` an estimator has or extends, None when it is none of its own."""
    classes = (one for one in type(estimator).__mro__ if one.__module__.startswith("sklearn.") and "fit" in vars(one))
    return next((one.__name__ for one in classes), None)


def _held(estimator: Any) -> list[Any]:
    """The estimators that a meta-estimator fits with what it hands on; of a search, those of all candidates."""
    if _fit_in_sklearn(estimator) in _HANDING_TO_MEMBERS:
        members = [member for _, member in estimator.estimators if hasattr(member, "fit")]
        final = getattr(estimator, "final_estimator", None)
        return members if final is None else [*members, final]
    for name in ("estimator", "regressor", "base_estimator"):
        inner = getattr(estimator, name, None)
        if hasattr(inner, "fit"):
            return [inner, *_replaced(inner, estimator)]
    if _fit_in_sklearn(estimator) == "TransformedTargetRegressor":
        from sklearn.linear_model import LinearRegression

        return [LinearRegression()]
    return []


def _replaced(inner: Any, search: Any) -> list[Any]:
    """A search's estimator with each of the estimators that its candidates put into it."""
    grids = getattr(search, "param_grid", getattr(search, "param_distributions", None))
    return [
        cloned(inner).set_params(**{name: value})
        for grid in ([grids] if isinstance(grids, Mapping) else grids or [])
        for name, values in grid.items()
        if isinstance(values, (list, tuple))
        for value in values
        if hasattr(value, "fit")
    ]


def _is_routing() -> bool:
    # Who has set it has imported this.
    sklearn = sys.modules.get("sklearn")
    return sklearn is not None and bool(sklearn.get_config().get("enable_metadata_routing"))


def _is_requested(estimator: Any, field: str) -> bool:
    """Whether scikit-learn can route it: it raises where one of those that could take it has not said whether to."""
    from sklearn.utils.metadata_routing import process_routing

    try:
        process_routing(estimator, "fit", **{field: ()})
    except (AttributeError, TypeError, ValueError):
        return False
    return True


def accepts(method: Callable[..., Any], parameter: str) -> bool:
    """Whether a call may give this parameter by name; ``**kwargs`` does not count."""
    found = _parameters(method).get(parameter)
    return found is not None and found.kind in (
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    )


def positional(function: Callable[..., Any]) -> tuple[int, int, list[str]]:
    """Return how many positional arguments a function needs, how many it takes, and their names.

    A callable whose signature cannot be told (some built-ins) needs and takes one.
    """
    parameters = _parameters(function)
    if not parameters:
        return 1, 1, []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    plain = [parameter for parameter in parameters.values() if parameter.kind in kinds]
    needed = sum(parameter.default is inspect.Parameter.empty for parameter in plain)
    return needed, len(plain), [parameter.name for parameter in plain]


def first_annotation(function: Callable[..., Any]) -> Any:
    """Return the annotation of a function's first parameter, ``inspect.Parameter.empty`` when it has none."""
    for parameter in _parameters(function).values():
        return parameter.annotation
    return inspect.Parameter.empty


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        if sys.version_info >= (3, 14):
            # Annotations of names that exist for type checkers alone must not be evaluated.
            import annotationlib

            return inspect.signature(function, annotation_format=annotationlib.Format.FORWARDREF).parameters
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}


def takes_column(estimator: Any, X: Any) -> bool:
    """Whether a one-dimensional X must reach this estimator as a column.

    Predictions travel with the shape that ``predict`` gives them, (n_samples,); an estimator behind a predictor takes
    (n_samples, 1). Numbers become a column unless the estimator's tags say that it takes one-dimensional input; texts
    and objects only where it is sure that they are no documents.
    """
    import numpy as np

    if type(X) is not np.ndarray or X.ndim != 1:
        return False
    if getattr(estimator, "n_features_in_", None) == 1:
        return True
    first = _first_step(estimator)
    if first is None:
        return X.dtype.kind in "biufc"
    tags = _input_tags(first)
    if tags is None:
        return X.dtype.kind in "biufc"
    return tags.two_d_array and not tags.one_d_array and (X.dtype.kind in "biufc" or not tags.string)


def _first_step(estimator: Any) -> Any:
    """The estimator that sees X first; None when several do, or when it cannot be told."""
    while True:
        steps = getattr(estimator, "steps", None)
        if isinstance(steps, list):
            real = [step for _, step in steps if step is not None and step != "passthrough"]
            if not real:
                return None
            estimator = real[0]
        elif hasattr(estimator, "estimator"):
            estimator = estimator.estimator
        elif any(hasattr(estimator, name) for name in ("estimators", "transformers", "transformer_list")):
            return None
        else:
            return estimator


def _input_tags(estimator: Any) -> Any:
    try:
        from sklearn.utils import get_tags

        return get_tags(estimator).input_tags
    except (ImportError, AttributeError, TypeError):
        return None
