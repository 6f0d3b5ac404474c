"""Each rule of `docs/semantics.md` names tests that exist."""

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


def test_each_rule_names_a_test_that_exists() -> None:
    table = rows()
    assert len(table) > 50
    known = swift_tests()
    missing = []
    for rule, tests in table:
        assert tests, f"no test is named for: {rule}"
        for name in tests:
            if "::" in name:
                path, function = name.split("::")
                source = ROOT / "python" / "tests" / path
                exists = source.is_file() and f"def {function}(" in source.read_text(encoding="utf-8")
            else:
                exists = name in known
            if not exists:
                missing.append(f"{name} ({rule})")
    assert not missing, "\n".join(missing)
