"""What a vote or a stack is made of, and when two of them share a member."""

from __future__ import annotations

from typing import Any

from sklearn.ensemble import StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor

from anabranch.model_selection.branches import Branch
from anabranch.model_selection.fingerprints import fingerprint

_VOTES = (VotingClassifier, VotingRegressor)
_STACKS = (StackingClassifier, StackingRegressor)


def is_ensemble(estimator: Any) -> bool:
    """Whether an estimator is of members that can be looked at one by one; subclasses may do anything."""
    return type(estimator) in (*_VOTES, *_STACKS)


def is_stack(estimator: Any) -> bool:
    """Whether an ensemble predicts its members' training rows too, in a cross validation of its own."""
    return type(estimator) in _STACKS


def active_members(ensemble: Any) -> list[str]:
    """Return the name of each member that is not dropped, in the order in which the ensemble fits them."""
    return [title for title, estimator in ensemble.estimators if not isinstance(estimator, str)]


def vote_method(ensemble: Any) -> str:
    """Return the method by which a vote asks its members."""
    return "predict_proba" if getattr(ensemble, "voting", None) == "soft" else "predict"


def members(ensemble: Any) -> dict[str, Branch]:
    """Return the members that may be shared, by name: none where the ensemble cannot be taken apart.

    Parameters
    ----------
    ensemble : VotingClassifier, VotingRegressor, StackingClassifier or StackingRegressor
        Not fitted.
    """
    from anabranch.lowering.builder import is_light

    try:
        titles = [title for title, _ in ensemble.estimators]
        if ensemble.verbose or len(set(titles)) < len(titles):
            return {}
        # What decides on a fit of a member, and on its predictions of training rows. Weights, the kind of vote and the
        # final estimator do not.
        frame: list[Any] = [type(ensemble), vars(ensemble).get("_metadata_request")]
        if is_stack(ensemble):
            if isinstance(ensemble.cv, str) or _draws(ensemble.cv):
                # Nothing to fit; or folds of one draw, which all members of one stack have in common.
                return {}
            frame += [ensemble.cv, getattr(ensemble, "stack_method", None)]
        key = fingerprint(frame)
        return {
            title: Branch((key, fingerprint(estimator)), not is_light(estimator))
            for title, estimator in ensemble.estimators
            if not isinstance(estimator, str)
        }
    except (TypeError, ValueError, AttributeError):
        # No list of pairs: the fit will say it, in scikit-learn's words.
        return {}


def _draws(splitter: Any) -> bool:
    """Whether a splitter cuts other folds each time."""
    return getattr(splitter, "random_state", 0) is None and bool(getattr(splitter, "shuffle", True))
