"""What an exception brings along of what was said before it."""

from __future__ import annotations

import pickle

from anabranch.model_selection.said import Said, hang_on, taken_from


def test_what_was_said_is_taken_off_the_exception():
    error = ValueError("late")
    hang_on(error, Said([(UserWarning("beware"), UserWarning, "file.py", 3)], "printed"))
    back = pickle.loads(pickle.dumps(error))
    said = taken_from(back)
    assert said.printed == "printed" and str(said.warnings[0][0]) == "beware"
    assert not vars(back) and taken_from(back) == Said()


def test_of_much_the_end_comes_along():
    error = ValueError("late")
    many = [(UserWarning(f"number {number} " + "x" * 200), UserWarning, "file.py", 3) for number in range(1000)]
    hang_on(error, Said(many, "x" * 100_000 + "end"))
    assert len(pickle.dumps(error)) < 30_000
    said = taken_from(error)
    assert said.printed.endswith("end") and str(said.warnings[-1][0]).startswith("number 999 ")
    assert len(many) == 1000
