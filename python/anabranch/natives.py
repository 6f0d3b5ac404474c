"""Native functions' twins in Python, for fitted paths, which run without a worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anabranch.errors import RequestError
from anabranch.node import Node


def local_function(node: Node) -> Callable[..., Any]:
    """Return what computes the same as a node's native function, here.

    Raises
    ------
    RequestError
        When there is none: a function of the user's own worker.
    """
    from anabranch import nodes

    twins: dict[str, Callable[..., Any]] = {
        "columns.concatenate": nodes.ColumnConcat,
        "rows.concatenate": nodes.RowConcat,
        "mean": nodes.Mean,
        "vote": nodes.Vote,
        "identity": lambda: _identity,
    }
    make = twins.get(node.step.function)
    if make is None:
        raise RequestError(
            f"node {node.name!r}: the native function {node.step.function!r} runs in workers only; "
            f"a path can have {', '.join(sorted(twins))}"
        )
    return make(**node.step.parameters)


def _identity(X: Any) -> Any:
    return X
