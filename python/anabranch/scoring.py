"""Scorers, as scikit-learn's ``scoring=`` names them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from anabranch.errors import RequestError

Scorer = Callable[..., float]

#: The name of the only score, when ``scoring=`` is not a list or a dict.
SCORE = "score"


@dataclasses.dataclass(frozen=True)
class Weighted:
    """A scorer that is to have the rows' sample weights if it takes them, asked for or not.

    Scorers of a cross-validation get none unless they ask, as in scikit-learn: there weights are for the fits.

    Attributes
    ----------
    scorer : str or callable
    """

    scorer: Any


def weighted(scorers: Mapping[str, Scorer] | None) -> dict[str, Weighted] | None:
    """Return scorers for a score to which sample weights are given."""
    return None if scorers is None else {name: Weighted(scorer) for name, scorer in scorers.items()}


def resolve_scoring(scoring: Any) -> dict[str, Scorer] | None:
    """Return scorers by name; None for each estimator's own ``score``.

    Parameters
    ----------
    scoring : None, str, callable, evaluator of pyspark.ml, list, tuple, set of str, or dict of name to one of them
        One str or callable gets the name ``score``, as in scikit-learn's ``test_score``.

    Raises
    ------
    RequestError
        When scikit-learn knows no scorer of a name.
    """
    if scoring is None:
        return None
    if isinstance(scoring, str) or callable(scoring) or _is_evaluator(scoring):
        return {SCORE: _scorer(scoring)}
    if isinstance(scoring, Mapping):
        named = {str(name): _scorer(one) for name, one in scoring.items()}
    elif isinstance(scoring, (list, tuple, set, frozenset)):
        if not all(isinstance(name, str) for name in scoring):
            raise RequestError("scoring: a list holds scorers' names; use a dict to name callables")
        named = {
            name: _scorer(name) for name in (sorted(scoring) if isinstance(scoring, (set, frozenset)) else scoring)
        }
        if len(named) != len(scoring):
            raise RequestError("scoring: a name stands twice in the list")
    else:
        raise RequestError(f"scoring={scoring!r}: give a scorer's name, a callable, a list of names or a dict")
    if not named:
        raise RequestError("scoring names no scorer")
    return named


def _is_evaluator(scoring: Any) -> bool:
    """Whether it is an evaluator of pyspark.ml, looked at without importing pyspark."""
    return any(b.__module__ == "pyspark.ml.evaluation" and b.__name__ == "Evaluator" for b in type(scoring).__mro__)


def _scorer(scoring: Any) -> Scorer:
    if callable(scoring):
        return scoring
    if _is_evaluator(scoring):
        from anabranch.spark.evaluation import scorer

        return scorer(scoring)
    if not isinstance(scoring, str):
        raise RequestError(f"scoring: {scoring!r} is neither a scorer's name nor a callable")
    from sklearn.metrics import get_scorer, get_scorer_names

    try:
        return get_scorer(scoring)
    except ValueError:
        import difflib

        close = difflib.get_close_matches(scoring, get_scorer_names(), n=3)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise RequestError(f"scoring: scikit-learn has no scorer {scoring!r}{hint}") from None
