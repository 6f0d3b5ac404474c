"""Where a search runs, by what it takes and what the pool costs."""

from __future__ import annotations

import pytest

from anabranch.model_selection.break_even import LEAST_SECONDS, MOST_SECONDS, BreakEven, Costs, Left, Pace

COSTS = Costs(start=1.0, search=0.02, task=0.002)


def even(slots=2, cells=0, warm=True):
    return BreakEven.of(COSTS, slots, cells, warm=warm)


def measured(call, segment=0.0):
    pace = Pace()
    pace.add_call(call)
    if segment:
        pace.add_segment(segment)
    return pace


@pytest.mark.parametrize(
    "call, calls, warm, here",
    [
        # Half of the work is gained on two slots: 19 ms here, 10 ms and 21 ms of cost there.
        (0.001, 19, True, True),
        (0.001, 60, True, False),
        (0.001, 60, False, True),
        # A second is gained by two seconds of work.
        (0.1, 20, False, True),
        (0.1, 22, False, False),
        (0.1, 22, True, False),
    ],
)
def test_what_the_pool_gains_is_held_against_what_it_costs(call, calls, warm, here):
    assert even(warm=warm).is_faster_here(measured(call), Left(calls, 0, 1)) is here


def test_steps_that_are_shared_are_work_too():
    assert even().is_faster_here(measured(0.001), Left(10, 0, 1))
    assert not even().is_faster_here(measured(0.001, segment=0.05), Left(10, 1, 1))


def test_each_task_costs():
    assert not even().is_faster_here(measured(0.001), Left(50, 0, 1))
    assert even().is_faster_here(measured(0.001), Left(50, 0, 10))


def test_more_slots_gain_more():
    left, pace = Left(30, 0, 0), measured(0.001)
    assert even(slots=2).is_faster_here(pace, left)
    assert not even(slots=8).is_faster_here(pace, left)


def test_one_slot_gains_nothing_until_protection_counts():
    pace = measured(0.01)
    assert even(slots=1).is_faster_here(pace, Left(int(MOST_SECONDS / 0.01) - 1, 0, 0))
    assert not even(slots=1).is_faster_here(pace, Left(int(MOST_SECONDS / 0.01) + 1, 0, 0))


def test_before_anything_is_measured_a_fit_takes_what_it_must():
    many = int(2 * COSTS.search / LEAST_SECONDS) + 1
    assert even().is_faster_here(Pace(), Left(many - 20, 0, 0))
    assert not even().is_faster_here(Pace(), Left(many + 20, 0, 0))
    # So many cells take longer than the pool costs, whatever the estimator.
    assert not even(cells=10_000_000).is_faster_here(Pace(), Left(5, 0, 0))


def test_the_first_call_decides_alone_only_when_it_took_long():
    slow, left = measured(0.5), Left(19, 0, 0)
    assert even(warm=False).stays_here(slow, left, answered=1, spent=0.5)
    assert not even(warm=False).stays_here(slow, left, answered=1, spent=1.5)
    assert not even(warm=False).stays_here(slow, left, answered=2, spent=1.0)


def test_a_pace_is_the_mean_of_what_was_measured():
    pace = Pace()
    assert pace.work(3, 2, least=1.0) == 5.0
    pace.add_call(2.0)
    pace.add_call(4.0)
    assert pace.work(3, 2, least=1.0) == 11.0
    pace.add_segment(0.5)
    assert pace.work(3, 2, least=1.0) == 10.0
