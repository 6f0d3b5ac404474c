"""From a search's results to the lines of a plot."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anabranch.errors import RequestError
from anabranch.plotting.labels import is_number, text_of

#: Settings of the other parameters that have a line of their own; of more, the best is drawn.
MOST_LINES = 10


@dataclass(frozen=True)
class Line:
    """One line of a plot: scores along the parameter, in the order of ``x``."""

    label: str
    x: Sequence[Any]
    mean: Sequence[float]
    std: Sequence[float]


def chosen_score(results: Mapping[str, Any], wanted: str | None, refit: Any) -> str:
    """Return the scorer that is meant; see `SearchResultsDisplay.from_search`."""
    names = [key.removeprefix("mean_test_") for key in results if key.startswith("mean_test_")]
    if wanted is None:
        wanted = refit if isinstance(refit, str) else names[0] if len(names) == 1 else None
        if wanted is None:
            raise RequestError(f"the search has several scores, {', '.join(names)}: choose one with score_name=")
    if wanted not in names:
        raise RequestError(f"the search has no score {wanted!r}; scores: {', '.join(names)}")
    return wanted


def last_rows(results: Mapping[str, Any]) -> list[int]:
    """Return the candidates' rows; of those that a halving search has scored several times, the last."""
    if "iter" not in results:
        return list(range(len(results["params"])))
    last = {setting(params): row for row, params in enumerate(results["params"])}
    return sorted(last.values())


def chosen_parameter(params: Sequence[Mapping[str, Any]], wanted: str | None) -> str | None:
    """Return the parameter that is meant; None when there is none."""
    values: dict[str, dict[str, Any]] = {}
    for one in params:
        for name, value in one.items():
            values.setdefault(name, {})[text_of(value)] = value
    if wanted is not None:
        if wanted not in values:
            raise RequestError(f"the search has no parameter {wanted!r}; parameters: {', '.join(values) or 'none'}")
        return wanted
    ranked = sorted(values, key=lambda name: (-_numeric_count(values[name]), -len(values[name])))
    return ranked[0] if ranked else None


def _numeric_count(values: Mapping[str, Any]) -> int:
    return len(values) if len(values) > 1 and all(map(is_number, values.values())) else 0


def varied(params: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the parameters in which candidates differ."""
    names = {name for one in params for name in one}
    return {name for name in names if len({text_of(one[name]) if name in one else None for one in params}) > 1}


def setting(params: Mapping[str, Any], among: Collection[str] | None = None) -> str:
    """Return parameters as a text, all or those ``among`` some."""
    return ", ".join(
        f"{name}={text_of(value)}" for name, value in sorted(params.items()) if among is None or name in among
    )


def lines_of(candidates: list[tuple[str, Any, float, float]]) -> tuple[list[Line], list[tuple[Any, float]]]:
    """Return a line for each setting of the other parameters, or one of the best and all points behind it.

    Parameters
    ----------
    candidates : list of (setting, value, mean, standard deviation)
    """
    groups: dict[str, list[tuple[Any, float, float]]] = {}
    for key, value, mean, std in candidates:
        groups.setdefault(key, []).append((value, mean, std))
    others: list[tuple[Any, float]] = []
    if len(groups) > MOST_LINES:
        others = [(value, mean) for _, value, mean, _ in candidates]
        best: dict[str, tuple[Any, float, float]] = {}
        for _, value, mean, std in candidates:
            known = best.get(text_of(value))
            if known is None or mean > known[1] or math.isnan(known[1]):
                best[text_of(value)] = value, mean, std
        groups = {f"best of {len(groups)} settings": list(best.values())}
    lines = []
    for label, points in groups.items():
        if all(is_number(value) for value, _, _ in points):
            points.sort(key=lambda point: float(point[0]))
        x, mean, std = zip(*points)
        lines.append(Line(label, x, mean, std))
    return lines, others
