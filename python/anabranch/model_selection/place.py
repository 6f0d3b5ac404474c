"""Where a search's calls run: in this process, on the pool, or first here and then there."""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Sequence

from anabranch.client import Client
from anabranch.model_selection.break_even import BreakEven, Costs, Left, Pace
from anabranch.model_selection.calls import Call
from anabranch.model_selection.options import HERE, POOL, Options
from anabranch.model_selection.prefixes import Segment
from anabranch.model_selection.trust import is_all_scikit_learns
from anabranch.process_client import connected, current
from anabranch.waiting import inside_task

#: What a pool costs, as measured; see decision 15.
COSTS = Costs()
#: The clients whose pool has run a search: its runtimes have imported what that takes.
_warm: weakref.WeakSet[Client] = weakref.WeakSet()


def note_warm() -> None:
    """Note that the pool has run a search."""
    _warm.add(current())


class Place:
    """Says whether the next call of a search runs here.

    Parameters
    ----------
    calls : sequence of Call
    options : Options
    slots : int
        Tasks that would run at a time on the pool.
    roots : sequence of Segment
        The plan.
    pace : Pace
        What calls took; others add to it.
    """

    def __init__(
        self, calls: Sequence[Call], options: Options, slots: int, roots: Sequence[Segment], pace: Pace
    ) -> None:
        self._calls = calls
        self._options = options
        self._pace = pace
        segments = [segment for root in roots for segment in root.walk()]
        own = [one for one in segments if one.parent is not None and not one.is_group and not one.is_with_its_call]
        self._segments = len(own) + sum(len(one.branches) for one in segments)
        self._groups = sum(bool(one.calls) for one in segments)
        client = connected()
        stands = client is not None
        # A task's own process has imported scikit-learn; those that would stand in for it while it waits have not.
        self._stands_cold = stands and client not in _warm and not inside_task()
        self._even = BreakEven.of(
            COSTS, slots, _cells(calls[0]), warm=stands and (client in _warm or not inside_task())
        )
        self._begun = time.perf_counter()

    def begins_here(self) -> bool:
        """Whether the first call runs here.

        Calls with limits never do: this process cannot be held to them. Nor does code of others than scikit-learn: it
        may end the process that it runs in. The first search on a pool that stands goes there, whatever its size:
        somebody started it for more, and then it has imported scikit-learn.
        """
        if self._options.where == HERE:
            return True
        if self._options.where == POOL or self._options.limited or self._stands_cold:
            return False
        return self._even.is_faster_here(self._pace, self._left(0, 0)) and _is_trusted(self._calls)

    def stays_here(self, answered: int, segments: int) -> bool:
        """Whether the next call runs here, too, when so many calls were answered and so many segments fitted."""
        if self._options.where == HERE:
            return True
        spent = time.perf_counter() - self._begun
        return self._even.stays_here(self._pace, self._left(answered, segments), answered, spent)

    def _left(self, answered: int, fitted: int) -> Left:
        calls = len(self._calls) - answered
        # Those that could not be fitted are not counted among those that were.
        segments = max(self._segments - fitted, 0)
        return Left(calls, segments, segments + self._groups * calls / len(self._calls))


def _cells(call: Call) -> int:
    X = call.arguments[1] if len(call.arguments) > 1 else None
    shape = getattr(X, "shape", None)
    if shape is not None:
        return math.prod(shape)
    return len(X) if hasattr(X, "__len__") else 1


def _is_trusted(calls: Sequence[Call]) -> bool:
    first = calls[0]
    function = getattr(first.function, "function", first.function)
    # Callbacks are told of fits from the processes that they were made for.
    if not getattr(function, "__module__", "").startswith("sklearn.") or first.named.get("callback_ctx") is not None:
        return False
    # The estimators of one set of calls are clones of one.
    settings = {id(call.named.get("parameters")): call.named.get("parameters") for call in calls}
    # Whoever calls, a search of ours, is told to callbacks only.
    named = [value for name, value in first.named.items() if name != "caller"]
    return is_all_scikit_learns([first.arguments, named, *settings.values()])
