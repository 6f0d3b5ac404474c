"""Candidates' steps as a tree: what several candidates of a fold have in common is one segment of it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(eq=False)
class Segment:
    """Consecutive steps that the same calls of a fold share, fitted in one task.

    Attributes
    ----------
    fold : int
    parent : Segment or None
        None for the root of a fold, which has no steps.
    begin, end : int
        Positions of its steps among those of a call that are fitted before the last.
    example : int
        One of the calls that share it.
    calls : list of int
        Calls that share these steps and no more with any other.
    children : list of Segment
    """

    fold: int
    parent: Segment | None = None
    begin: int = 0
    end: int = 0
    example: int = -1
    calls: list[int] = field(default_factory=list)
    children: list[Segment] = field(default_factory=list)

    @property
    def ancestors(self) -> list[Segment]:
        """The segments with steps from the fold's root to this one, both included."""
        above: list[Segment] = []
        segment: Segment | None = self
        while segment is not None and segment.parent is not None:
            above.append(segment)
            segment = segment.parent
        return above[::-1]

    def walk(self) -> Iterator[Segment]:
        """Yield this segment and all below it, depth first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def dissolve(self) -> list[int]:
        """Take the segment, and what is below it, out of the tree; return the calls that were there."""
        calls = [call for segment in self.walk() for call in segment.calls]
        if self.parent is not None and self in self.parent.children:
            self.parent.children.remove(self)
        return calls


def share_prefixes(fold: int, calls: Iterable[tuple[int, Sequence[Hashable]]]) -> Segment:
    """Return the root of a fold's tree.

    Parameters
    ----------
    fold : int
    calls : iterable of (int, sequence)
        Each call with the keys of the steps that it fits before its last one. Steps are shared when they and all before
        them have equal keys, and at least two calls have them.
    """
    root = Segment(fold)
    _grow(root, 0, list(calls))
    return root


def _grow(parent: Segment, depth: int, members: list[tuple[int, Sequence[Hashable]]]) -> None:
    groups: dict[Hashable, list[tuple[int, Sequence[Hashable]]]] = {}
    for call, keys in members:
        if len(keys) > depth:
            groups.setdefault(keys[depth], []).append((call, keys))
        else:
            parent.calls.append(call)
    for group in groups.values():
        if len(group) == 1:
            parent.calls.append(group[0][0])
            continue
        end = depth + 1
        first = group[0][1]
        while all(len(keys) > end and keys[end] == first[end] for _, keys in group) and len(first) > end:
            end += 1
        segment = Segment(parent.fold, parent, depth, end, group[0][0])
        parent.children.append(segment)
        _grow(segment, end, group)
