"""What a task of a search is called with: what many calls have in common is stored once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from anabranch.model_selection.agenda import Work
from anabranch.model_selection.calls import Call, common_arguments
from anabranch.model_selection.held_data import HeldData
from anabranch.model_selection.plan import Plan
from anabranch.model_selection.prefixes import Segment
from anabranch.model_selection.tasks import (
    pack,
    run_branches,
    run_calls,
    run_fits,
    run_members,
    run_segment,
    run_segment_and_fit,
)
from anabranch.process_client import current
from anabranch.references import Ref

#: Arguments that are rows' numbers, which many calls have.
_ROWS = ("train", "test")
_ATOMS = (type(None), bool, int, float, str, bytes)


class TaskArguments:
    """Makes tasks of works.

    Parameters
    ----------
    plan : Plan
    held : HeldData
        What earlier calls of the same search had in common, and later ones will.
    shared : mapping of Segment to object
        What fitted steps have come to, for those that build on them.
    """

    def __init__(self, plan: Plan, held: HeldData, shared: Mapping[Segment, Any]) -> None:
        self._plan = plan
        self._held = held
        self._shared = shared
        self._data = {id(value) for call in plan.calls if call.is_fit for value in call.arguments[1:]}
        self._stored: dict[Any, tuple[Any, Ref]] = {}
        #: Whether tasks run in this process, which needs nothing stored.
        self.is_here = False

    def forget(self) -> None:
        """Let go of what was stored for these calls alone."""
        self._stored.clear()

    def of(self, work: Work) -> tuple[Callable, tuple]:
        """Return what runs a work, and its arguments."""
        segment = work.segment
        if not work.calls or work.with_steps:
            own = self._plan.calls[segment.example].own
            shared = self._fit_arguments(segment.example, segment.parent)
            if segment.is_of_members:
                return run_members, (*shared, own, segment.titles)
            if segment.titles:
                return run_branches, (*shared, own, segment.begin, segment.titles)
            branches = [self._shared[branch] for branch in segment.needs]
            body = run_segment_and_fit if work.with_steps else run_segment
            return body, (*shared, own, segment.end, branches)
        calls = [self._plan.calls[number] for number in work.calls]
        if segment.parent is not None:
            members = [self._shared[one] for one in segment.needs] if segment.is_group else None
            return run_fits, (*self._fit_arguments(work.calls[0], segment), [call.own for call in calls], members)
        common = common_arguments(calls)
        shipped = {key: self._small_or_stored(value) for key, value in common.items()}
        rows: dict[tuple, int] = {}
        parts: list[dict[str, Any]] = []
        own = []
        for call in calls:
            part = {name: call.named[name] for name in _ROWS if name in call.named and name not in common}
            key = tuple(map(id, part.values()))
            if key not in rows:
                rows[key] = len(parts)
                parts.append({name: self._stored_once(value) for name, value in part.items()})
            positions = {index: value for index, value in enumerate(call.arguments) if index not in common}
            named = {name: value for name, value in call.named.items() if name not in common and name not in _ROWS}
            own.append((rows[key], positions, named))
        packed = own if self.is_here or not calls[0].is_fit else pack(own)
        return run_calls, (self._function(calls[0]), shipped, parts, packed)

    def _fit_arguments(self, number: int, segment: Segment | None) -> tuple:
        """Return the first arguments of `run_fits` and `run_segment`."""
        call = self._plan.calls[number]
        _, X, y = call.arguments
        shared = [self._shared[one] for one in segment.ancestors] if segment is not None else []
        common = call.common
        # Whoever calls is told to callbacks only, and there are none.
        common.pop("caller", None)
        fold = call.named["train"], call.named["test"]
        return (
            self._function(call),
            self._stored_once(common, ("common", *map(id, common.values()))),
            self._stored_once(self._plan.recipes[number].estimator),
            self._stored_once(X),
            self._small_or_stored(y),
            self._stored_once(fold, ("fold", *call.fold)),
            shared,
        )

    def _function(self, call: Call) -> Any:
        """Return the function with its caller's configuration, stored once for all calls that have the same."""
        function = call.function
        parts = [getattr(function, name, None) for name in ("function", "config", "warning_filters")]
        key = ("function", *map(id, parts if parts[0] is not None else [function]))
        return self._stored_once(function, key)

    def _small_or_stored(self, value: Any) -> Any:
        return value if isinstance(value, _ATOMS) else self._stored_once(value)

    def _stored_once(self, value: Any, key: Any = None) -> Any:
        if self.is_here:
            return value
        if key is None and id(value) in self._data:
            return self._held.store(value)
        key = key or ("value", id(value))
        stored = self._stored.get(key)
        if stored is None:
            # The value is kept beside its reference, for as long as its identity stands for it.
            stored = self._stored[key] = value, current().put(value, never_inline=True)
        return stored[1]
