"""Candidates' steps as a tree: what several candidates of a fold have in common is one segment of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

_Members = list[tuple[int, Sequence[Hashable]]]


class BranchLike(Protocol):
    """What is to be known of a branch of a union: see `branches.Branch`."""

    @property
    def key(self) -> Hashable:
        """Equal for equal fits of one input."""

    @property
    def worth(self) -> bool:
        """Whether the fit is worth a task."""


#: Branches by name of the step of a call at a position, which is no union where there are none.
BranchesOf = Callable[[int, int], Mapping[str, BranchLike]]


@dataclass(eq=False)
class Segment:
    """Consecutive steps that the same calls of a fold share, or branches that several unions share, fitted in one task.

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
    titles : tuple of str
        Of branches of the step at ``begin``, when the segment is of them and not of steps: then it has no calls.
    branches : list of Segment
        Those of branches that read what this segment makes, for several of its children.
    needs : list of Segment
        Those among the parent's ``branches`` that this segment's first step has.
    """

    fold: int
    parent: Segment | None = None
    begin: int = 0
    end: int = 0
    example: int = -1
    calls: list[int] = field(default_factory=list)
    children: list[Segment] = field(default_factory=list)
    titles: tuple[str, ...] = ()
    branches: list[Segment] = field(default_factory=list)
    needs: list[Segment] = field(default_factory=list)

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


def share_prefixes(
    fold: int, calls: Iterable[tuple[int, Sequence[Hashable]]], branches: BranchesOf | None = None
) -> Segment:
    """Return the root of a fold's tree.

    Parameters
    ----------
    fold : int
    calls : iterable of (int, sequence)
        Each call with the keys of the steps that it fits before its last one. Steps are shared when they and all before
        them have equal keys, and at least two calls have them.
    branches : callable, optional
        Gives the branches of a call's step that is a union. Where unions that differ read the same input and have
        branches with equal keys, one of them worth a task, these become segments, and each such union one of its own.
    """
    root = Segment(fold)
    _grow(root, 0, list(calls), branches or (lambda call, position: {}))
    return root


def _grow(parent: Segment, depth: int, members: _Members, branches: BranchesOf) -> None:
    groups: dict[Hashable, _Members] = {}
    for call, keys in members:
        if len(keys) > depth:
            groups.setdefault(keys[depth], []).append((call, keys))
        else:
            parent.calls.append(call)
    needs = _shared_branches(parent, depth, groups, branches)
    for key, group in groups.items():
        if len(group) == 1 and key not in needs:
            parent.calls.append(group[0][0])
            continue
        end = depth + 1
        first = group[0][1]
        while len(group) > 1 and len(first) > end and all(len(k) > end and k[end] == first[end] for _, k in group):
            end += 1
        segment = Segment(parent.fold, parent, depth, end, group[0][0], needs=needs.get(key, []))
        parent.children.append(segment)
        _grow(segment, end, group, branches)


def _shared_branches(
    parent: Segment, depth: int, groups: Mapping[Hashable, _Members], branches: BranchesOf
) -> dict[Hashable, list[Segment]]:
    """Add the segments of branches that several groups share, and return those that each group needs."""
    if len(groups) < 2:
        return {}
    users: dict[tuple[str, Hashable], list[Hashable]] = {}
    worth: dict[tuple[str, Hashable], bool] = {}
    for key, group in groups.items():
        for title, branch in branches(group[0][0], depth).items():
            users.setdefault((title, branch.key), []).append(key)
            worth[title, branch.key] = branch.worth
    shared = {branch: tuple(keys) for branch, keys in users.items() if len(keys) > 1}
    if not any(worth[branch] for branch in shared):
        return {}
    # A task for each that is worth one; what is not goes together.
    tasks: dict[Hashable, list[str]] = {}
    for branch, keys in shared.items():
        tasks.setdefault((keys, branch if worth[branch] else None), []).append(branch[0])
    needs: dict[Hashable, list[Segment]] = {}
    for (keys, _), titles in tasks.items():  # type: ignore[misc]
        segment = Segment(parent.fold, parent, depth, depth, groups[keys[0]][0][0], titles=tuple(titles))
        parent.branches.append(segment)
        for key in keys:
            needs.setdefault(key, []).append(segment)
    return needs
