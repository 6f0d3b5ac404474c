"""Whether anybody hears of a search's fits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from anabranch.model_selection.calls import Call


def has_callbacks(search: Any) -> bool:
    """Whether callbacks are set on the search, or on an estimator in it."""
    parts = [search, *(part for part in search.get_params().values() if hasattr(part, "set_callbacks"))]
    return any(_registered(part) for part in parts if not isinstance(part, type))


def drop_unheard(calls: Iterable[Call]) -> None:
    """Take the contexts for callbacks out of a search's calls when it has none: what is told to some is not shared."""
    heard: dict[int, bool] = {}
    for call in calls:
        caller = call.named.get("caller")
        if caller is not None and call.named.get("callback_ctx") is not None:
            if id(caller) not in heard:
                heard[id(caller)] = has_callbacks(caller)
            if not heard[id(caller)]:
                del call.named["callback_ctx"]


def _registered(estimator: Any) -> bool:
    # By whatever name the installed scikit-learn keeps them. The contexts of a fit say nothing: it makes them, and
    # hands them to estimators within others, without callbacks too.
    return any(
        "callback" in name and isinstance(value, (list, tuple)) and value for name, value in vars(estimator).items()
    )
