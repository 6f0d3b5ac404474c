"""Candidates' steps as a tree: what several candidates of a fold have in common is one segment of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

_Calls = list[tuple[int, Sequence[Hashable]]]


class BranchLike(Protocol):
    """What is to be known of a branch of a union: see `branches.Branch`."""

    @property
    def key(self) -> Hashable:
        """Equal for equal fits of one input."""

    @property
    def worth(self) -> bool:
        """Whether the fit is worth a task."""


#: Members by name of the vote or the stack that a call fits last; none where it is neither.
MembersOf = Callable[[int], Mapping[str, BranchLike]]
#: Branches by name of the step of a call at a position, which is no union where there are none.
BranchesOf = Callable[[int, int], Mapping[str, BranchLike]]


@dataclass(eq=False)
class Segment:
    """Consecutive steps that the same calls of a fold share, fitted in one task.

    Or, in one task too, branches that several unions share, or members that several votes or stacks share. Or, without
    a task, no more than the calls whose votes or stacks have the same shared members.

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
        Of branches of the step at ``begin``, or of members, when the segment is of them and not of steps: then it has
        no calls.
    is_of_members : bool
    branches : list of Segment
        Those of branches and members that read what this segment makes, for several of its children.
    needs : list of Segment
        Those among the parent's ``branches`` that this segment's first step has, or that its calls' last steps have.
    """

    fold: int
    parent: Segment | None = None
    begin: int = 0
    end: int = 0
    example: int = -1
    calls: list[int] = field(default_factory=list)
    children: list[Segment] = field(default_factory=list)
    titles: tuple[str, ...] = ()
    is_of_members: bool = False
    branches: list[Segment] = field(default_factory=list)
    needs: list[Segment] = field(default_factory=list)

    @property
    def ancestors(self) -> list[Segment]:
        """The segments with steps from the fold's root to this one, both included."""
        above: list[Segment] = []
        segment: Segment | None = self
        while segment is not None and segment.parent is not None:
            if not segment.is_group:
                above.append(segment)
            segment = segment.parent
        return above[::-1]

    @property
    def is_group(self) -> bool:
        """Whether it is of calls that wait for the same members: it has nothing to fit itself."""
        return bool(self.parent is not None and self.begin == self.end and not self.titles)

    @property
    def is_with_its_call(self) -> bool:
        """Whether it is a union with one call, so that nobody else would read what it makes: both can be one task."""
        return bool(self.needs) and not self.is_group and not self.children and len(self.calls) == 1

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
    fold: int,
    calls: Iterable[tuple[int, Sequence[Hashable]]],
    branches: BranchesOf | None = None,
    members: MembersOf | None = None,
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
    members : callable, optional
        Gives the members of a call's vote or stack. Those with equal keys that read the same input become segments in
        the same way, and calls that have the same of them wait for them together.
    """
    root = Segment(fold)
    _grow(root, 0, list(calls), branches or (lambda call, position: {}), members or (lambda call: {}))
    return root


def _grow(parent: Segment, depth: int, calls: _Calls, branches: BranchesOf, members: MembersOf) -> None:
    groups: dict[Hashable, _Calls] = {}
    ended: list[int] = []
    for call, keys in calls:
        if len(keys) > depth:
            groups.setdefault(keys[depth], []).append((call, keys))
        else:
            ended.append(call)
    _group_by_members(parent, depth, ended, members)
    needs = _shared_parts(
        parent, depth, {key: (group[0][0], branches(group[0][0], depth)) for key, group in groups.items()}
    )
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
        _grow(segment, end, group, branches, members)


def _group_by_members(parent: Segment, depth: int, calls: Sequence[int], members: MembersOf) -> None:
    """Add the calls that end on a segment: those with shared members as groups that wait for these."""
    needs = _shared_parts(parent, depth, {call: (call, members(call)) for call in calls}, are_members=True)
    groups: dict[tuple[int, ...], Segment] = {}
    for call in calls:
        needed = needs.get(call)
        if not needed:
            parent.calls.append(call)
            continue
        key = tuple(map(id, needed))
        if key not in groups:
            groups[key] = Segment(parent.fold, parent, depth, depth, call, needs=needed)
            parent.children.append(groups[key])
        groups[key].calls.append(call)


def _shared_parts(
    parent: Segment,
    depth: int,
    wholes: Mapping[Hashable, tuple[int, Mapping[str, BranchLike]]],
    *,
    are_members: bool = False,
) -> dict[Hashable, list[Segment]]:
    """Add the segments of parts (branches, members) that several wholes share, and return those that each whole needs.

    Of each whole it is to be known which call has it, and its parts by name.
    """
    if len(wholes) < 2:
        return {}
    users: dict[tuple[str, Hashable], list[Hashable]] = {}
    worth: dict[tuple[str, Hashable], bool] = {}
    for key, (_, parts) in wholes.items():
        for title, branch in parts.items():
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
        segment = Segment(parent.fold, parent, depth, depth, wholes[keys[0]][0], titles=tuple(titles))
        segment.is_of_members = are_members
        parent.branches.append(segment)
        for key in keys:
            needs.setdefault(key, []).append(segment)
    return needs
