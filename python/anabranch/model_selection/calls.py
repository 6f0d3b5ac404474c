"""scikit-learn's calls as they reach joblib, and which of them are fits of pipelines that may share steps."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from anabranch.model_selection.branches import Branch, branches, is_union
from anabranch.model_selection.fingerprints import fingerprint, is_unseeded
from anabranch.model_selection.members import is_ensemble, members
from anabranch.model_selection.options import APART, Options
from anabranch.model_selection.units import is_nested, units

#: scikit-learn's function for one fit and its scores. It is never imported: it is known by its name and its arguments
#: when it arrives, and a function that is not known runs as it is, without sharing.
FIT_AND_SCORE = "_fit_and_score"
#: The one for one fit and its predictions, each of which is a fold's.
FIT_AND_PREDICT = "_fit_and_predict"
_NEEDED = frozenset(("scorer", "train", "test", "parameters"))
#: Parameters that say whether an estimator leaves its input as it is.
_COPIES = frozenset(("copy", "copy_X"))
_OWN = frozenset(("train", "test", "parameters", "split_progress", "candidate_progress", "callback_ctx"))


@dataclass
class Call:
    """One call: a function as it was given to joblib, with its arguments.

    Attributes
    ----------
    place : str
        Which of the calls that were made together it is, for messages; see `place`.
    """

    function: Callable
    arguments: tuple
    named: dict[str, Any]
    place: str = ""

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
    def name(self) -> str:
        """The name of the function, within scikit-learn's wrapper."""
        return getattr(getattr(self.function, "function", self.function), "__name__", "")

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
        """Return a few words on it, for messages; folds are counted from 1, as scikit-learn prints them."""
        words = []
        if not self.is_fit:
            words.append(f"a call of {self._name.lstrip('_')}")
            if self.arguments and isinstance(self.arguments[0], BaseEstimator):
                words.append(type(self.arguments[0]).__name__)
            return ", ".join([*words, self.place] if self.place else words)
        parameters = self.named["parameters"]
        words.append(f"candidate {parameters!r}" if parameters else type(self.arguments[0]).__name__)
        progress = self.named.get("split_progress")
        if progress is not None:
            words.append(f"fold {progress[0] + 1} of {progress[1]}")
        elif self.place:
            words.append(self.place)
        return ", ".join(words)

    @property
    def _name(self) -> str:
        body = getattr(self.function, "function", self.function)
        return getattr(body, "__name__", repr(body))


def place(calls: Sequence[Call]) -> None:
    """Say of calls that were made together which is which: of fits their folds, of others their number."""
    # Candidates, and sizes of a learning curve, are tested on the very same rows of a fold.
    tests = [id(call.named["test"]) if call.is_fit else None for call in calls]
    folds = {test: number for number, test in enumerate(dict.fromkeys(tests), 1)}
    for number, (call, test) in enumerate(zip(calls, tests), 1):
        if call.is_fit:
            call.place = f"fold {folds[test]} of {len(folds)}"
        elif call._name == FIT_AND_PREDICT:
            call.place = f"fold {number} of {len(calls)}"
        elif len(calls) > 1:
            call.place = f"number {number} of {len(calls)}"


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
    members : dict of str to Branch
        Of the last step, when it is a vote or a stack that can be taken apart.
    """

    estimator: Any
    steps: list[str] = field(default_factory=list)
    last: str = "estimator"
    keys: tuple[Hashable, ...] = ()
    branches: dict[int, dict[str, Branch]] = field(default_factory=dict)
    members: dict[str, Branch] = field(default_factory=dict)

    @property
    def shares(self) -> bool:
        """Whether a part of it can be shared."""
        return bool(self.keys or self.members)


class Recipes:
    """The recipes of one set of calls, each made once.

    Parameters
    ----------
    options : Options
    """

    def __init__(self, options: Options) -> None:
        self._apart = options.unseeded == APART
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
        if type(estimator) is not Pipeline and not is_ensemble(estimator):
            return recipe
        if parameters:
            try:
                estimator = clone(estimator).set_params(**clone(parameters, safe=False))
            except Exception:
                # The call itself will say it, in scikit-learn's words.
                return recipe
        steps, last = [], estimator
        if not is_ensemble(estimator):
            if not is_nested(estimator):
                return recipe
            steps = list(units(estimator))
            recipe.last, last = estimator.steps[-1]
        recipe.steps = [name for name, _ in steps]
        all_steps = [*(step for _, step in steps), last]
        train_scores = bool(call.named.get("return_train_score"))
        if not _is_pairwise(estimator) and not _sees_what_it_wrote(all_steps, scores_training_rows=train_scores):
            recipe.keys = tuple(self._key(name, step, parameters) for name, step in steps)
            # What is routed to branches would have to be routed to some of them alone.
            if not call.named.get("fit_params"):
                recipe.branches = self._branches([step for _, step in steps], call)
            if is_ensemble(last):
                recipe.members = self._members(last, parameters)
        return recipe

    def _members(self, ensemble: Any, parameters: Any) -> dict[str, Branch]:
        drawn = {title for title, member in ensemble.estimators if self._is_apart(member)} if self._apart else ()
        return {
            title: replace(member, key=(member.key, id(parameters))) if title in drawn else member
            for title, member in members(ensemble).items()
        }

    def _key(self, name: str, step: Any, parameters: Any) -> Hashable:
        key = name, fingerprint(step)
        return (*key, id(parameters)) if self._is_apart(step) else key

    def _is_apart(self, step: Any) -> bool:
        return self._apart and is_unseeded(step)

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


def _sees_what_it_wrote(steps: Iterable[Any], *, scores_training_rows: bool) -> bool:
    """Whether what a step writes to its input (``copy=False``) is seen by others than the steps behind it.

    So it is by the parts of a union or a vote that stand beside one that writes, and by train scores, for which a fit's
    rows are transformed again as the fit has left them. Where the input came from others, nobody may write to it.
    """
    writing = [
        name
        for step in steps
        if hasattr(step, "get_params") and not is_nested(step)
        for name, value in step.get_params().items()
        if value is False and name.rpartition("__")[2] in _COPIES
    ]
    return bool(writing) if scores_training_rows else any("__" in name for name in writing)


def common_arguments(calls: Sequence[Call]) -> dict[Any, Any]:
    """Return what all calls have, the very same objects: arguments by position or by name."""
    first = calls[0]
    found: dict[Any, Any] = dict(enumerate(first.arguments)) | first.named
    for call in calls[1:]:
        given = dict(enumerate(call.arguments)) | call.named
        found = {key: value for key, value in found.items() if key in given and given[key] is value}
    return found
