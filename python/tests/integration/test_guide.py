"""The guide's code runs as it stands, and gives before and after the same results."""

from __future__ import annotations

import pathlib
import re

import pytest

pytestmark = pytest.mark.versions

GUIDE = pathlib.Path(__file__).parents[3] / "docs" / "guide.md"


def code_of(text):
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


OPENING, *SECTIONS = re.split(r"^## ", GUIDE.read_text(encoding="utf-8"), flags=re.MULTILINE)
CASES = {section.partition("\n")[0]: section for section in SECTIONS}


@pytest.mark.parametrize("case", CASES)
def test_before_and_after_give_the_same(case, pool):
    names: dict = {"__name__": "guide"}
    (opening,) = code_of(OPENING)
    exec(compile(opening, GUIDE.name, "exec"), names)
    results = []
    for block in code_of(CASES[case]):
        exec(compile(block, f"{GUIDE.name}: {case}", "exec"), names)
        results.append(names.pop("result"))
    before, after = results
    assert before == after and before


def test_there_are_five_cases():
    assert len(CASES) == 5
