"""The same message has the same bytes in Python and in Swift.

The Swift tests compare their own encoding with the committed files; here they are compared with Python's.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

GOLDEN = Path(__file__).parents[2] / "Tests" / "WireTests" / "Golden"


def load_examples() -> ModuleType:
    sys.path.insert(0, str(GOLDEN))
    try:
        return importlib.import_module("make_golden")
    finally:
        sys.path.remove(str(GOLDEN))


EXAMPLES = load_examples().messages()


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_committed_bytes_are_pythons(name: str) -> None:
    assert (GOLDEN / f"{name}.bin").read_bytes() == EXAMPLES[name].SerializeToString()


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_bytes_read_back_as_the_same_message(name: str) -> None:
    example = EXAMPLES[name]
    assert type(example).FromString((GOLDEN / f"{name}.bin").read_bytes()) == example


def test_every_committed_file_has_an_example() -> None:
    assert {path.stem for path in GOLDEN.glob("*.bin")} == set(EXAMPLES)
