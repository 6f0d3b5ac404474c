"""Scores: the estimator's own, or any scikit-learn scorers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from anabranch.runtime.context import TaskContext
from anabranch.runtime.errors import TaskRefused
from anabranch.runtime.estimators import accepts, positional
from anabranch.scoring import Weighted
from anabranch.v1 import common_pb2, task_pb2


def scores_of(
    context: TaskContext, model: Any, X: Any, y: Any, weights: Any, scorers: common_pb2.ObjectRef | None
) -> list[task_pb2.Score]:
    """Return the scores of a fitted model over X and y.

    Without scorers it is ``model.score``, weighted when there are weights and it takes them; a model that predicts and
    has no ``score`` is scored as predictions are (see `prediction_scores`). Scorers (a dict of name
    to a scorer's name, a callable ``(estimator, X, y)``, or None for ``model.score``; or one callable that returns a
    number or a dict) are called exactly as scikit-learn's ``cross_validate`` calls them: weights reach only a scorer
    that asks for them with ``set_score_request``, or one that takes them and is `Weighted`.

    Raises
    ------
    TaskRefused
        When y is missing, the model has no ``score``, or a scorer returns no number.
    """
    if scorers is None:
        return [_number(context, "score", _own_score(context, model, X, y, weights))]
    chosen = context.payload(scorers, "scorers")
    if isinstance(chosen, Mapping):
        return [
            _number(context, str(name), _scored(context, scorer, model, X, y, weights))
            for name, scorer in chosen.items()
        ]
    value = _scored(context, chosen, model, X, y, weights)
    if isinstance(value, Mapping):
        return [_number(context, str(name), number) for name, number in value.items()]
    return [_number(context, "score", value)]


def scores_of_nothing(context: TaskContext, scorers: common_pb2.ObjectRef | None) -> list[task_pb2.Score]:
    """Return NaN for each score that there would be if there were rows."""
    chosen = None if scorers is None else context.payload(scorers, "scorers")
    names = [str(name) for name in chosen] if isinstance(chosen, Mapping) else ["score"]
    return [task_pb2.Score(name=name, value=float("nan")) for name in names]


def _own_score(context: TaskContext, model: Any, X: Any, y: Any, weights: Any) -> Any:
    method = getattr(model, "score", None)
    if method is None:
        if not hasattr(model, "predict"):
            raise TaskRefused(f"{context.name}: {type(model).__name__} has no score method; give scoring=")
        from anabranch.runtime.predictions import prediction_scores

        return prediction_scores(context, model.predict(X), y, weights, None)[0].value
    needed, taken, _ = positional(method)
    if y is None and needed >= 2:
        raise TaskRefused(f"{context.name} needs y to be scored: give y with the input of the run")
    extra = {"sample_weight": weights} if weights is not None and accepts(method, "sample_weight") else {}
    return method(X, *(() if y is None or taken < 2 else (y,)), **extra)


def _scored(context: TaskContext, scorer: Any, model: Any, X: Any, y: Any, weights: Any) -> Any:
    given = isinstance(scorer, Weighted)
    if given:
        scorer = scorer.scorer
    if scorer is None:
        return _own_score(context, model, X, y, None)
    if isinstance(scorer, str):
        from sklearn.metrics import get_scorer

        scorer = get_scorer(scorer)
    weighs = weights is not None and (_asks_for_weights(scorer) or (given and _takes_weights(context, scorer)))
    if type(scorer).__module__.startswith("sklearn.") and not _is_conventional(model):
        # scikit-learn's scorers ask for tags, which its own base class has.
        from anabranch.runtime.predictions import tagged

        model = tagged(model, y)
    extra = {"sample_weight": weights} if weighs else {}
    return scorer(model, X, y, **extra) if y is not None else scorer(model, X)


def _is_conventional(model: Any) -> bool:
    from sklearn.base import BaseEstimator

    return isinstance(model, BaseEstimator) or hasattr(model, "__sklearn_tags__")


def _asks_for_weights(scorer: Any) -> bool:
    routing = getattr(scorer, "get_metadata_routing", None)
    if routing is None:
        return False
    return getattr(routing(), "score", None) is not None and routing().score.requests.get("sample_weight") is True


def _takes_weights(context: TaskContext, scorer: Any) -> bool:
    """Whether a scorer, and of those that `make_scorer` made the metric within, takes sample weights; else warn."""
    metric = getattr(scorer, "_score_func", scorer)
    if accepts(scorer, "sample_weight") and accepts(metric, "sample_weight"):
        return True
    name = getattr(metric, "__name__", type(metric).__name__)
    warnings.warn(f"{context.name}: {name} takes no sample weights; it scores without", stacklevel=2)
    return False


def _number(context: TaskContext, name: str, value: Any) -> task_pb2.Score:
    try:
        return task_pb2.Score(name=name, value=float(value))
    except (TypeError, ValueError):
        raise TaskRefused(
            f"{context.name}: the scorer {name!r} returned a {type(value).__name__}, not a number"
        ) from None
