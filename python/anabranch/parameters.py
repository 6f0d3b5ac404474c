"""Variants: a grid of parameters as a list of settings."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from anabranch.errors import GraphError


def expand_grid(grid: Mapping | Sequence[Mapping], node: str) -> list[dict[str, Any]]:
    """Return the settings of a grid, or of a list of grids one after the other.

    The order is scikit-learn's `ParameterGrid`'s: names sorted, the last one turning fastest.

    Raises
    ------
    GraphError
        When a grid is not a mapping, is empty, or a value is not a sequence of choices.
    """
    grids = [grid] if isinstance(grid, Mapping) else grid
    if isinstance(grids, str) or not isinstance(grids, Sequence) or not grids:
        raise GraphError(f"node {node!r}: params= is a dict of lists, or a list of such dicts", node)
    settings: list[dict[str, Any]] = []
    for one in grids:
        if not isinstance(one, Mapping):
            raise GraphError(f"node {node!r}: params= holds {type(one).__name__}; a dict of lists is needed", node)
        names = sorted(one)
        for name in names:
            _check_choices(name, one[name], node)
        choices = [list(one[name]) for name in names]
        settings.extend(dict(zip(names, values)) for values in itertools.product(*choices))
    return settings


def _check_choices(name: str, values: Any, node: str) -> None:
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__") or not hasattr(values, "__len__"):
        raise GraphError(f"node {node!r}: params={{{name!r}: {values!r}}}: give a list of choices, [{values!r}]", node)
    if len(values) == 0:
        raise GraphError(f"node {node!r}: params= gives no choice for {name!r}", node)


def check_names(settings: list[dict[str, Any]], estimator: Any, node: str) -> None:
    """Raise `GraphError` when the estimator has no parameter of a name that the settings use."""
    if not hasattr(estimator, "get_params"):
        return
    known = set(estimator.get_params(deep=True))
    for name in sorted({name for setting in settings for name in setting}):
        # A nested name may become valid only once another parameter of the same setting is set.
        if name not in known and name.split("__")[0] not in known:
            own = ", ".join(sorted(known)) or "none"
            raise GraphError(
                f"node {node!r}: {type(estimator).__name__} has no parameter {name!r}; it has: {own}", node
            )
