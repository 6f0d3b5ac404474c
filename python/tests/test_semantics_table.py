"""Each rule of `docs/semantics.md`, and each claim of `docs/unified.md`, names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def rows() -> list[tuple[str, list[str]]]:
    """Return the table's rows: a rule and the tests that it names."""
    text = (ROOT / "docs" / "semantics.md").read_text(encoding="utf-8")
    table = text.split("## Each rule and its test", 1)[1]
    found = []
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0] != "rule":
            found.append((cells[0], re.findall(r"`([^`]+)`", cells[-1])))
    return found


def swift_tests() -> set[str]:
    """Return every Swift test as `suite/test`."""
    found = set()
    for path in (ROOT / "Tests").rglob("*.swift"):
        suite = ""
        is_test = False
        for line in path.read_text(encoding="utf-8").splitlines():
            if named := re.search(r"@Suite.*\bstruct (\w+)|^struct (\w+Tests)\b", line):
                suite = named[1] or named[2]
            is_test = is_test or "@Test" in line
            if is_test and (function := re.search(r"\bfunc (\w+)", line)):
                found.add(f"{suite}/{function[1]}")
                is_test = False
    return found


def is_there(name: str, known: set[str]) -> bool:
    """Whether a test is: `path::function` of Python, `suite/test` of Swift, or all of a file or suite."""
    path, _, function = name.partition("::")
    if path.endswith(".py"):
        source = ROOT / "python" / "tests" / path
        wanted = rf"^ *def {function}\(" if function else r"^ *def test_"
        return source.is_file() and re.search(wanted, source.read_text(encoding="utf-8"), re.MULTILINE) is not None
    return name in known or any(test.startswith(f"{name}/") for test in known)


def test_each_rule_names_a_test_that_exists() -> None:
    table = rows()
    assert len(table) > 50
    known = swift_tests()
    missing = []
    for rule, tests in table:
        assert tests, f"no test is named for: {rule}"
        assert all("::" in name or "/" in name for name in tests), rule
        missing += [f"{name} ({rule})" for name in tests if not is_there(name, known)]
    assert not missing, "\n".join(missing)


def test_each_claim_of_the_comparison_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "unified.md").read_text(encoding="utf-8")
    claims, tests = text.split("| | test (", 1)
    named = dict(re.findall(r"^\| (\d+) \| (.*) \|$", tests, re.MULTILINE))
    assert set(re.findall(r"\[(\d+)\]", claims)) == named.keys()
    # Of what is said of this project in the table, each tick has its number.
    ours = [line.rstrip(" |").rpartition(" | ")[2] for line in claims.splitlines() if line.startswith("| **")]
    assert len(ours) > 8
    assert not [cell for cell in ours if "✓" in cell and not re.search(r"\[\d+\]", cell)]
    known = swift_tests()
    for number, cell in named.items():
        found = [name for name in re.findall(r"`([^`]+)`", cell) if "/" in name or "Tests" in name]
        # Figures come from the benchmark.
        assert found or "make bench" in cell, number
        assert all(is_there(name, known) for name in found), cell
