"""scikit-learn's calls as they reach joblib, and which of them are fits of pipelines that may share steps."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from anabranch.model_selection.branches import Branch, branches, is_union
from anabranch.model_selection.fingerprints import fingerprint, is_unseeded
from anabranch.model_selection.options import APART, Options
from anabranch.model_selection.units import is_nested, units

#: scikit-learn's function for one fit and its scores. It is never imported: it is known by its name and its arguments
#: when it arrives, and a function that is not known runs as it is, without sharing.
FIT_AND_SCORE = "_fit_and_score"
_NEEDED = frozenset(("scorer", "train", "test", "parameters"))
_OWN = frozenset(("train", "test", "parameters", "split_progress", "candidate_progress", "callback_ctx"))


@dataclass
class Call:
    """One call: a function as it was given to joblib, with its arguments."""

    function: Callable
    arguments: tuple
    named: dict[str, Any]

    @property
    def is_fit(self) -> bool:
        """Whether it is a fit of one estimator on one fold, with its scores."""
        body = getattr(self.function, "function", self.function)
        return (
            getattr(body, "__name__", "") == FIT_AND_SCORE
            and getattr(body, "__module__", "").startswith("sklearn.")
            and len(self.arguments) == 3
            and self.named.keys() >= _NEEDED
        )

    @property
    def fold(self) -> tuple[int, int]:
        """Tells folds apart: candidates of a search get the same index arrays."""
        return id(self.named["train"]), id(self.named["test"])

    @property
    def own(self) -> dict[str, Any]:
        """The arguments in which fits of one search differ, but for the fold's rows."""
        return {name: self.named[name] for name in _OWN & self.named.keys() if name not in ("train", "test")}

    @property
    def common(self) -> dict[str, Any]:
        """The arguments by name that all fits of one search have."""
        return {name: value for name, value in self.named.items() if name not in _OWN}

    def describe(self) -> str:
        """Return a few words on it, for messages."""
        if not self.is_fit:
            body = getattr(self.function, "function", self.function)
            return f"a call of {getattr(body, '__name__', repr(body)).lstrip('_')}"
        words = []
        parameters = self.named["parameters"]
        words.append(f"candidate {parameters!r}" if parameters else type(self.arguments[0]).__name__)
        progress = self.named.get("split_progress")
        if progress is not None:
            words.append(f"fold {progress[0]} of {progress[1]}")
        return ", ".join(words)


@dataclass(eq=False)
class Recipe:
    """What a fit's candidate is: an estimator with its parameters set, and the keys of its steps.

    Attributes
    ----------
    estimator : object
        As its search gave it, parameters not yet set.
    steps : list of str
        Names of what is fitted before the last step, as of `units`; empty for what is no pipeline.
    last : str
    keys : tuple of Hashable
        One for each of ``steps``, when they can be shared.
    branches : dict of int to dict
        By its position among ``steps``, the branches of each union that can be taken apart.
    """

    estimator: Any
    steps: list[str] = field(default_factory=list)
    last: str = "estimator"
    keys: tuple[Hashable, ...] = ()
    branches: dict[int, dict[str, Branch]] = field(default_factory=dict)


class Recipes:
    """The recipes of one set of calls, each made once.

    Parameters
    ----------
    options : Options
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._bases: dict[Hashable, Any] = {}
        self._made: dict[tuple[Hashable, int], Recipe] = {}
        # What is known by its identity must not give it to another.
        self._kept: list[Any] = []

    def base(self, call: Call) -> Hashable:
        """Return a key that fits of equal estimators (clones of one) share."""
        try:
            key: Hashable = pickle.dumps(call.arguments[0], protocol=5)
        except Exception:
            key = fingerprint(call.arguments[0])
        self._bases.setdefault(key, call.arguments[0])
        return key

    def recipe(self, call: Call, base: Hashable) -> Recipe:
        """Return what the call fits."""
        parameters = call.named["parameters"]
        made = self._made.get((base, id(parameters)))
        if made is None:
            self._kept.append(parameters)
            made = self._made[base, id(parameters)] = self._make(base, call)
        return made

    def _make(self, base: Hashable, call: Call) -> Recipe:
        parameters: dict[str, Any] | None = call.named["parameters"]
        estimator = self._bases[base]
        recipe = Recipe(estimator)
        if type(estimator) is not Pipeline:
            return recipe
        if parameters:
            try:
                estimator = clone(estimator).set_params(**clone(parameters, safe=False))
            except Exception:
                # The call itself will say it, in scikit-learn's words.
                return recipe
        if not is_nested(estimator):
            return recipe
        steps = list(units(estimator))
        recipe.steps, recipe.last = [name for name, _ in steps], estimator.steps[-1][0]
        if not _is_pairwise(estimator):
            recipe.keys = tuple(self._key(name, step, parameters) for name, step in steps)
            # What is routed to branches would have to be routed to some of them alone.
            if not call.named.get("fit_params"):
                recipe.branches = self._branches([step for _, step in steps], call)
        return recipe

    def _key(self, name: str, step: Any, parameters: Any) -> Hashable:
        key = name, fingerprint(step)
        return (*key, id(parameters)) if self._is_apart(step) else key

    def _is_apart(self, step: Any) -> bool:
        return self._options.unseeded == APART and is_unseeded(step)

    def _branches(self, steps: Sequence[Any], call: Call) -> dict[int, dict[str, Branch]]:
        X = call.arguments[1]
        rows = X.shape[0] if hasattr(X, "shape") else len(X)
        # A union that draws for each candidate is one step.
        unions = {place: step for place, step in enumerate(steps) if is_union(step) and not self._is_apart(step)}
        return {place: branches(step, rows) for place, step in unions.items()}


def _is_pairwise(estimator: Any) -> bool:
    """Whether rows are cut in columns too: then what a step sees depends on more than its own rows."""
    try:
        from sklearn.utils import get_tags
    except ImportError:
        # Before scikit-learn 1.6 tags are a dict, and a method of the estimator.
        return bool(estimator._get_tags()["pairwise"])
    return bool(get_tags(estimator).input_tags.pairwise)


def common_arguments(calls: Sequence[Call]) -> dict[Any, Any]:
    """Return what all calls have, the very same objects: arguments by position or by name."""
    first = calls[0]
    found: dict[Any, Any] = dict(enumerate(first.arguments)) | first.named
    for call in calls[1:]:
        given = dict(enumerate(call.arguments)) | call.named
        found = {key: value for key, value in found.items() if key in given and given[key] is value}
    return found
