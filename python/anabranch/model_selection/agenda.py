"""What is to be done next: a fold is finished before new ones are opened, so that memory grows with slots only."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from anabranch.model_selection.prefixes import Segment

#: Seconds that a task of fused calls is meant to take: long against the cost of a task, short against a search.
FUSED_SECONDS = 0.05


@dataclass(frozen=True, eq=False)
class Work:
    """One task: a segment's steps (``calls`` is empty), or calls that end on the segment.

    With ``with_steps`` it is both: the only call below a union, whose output nobody else would read.
    """

    segment: Segment
    calls: tuple[int, ...] = ()
    with_steps: bool = False


class Agenda:
    """Orders the work of trees: depth first within a fold, folds one after the other.

    A value without clock or input: what has ended is told to it, what can begin is taken from it.

    Parameters
    ----------
    roots : sequence of Segment
        One for each fold.
    most_open : int
        Folds that may be begun and not finished at a time.
    slots : int
        Tasks that run at a time: fused calls leave work for every slot.
    """

    def __init__(self, roots: Sequence[Segment], most_open: int, slots: int) -> None:
        self._closed = deque(roots)
        self._most_open = most_open
        self._slots = slots
        self._left: dict[int, int] = {}
        self._order: dict[Segment, int] = {}
        # (fold, place in the fold, whether it is a segment's own steps, number of the entry, segment)
        self._ready: list[tuple[int, int, bool, int, Segment]] = []
        self._numbers = itertools.count()
        self._calls: dict[Segment, deque[int]] = {}
        self._pending: dict[Segment, int] = {}
        self._seconds: float | None = None
        # What a segment still waits for, and who still waits for a segment of branches.
        self._waits: dict[Segment, set[Segment]] = {}
        self._users: dict[Segment, set[Segment]] = {}

    def resize(self, most_open: int, slots: int) -> None:
        """Note that the pool has become larger or smaller; folds that are open stay so."""
        self._most_open = most_open
        self._slots = slots

    @property
    def finished(self) -> bool:
        """Whether every call has been answered."""
        return not self._closed and not self._left

    @property
    def open_folds(self) -> int:
        """How many folds are begun and not finished."""
        return len(self._left)

    def take(self, *, fuse: bool = True, most: int | None = None) -> Work | None:
        """Return what is to begin next, or None when that waits for what runs.

        Parameters
        ----------
        fuse : bool
            Whether it may be several calls, or steps with their only call.
        most : int, optional
            Calls that it may be.
        """
        while True:
            if not self._ready:
                if not self._closed or len(self._left) >= self._most_open:
                    return None
                self._open(self._closed.popleft())
                continue
            _, _, with_steps, _, segment = self._ready[0]
            if with_steps:
                heapq.heappop(self._ready)
                if fuse and segment.is_with_its_call:
                    return Work(segment, tuple(segment.calls), with_steps=True)
                return Work(segment)
            waiting = self._calls[segment]
            count = self._fused(len(waiting)) if fuse else 1
            calls = tuple(waiting.popleft() for _ in range(min(count, most or count, len(waiting))))
            if not waiting:
                heapq.heappop(self._ready)
            if calls:
                return Work(segment, calls)

    def fitted(self, segment: Segment, *, failed: bool = False) -> list[Segment]:
        """Note that a segment's steps or branches are there: what is below it, or waits for it, can begin.

        With ``failed`` a step raised: nothing further is shared, and its calls say what was raised.

        Returns
        -------
        segments of branches whose outputs nobody will need again
        """
        if segment.titles:
            self._release_users(segment)
            return []
        if failed:
            segment.branches.clear()
            for child in list(segment.children):
                segment.calls.extend(child.dissolve())
        self._release_below(segment)
        return self._consumed(segment)

    def answered(self, segment: Segment, seconds: Sequence[float]) -> list[Segment]:
        """Note that calls that end on a segment were answered.

        Parameters
        ----------
        segment : Segment
        seconds : sequence of float
            What each of the calls took.

        Returns
        -------
        segments whose outputs nobody will need again
        """
        for one in seconds:
            self._seconds = one if self._seconds is None else 0.8 * self._seconds + 0.2 * one
        self._left[segment.fold] -= len(seconds)
        if self._left[segment.fold] == 0:
            del self._left[segment.fold]
        over: list[Segment] = []
        current: Segment | None = segment
        while current is not None:
            self._pending[current] -= len(seconds)
            if self._pending[current] == 0:
                over.append(current)
                if current.is_group:
                    over += self._consumed(current)
            current = current.parent
        return over

    def give_up(self, segment: Segment) -> list[Segment]:
        """Take a segment whose steps could not be shared apart: its calls go to the segment above it.

        Who waits for a segment of branches fits them itself.

        Returns
        -------
        segments of branches whose outputs nobody will need again
        """
        if segment.titles:
            for user in self._users.get(segment, ()):
                user.needs.remove(segment)
            self._release_users(segment)
            return []
        assert segment.parent is not None
        calls = segment.dissolve()
        parent = segment.parent
        self._calls.setdefault(parent, deque()).extend(calls)
        self._push(parent, self._order[segment], False)
        return self._consumed(segment)

    def abandon(self, segment: Segment) -> tuple[list[Segment], list[Segment]]:
        """Note that a segment will never be there.

        Returns
        -------
        lost : list of Segment
            Itself or, when it is of branches, those who wait for it. Their calls, and those below them, are the
            caller's to answer.
        over : list of Segment
            Segments of branches whose outputs nobody will need again.
        """
        assert segment.parent is not None
        lost = [segment]
        if segment.titles:
            users = self._users.get(segment, set())
            lost = [child for child in segment.parent.children if child in users]
        return lost, [branch for one in lost for branch in self._consumed(one)]

    def _open(self, root: Segment) -> None:
        for number, segment in enumerate(root.walk()):
            self._order[segment] = number
        for segment in root.walk():
            count = len(segment.calls)
            current: Segment | None = segment
            while current is not None:
                self._pending[current] = self._pending.get(current, 0) + count
                current = current.parent
        if self._pending[root]:
            self._left[root.fold] = self._pending[root]
            self._release_below(root)

    def _release_below(self, segment: Segment) -> None:
        for branch in segment.branches:
            self._order[branch] = self._order[segment]
            self._push(branch, self._order[branch], True)
        for child in segment.children:
            if child.needs:
                self._waits[child] = set(child.needs)
                for branch in child.needs:
                    self._users.setdefault(branch, set()).add(child)
            else:
                self._push(child, self._order[child], True)
        self._release_calls(segment)

    def _release(self, user: Segment) -> None:
        if user.is_group:
            self._release_calls(user)
        else:
            self._push(user, self._order[user], True)

    def _release_calls(self, segment: Segment) -> None:
        if segment.calls:
            self._calls[segment] = deque(segment.calls)
            self._push(segment, self._order[segment], False)

    def _release_users(self, branch: Segment) -> None:
        for user in self._users.get(branch, ()):
            self._waits[user].discard(branch)
            if not self._waits[user]:
                self._release(user)

    def _consumed(self, segment: Segment) -> list[Segment]:
        """Note that a segment needs its branches no longer, and return those that nobody does."""
        over = []
        for branch in segment.needs:
            # Below steps that will never be there, nobody has begun to wait.
            users = self._users.get(branch)
            if users is not None:
                users.discard(segment)
                if not users:
                    over.append(branch)
        return over

    def _push(self, segment: Segment, place: int, with_steps: bool) -> None:
        heapq.heappush(self._ready, (segment.fold, place, with_steps, next(self._numbers), segment))

    def _fused(self, waiting: int) -> int:
        if self._seconds is None:
            return 1
        wanted = int(FUSED_SECONDS / max(self._seconds, 1e-5))
        return max(1, min(wanted, -(-waiting // (2 * self._slots))))
