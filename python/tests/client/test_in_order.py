"""Results of a map that the store does not hold together, against a pool that a seed drives."""

from __future__ import annotations

import gc
import itertools
import random
from collections import deque
from types import SimpleNamespace

import pytest

from anabranch.in_order import Door, InOrder, MappedCall


class Full(Exception):
    pass


class Stored:
    """A result that takes one place of the store as long as it lives."""

    def __init__(self, pool: Pool, value: int) -> None:
        self.pool = pool
        self.value = value
        pool.taken += 1
        assert pool.taken <= pool.places

    def __del__(self) -> None:
        self.pool.taken -= 1
        self.pool.released += 1


class ScriptedCall(MappedCall):
    """A call that ends when the pool comes to it; whoever waits for it lets the pool go on."""

    def __init__(self, pool: Pool, item: int) -> None:
        super().__init__(next(pool.numbers), pool)
        self.item = item
        self.state = "pending"
        self.stored: Stored | None = None

    @property
    def ref(self):
        return self.stored and SimpleNamespace(message=SimpleNamespace(segment=1))

    def done(self) -> bool:
        return self.state != "pending"

    def cancelled(self) -> bool:
        return self.state == "cancelled"

    def result(self, timeout=None):
        while self.state == "pending":
            self.owner.step(is_waited_for=True)
        if self.state == "full":
            raise Full(self.item)
        assert self.state == "done", self.state
        return self.stored

    def own_result(self, timeout=None):
        assert self.stored is not None
        return SimpleNamespace(value=self.stored.value)


class Pool:
    """Runs calls in their order; one that finds no room waits, and fails when nothing else is left to make any."""

    def __init__(self, seed: int, places: int) -> None:
        self.chance = random.Random(seed)
        self.places = places
        self.taken = self.released = self.runs = 0
        self.numbers = itertools.count(1)
        self.queue: deque[ScriptedCall] = deque()
        self.roomless: deque[tuple[ScriptedCall, int]] = deque()
        self.is_shut = False

    def submit(self, item: int) -> ScriptedCall:
        call = ScriptedCall(self, item)
        self.queue.append(call)
        return call

    def cancel(self, call: ScriptedCall) -> None:
        if call.state == "pending":
            call.state = "cancelled"
            self.queue = deque(one for one in self.queue if one is not call)
            self.roomless = deque(one for one in self.roomless if one[0] is not call)

    def cancel_all(self, calls: list[ScriptedCall]) -> None:
        for call in calls:
            self.cancel(call)

    def door(self) -> Door:
        return Door(
            lambda call: (call.item,), self.submit_again, self.cancel_all, self.cancel_all, lambda: self.is_shut
        )

    def submit_again(self, again: tuple[int]) -> ScriptedCall:
        if self.is_shut:
            raise RuntimeError("cannot schedule new futures after shutdown")
        return self.submit(*again)

    def step(self, is_waited_for: bool = False) -> None:
        if self.roomless and (self.roomless[0][1] < self.released or (not self.queue and self.chance.random() < 0.8)):
            call, since = self.roomless.popleft()
            self.run(call, is_last=since == self.released)
        elif self.queue:
            # Some are under way at once, and any of them may end first.
            place = self.chance.randrange(min(3, len(self.queue)))
            call = self.queue[place]
            del self.queue[place]
            self.run(call, is_last=False)
        else:
            assert not is_waited_for or self.roomless, "somebody waits, and nothing is under way"

    def run(self, call: ScriptedCall, is_last: bool) -> None:
        self.runs += 1
        if self.taken < self.places:
            call.stored = Stored(self, call.item)
            call.state = "done"
        elif is_last:
            call.again = (call.item,)
            call.state = "full"
        else:
            self.roomless.append((call, self.released))


def mapped(pool: Pool, count: int, buffersize: int | None):
    calls = map(pool.submit, range(count))
    return InOrder(pool.door(), itertools.islice(calls, buffersize), calls, None).results()


# Not parametrized: the checks around each test take longer than a drive.
def test_every_result_comes_in_its_turn():
    for seed in range(400):
        drive(seed)


def drive(seed: int) -> None:
    chance = random.Random(seed)
    # One more than the one that its user holds.
    pool = Pool(seed, places=chance.randint(2, 8))
    count, hurry = chance.randint(1, 60), chance.choice([0, 1, 5, 30])
    taken = []
    for one in mapped(pool, count, chance.choice([None, None, 1, 3, 20])):
        taken.append(one.value)
        for _ in range(chance.randint(0, hurry)):
            pool.step()
        del one
    assert taken == list(range(count)), f"seed {seed}"
    assert pool.taken == 0 and not any(call.state == "pending" for call in pool.queue)
    # Once in the flood, twice with the last chance, once when its turn comes; and again where too many stood ahead.
    assert pool.runs <= 8 * count


def test_who_keeps_more_than_there_is_room_for_is_told():
    pool = Pool(0, places=4)
    kept = []
    with pytest.raises(Full):
        for one in mapped(pool, 100, None):
            kept.append(one)
    assert [one.value for one in kept] == list(range(len(kept))) and len(kept) >= 4
    # What had been submitted besides is cancelled, and holds nothing.
    del one, kept
    gc.collect()
    assert pool.taken == 0


def test_nothing_is_submitted_once_no_more_calls_are_taken():
    for seed in range(20):
        pool = Pool(seed, places=2)
        results = mapped(pool, 10, None)
        kept = [next(results), next(results)]
        pool.is_shut = True
        before = next(pool.numbers)
        # What it had found no room for by itself, or what it had stopped and would begin again.
        with pytest.raises((Full, RuntimeError)):
            list(results)
        assert next(pool.numbers) == before + 1 and [one.value for one in kept] == [0, 1]
