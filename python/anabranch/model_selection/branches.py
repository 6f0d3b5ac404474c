"""What stands side by side in a `ColumnTransformer` or a `FeatureUnion`, and when two of them share a branch."""

from __future__ import annotations

import copy
from collections.abc import Collection, Hashable
from dataclasses import dataclass
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion

from anabranch.model_selection.fingerprints import fingerprint

#: Rows from which on a scaler or an encoder takes longer than a task.
MANY_ROWS = 50_000


@dataclass(frozen=True)
class Branch:
    """One of the estimators of a union.

    Attributes
    ----------
    key : Hashable
        Of what it makes of an input: equal keys, equal fits.
    worth : bool
        Whether its fit is worth a task.
    """

    key: Hashable
    worth: bool


def is_union(step: Any) -> bool:
    """Whether a step is of branches that can be looked at one by one; subclasses may do anything."""
    return type(step) in (ColumnTransformer, FeatureUnion)


def active_titles(union: Any) -> list[str | None]:
    """Return the name of each branch that is not dropped, in the order in which the union fits them.

    None stands for what is no estimator of the user's under a name: what passes through, and the remainder.
    """
    active = [(title, step) for title, step, *_ in _entries(union) if not _is(step, "drop")]
    titles: list[str | None] = [title if hasattr(step, "fit") else None for title, step in active]
    if type(union) is ColumnTransformer and not _is(union.remainder, "drop"):
        titles.append(None)
    return titles


def branches(union: Any, rows: int) -> dict[str, Branch]:
    """Return the branches that may be shared, by name: none where the union cannot be taken apart.

    Parameters
    ----------
    union : ColumnTransformer or FeatureUnion
        Not fitted.
    rows : int
        Of its input.
    """
    from anabranch.lowering.builder import is_light

    try:
        entries = [tuple(entry) for entry in _entries(union)]
        titles = [entry[0] for entry in entries]
        if union.verbose or len(set(titles)) < len(titles):
            return {}
        frame = fingerprint(reduced(union, ()))
        weights = union.transformer_weights or {}
        return {
            title: Branch(
                (frame, fingerprint((step, *columns)), weights.get(title)), rows >= MANY_ROWS or not is_light(step)
            )
            for title, step, *columns in entries
            if hasattr(step, "fit")
        }
    except (TypeError, ValueError, AttributeError):
        # No list of tuples: the fit will say it, in scikit-learn's words.
        return {}


def reduced(union: Any, titles: Collection[str]) -> Any:
    """Return a union of some of the branches alone."""
    part = copy.copy(union)
    entries = [entry for entry in _entries(union) if entry[0] in titles]
    weights = {title: weight for title, weight in (union.transformer_weights or {}).items() if title in titles}
    part.transformer_weights = weights or None
    if type(union) is ColumnTransformer:
        part.transformers = entries
        part.remainder = "drop"
    else:
        part.transformer_list = entries
    part.n_jobs = None
    return part


def _entries(union: Any) -> list[tuple]:
    return union.transformers if type(union) is ColumnTransformer else union.transformer_list


def _is(step: Any, word: str) -> bool:
    return isinstance(step, str) and step == word
