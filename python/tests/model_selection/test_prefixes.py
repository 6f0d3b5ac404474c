"""The tree of shared steps, and the order in which it is worked off."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.model_selection.agenda import Agenda
from anabranch.model_selection.prefixes import share_prefixes


def shape(segment):
    return (segment.begin, segment.end, sorted(segment.calls), [shape(child) for child in segment.children])


def test_steps_that_the_same_calls_share_are_one_segment():
    root = share_prefixes(0, [(0, "abc"), (1, "abc"), (2, "abd"), (3, "abd"), (4, "xy"), (5, "")])
    assert shape(root) == (0, 0, [4, 5], [(0, 2, [], [(2, 3, [0, 1], []), (2, 3, [2, 3], [])])])


def test_a_call_may_end_where_others_go_on():
    root = share_prefixes(0, [(0, "a"), (1, "ab"), (2, "ab")])
    assert shape(root) == (0, 0, [], [(0, 1, [0], [(1, 2, [1, 2], [])])])


def test_equal_steps_behind_different_ones_are_not_shared():
    root = share_prefixes(0, [(0, "ac"), (1, "bc")])
    assert shape(root) == (0, 0, [0, 1], [])


def work_off(agenda, slots, fail=frozenset()):
    """Run an agenda to its end; returns the order of works and the most folds that were open at a time."""
    order, running, opened = [], [], 0
    while not agenda.finished:
        while len(running) < slots and (work := agenda.take()) is not None:
            running.append(work)
        opened = max(opened, agenda.open_folds)
        assert running, "nothing runs and nothing can begin"
        work = running.pop(0)
        order.append(work)
        if work.calls:
            agenda.answered(work.segment, [0.001] * len(work.calls))
        elif work.segment.begin in fail:
            agenda.give_up(work.segment)
        else:
            agenda.fitted(work.segment)
    return order, opened


candidates = st.lists(st.text("ab", max_size=3), min_size=1, max_size=12)


@settings(max_examples=100, deadline=None)
@given(candidates, st.integers(1, 3), st.integers(1, 4), st.sets(st.integers(0, 2)))
def test_every_call_is_answered_once_after_its_steps(keys, folds, slots, fail):
    count = len(keys)
    roots = [
        share_prefixes(fold, [(fold * count + number, key) for number, key in enumerate(keys)]) for fold in range(folds)
    ]
    order, opened = work_off(Agenda(roots, slots + 1, slots), slots, fail)
    answered = [call for work in order for call in work.calls]
    assert sorted(answered) == list(range(folds * count))
    assert opened <= slots + 1
    fitted = set()
    for work in order:
        above = work.segment.ancestors if work.calls else work.segment.ancestors[:-1]
        assert all(segment in fitted for segment in above)
        if not work.calls and work.segment.begin not in fail:
            fitted.add(work.segment)


def test_a_fold_is_finished_before_the_next_is_opened():
    roots = [share_prefixes(fold, [(fold * 4 + number, "ab") for number in range(4)]) for fold in range(3)]
    order, _ = work_off(Agenda(roots, 2, 1), 1)
    assert [work.segment.fold for work in order] == sorted(work.segment.fold for work in order)


def test_short_calls_are_fused_and_leave_work_for_every_slot():
    root = share_prefixes(0, [(number, "") for number in range(100)])
    agenda = Agenda([root], 3, 2)
    first = agenda.take()
    assert len(first.calls) == 1
    agenda.answered(root, [0.001])
    assert len(agenda.take().calls) == 25
    assert len(agenda.take(fuse=False).calls) == 1


def test_a_larger_pool_opens_more_folds_and_fuses_fewer_calls():
    roots = [share_prefixes(fold, [(fold * 100 + number, "") for number in range(100)]) for fold in range(2)]
    agenda = Agenda(roots, 1, 2)
    agenda.take()
    agenda.answered(roots[0], [0.001])
    agenda.resize(2, 10)
    assert len(agenda.take().calls) == 5
    while (work := agenda.take()) is not None and work.segment is roots[0]:
        pass
    assert work.segment is roots[1]
    assert agenda.open_folds == 2


def test_what_lies_below_a_failed_step_is_not_shared():
    root = share_prefixes(0, [(0, "abc"), (1, "abc"), (2, "abd"), (3, "a")])
    agenda = Agenda([root], 2, 1)
    segment = agenda.take().segment
    agenda.fitted(segment, failed=True)
    calls = []
    while not agenda.finished:
        work = agenda.take()
        assert work.segment is segment
        calls += work.calls
        over = agenda.answered(segment, [0.1] * len(work.calls))
    assert sorted(calls) == [0, 1, 2, 3]
    assert segment in over


# ---- branches


class Branch(NamedTuple):
    key: str
    worth: bool


def branches_of(keys):
    """Steps of capital letters are unions of their letters, at two places."""

    def branches(call, position):
        step = keys[call % len(keys)][position]
        return {f"{place}": Branch(letter, letter != "Z") for place, letter in enumerate(step) if letter.isupper()}

    return branches


def test_branches_that_unions_share_are_segments_and_each_union_is_one():
    keys = [("a", "AB"), ("a", "AC"), ("a", "AC", "d"), ("b", "AB"), ("a", "e")]
    root = share_prefixes(0, list(enumerate(keys)), branches_of(keys))
    (below,) = root.children
    assert root.calls == [3] and not root.branches
    (shared,) = below.branches
    assert (shared.titles, shared.begin, shared.end, shared.parent) == (("0",), 1, 1, below)
    assert [(child.calls, child.needs) for child in below.children] == [([0], [shared]), ([1, 2], [shared])]
    assert below.calls == [4]


def test_branches_that_are_not_worth_a_task_go_together_or_not_at_all():
    keys = [("AZZB",), ("AZZC",)]
    root = share_prefixes(0, list(enumerate(keys)), branches_of(keys))
    assert [branch.titles for branch in root.branches] == [("0",), ("1", "2")]
    alone = [("ZB",), ("ZC",)]
    assert not share_prefixes(0, list(enumerate(alone)), branches_of(alone)).children


def test_calls_with_the_same_shared_members_wait_for_them_together():
    ensembles = ["AB", "AC", "AD", "ZB", "", "AB"]
    keys = ["s", "s", "s", "s", "s", "t"]
    root = share_prefixes(0, list(enumerate(keys)), None, members_of(ensembles))
    (below,) = root.children
    first, second = below.branches
    assert [(one.titles, one.is_of_members) for one in below.branches] == [(("0",), True), (("1",), True)]
    assert [(group.calls, group.needs, group.is_group) for group in below.children] == [
        ([0], [first, second], True),
        ([1, 2], [first], True),
        ([3], [second], True),
    ]
    assert below.calls == [4] and root.calls == [5]
    assert below.children[0].ancestors == [below] and not below.children[0].is_with_its_call


def members_of(ensembles):
    """An ensemble is a word, with a member at each place."""

    def members(call):
        word = ensembles[call % len(ensembles)]
        return {f"{place}": Branch(letter, letter != "Z") for place, letter in enumerate(word)}

    return members


unions = st.lists(
    st.tuples(st.lists(st.text("ABZ", min_size=1, max_size=3), max_size=3), st.text("ABZ", max_size=3)),
    min_size=1,
    max_size=10,
)


@settings(max_examples=150, deadline=None)
@given(unions, st.integers(1, 3), st.integers(1, 4), st.randoms(), st.booleans())
def test_every_call_is_answered_once_after_its_branches(candidates, folds, slots, random, mishaps):
    count = len(candidates)
    keys, ensembles = zip(*candidates)
    roots = [
        share_prefixes(
            fold,
            [(fold * count + number, key) for number, key in enumerate(keys)],
            branches_of(keys),
            members_of(ensembles),
        )
        for fold in range(folds)
    ]
    agenda = Agenda(roots, slots + 1, slots)
    running, held, answered = [], set(), []
    while not agenda.finished:
        while len(running) < slots and (work := agenda.take()) is not None:
            assert not work.segment.titles or not work.calls
            if not work.calls or work.with_steps or work.segment.is_group:
                assert held.issuperset(work.segment.needs), "what it needs is there, and still held"
            running.append(work)
        work = running.pop(random.randrange(len(running)))
        segment, over = work.segment, []
        fate = random.choice(["good", "good", "good", "raised", "given up", "gone"]) if mishaps else "good"
        if work.calls and not (work.with_steps and fate in ("given up", "gone")):
            answered.extend(work.calls)
            over = agenda.abandon(segment)[1] if work.with_steps else []
            over += agenda.answered(segment, [0.001] * len(work.calls))
        elif fate == "given up":
            over = agenda.give_up(segment)
        elif fate == "gone":
            lost, over = agenda.abandon(segment)
            for below in [one for top in lost for one in top.walk() if one.calls]:
                answered.extend(below.calls)
                over += agenda.answered(below, [0.0] * len(below.calls))
        else:
            if segment.titles:
                held.add(segment)
            over = agenda.fitted(segment, failed=fate == "raised")
        held.difference_update(over)
    assert sorted(answered) == list(range(folds * count))
    assert mishaps or not held, "what nobody needs any more is let go"
