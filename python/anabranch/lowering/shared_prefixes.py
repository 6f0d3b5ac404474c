"""Steps with which several pipelines begin, fitted once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from anabranch.node import Node


@dataclass(frozen=True)
class Branch:
    """One of several estimators side by side, and the node that it reads (None: the input)."""

    title: str
    estimator: Any
    source: Node | None


def shared_prefixes(
    branches: Sequence[Branch], add: Callable[[str, Any, Node | None], Node], worth: Callable[[Any], bool]
) -> list[Branch]:
    """Return the branches behind nodes for the steps that two or more of them begin with.

    Parameters
    ----------
    branches : sequence of Branch
    add : callable
        Adds a step, by its title, behind a node, and returns its node.
    worth : callable
        Whether sharing a step gains more than a task costs; steps that do not are shared only before one that does.
    """
    groups = _groups(branches)
    rest = list(branches)
    for places in groups:
        members = [branches[place] for place in places]
        if not _worth(members, worth):
            continue
        title, step = members[0].estimator.steps[0]
        node = add(title, step, members[0].source)
        behind = shared_prefixes([_without_first(member, node) for member in members], add, worth)
        for place, branch in zip(places, behind):
            rest[place] = branch
    return rest


def _groups(branches: Sequence[Branch]) -> list[list[int]]:
    """Return the places of the branches that begin with the same step, two or more each."""
    found: dict[Hashable, list[int]] = {}
    for place, branch in enumerate(branches):
        if _may_share(branch.estimator):
            from anabranch.model_selection.fingerprints import fingerprint

            found.setdefault(fingerprint(branch.estimator.steps[0][1]), []).append(place)
    return [places for places in found.values() if len(places) > 1]


def _may_share(estimator: Any) -> bool:
    from sklearn.pipeline import Pipeline

    from anabranch.model_selection.fingerprints import is_unseeded

    if type(estimator) is not Pipeline or len(estimator.steps) < 2:
        return False
    if estimator.memory is not None or getattr(estimator, "transform_input", None) is not None:
        return False
    first = estimator.steps[0][1]
    # An unseeded step is drawn for each pipeline anew, as in scikit-learn.
    return hasattr(first, "fit") and hasattr(first, "transform") and not is_unseeded(first)


def _worth(members: Sequence[Branch], worth: Callable[[Any], bool]) -> bool:
    if worth(members[0].estimator.steps[0][1]):
        return True
    behind = [_without_first(member, None) for member in members]
    return any(_worth([behind[place] for place in places], worth) for places in _groups(behind))


def _without_first(branch: Branch, node: Node | None) -> Branch:
    from sklearn.pipeline import Pipeline

    steps = branch.estimator.steps[1:]
    return Branch(branch.title, steps[0][1] if len(steps) == 1 else Pipeline(steps), node)
