"""What `.ci/tiers` makes of a tier without an engine, that hangs, or fails once, with stand-ins for what runs it."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]


def tiers(place: pathlib.Path, tier: str, stand_ins: dict[str, str], **settings: str) -> subprocess.CompletedProcess:
    """Run a tier with these scripts in the place of what it calls."""
    for directory in (".ci", "python"):
        (place / directory).mkdir()
    # What is in /dev/shm is no matter of these tests.
    for path, text in {"tools/find": "true", **stand_ins}.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(f"#!/bin/bash\n{text}\n")
        (place / path).chmod(0o755)
    shutil.copy(ROOT / ".ci/tiers", place / ".ci/tiers")
    return subprocess.run(
        [place / ".ci/tiers", tier], env={**os.environ, "PATH": f"{place}/tools:{os.environ['PATH']}", **settings},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def counted(done: subprocess.CompletedProcess) -> str:
    """Return its last line, without the one that passes because nothing is left in /dev/shm."""
    passed, failed, skipped = (int(part.split()[0]) for part in done.stdout.splitlines()[-1].split(", "))
    return f"{passed - 1} passed, {failed} failed, {skipped} skipped"


@pytest.mark.parametrize(
    ("user", "told", "status"),
    [
        (0, "0 passed, 1 failed, 0 skipped", 1),
        (1000, "0 passed, 0 failed, 1 skipped", 0),
    ],
)
def test_a_tier_without_an_engine_fails_where_one_could_be_had(tmp_path, user, told, status):
    no_engine = "echo no container engine answers >&2; exit 77"
    done = tiers(tmp_path, "docker", {"tools/id": f"echo {user}", ".ci/with-docker": no_engine})
    assert counted(done) == told, done.stdout
    assert done.returncode == status
    assert "it needs a container engine" in done.stdout and "no container engine answers" in done.stdout


HANGS = """
import faulthandler, threading
# As pytest does.
faulthandler.enable()
def stands_here():
    threading.Event().wait()
stands_here()
"""


def test_a_step_that_hangs_is_ended_says_where_it_stood_and_has_failed(tmp_path):
    (tmp_path / "hang.py").write_text(HANGS)
    interpreter = f'exec "{sys.executable}" "{tmp_path}/hang.py"'
    done = tiers(tmp_path, "python", {".venv/bin/python": interpreter}, ANABRANCH_STEP_SECONDS="2")
    assert counted(done) == "0 passed, 1 failed, 0 skipped", done.stdout
    assert done.returncode == 1
    assert "tier python ended by a signal, after 2 s (ANABRANCH_STEP_SECONDS)" in done.stdout
    assert "in stands_here" in done.stdout


# What pytest says, and again of those that failed.
FAILS_ONCE = """
case "$*" in
*--last-failed*) {again} ;;
*)
  printf 'FAILED tests/a.py::test_a - AssertionError: a race\\n%.0s' $(seq {few})
  echo "{few} failed, 2 passed, 1 skipped"
  exit 1
  ;;
esac
"""
PASSES, FAILS = "echo '1 passed'", "echo FAILED tests/a.py::test_a; echo '1 failed'; exit 1"


@pytest.mark.parametrize(
    ("tier", "few", "again", "settings", "told"),
    [
        ("docker", 1, PASSES, {}, "3 passed, 0 failed, 1 skipped"),
        ("docker", 1, FAILS, {}, "2 passed, 1 failed, 1 skipped"),
        ("docker", 4, PASSES, {}, "2 passed, 4 failed, 1 skipped"),
        ("docker", 1, PASSES, {"ANABRANCH_SECOND_TRY": "0"}, "2 passed, 1 failed, 1 skipped"),
        ("python", 1, PASSES, {}, "3 passed, 0 failed, 1 skipped"),
        # Three passed by themselves.
        ("bulk", 1, PASSES, {}, "5 passed, 1 failed, 1 skipped"),
    ],
)
def test_only_few_failures_of_real_processes_are_tried_again(tmp_path, tier, few, again, settings, told):
    stand_ins = {
        ".ci/with-docker": 'shift; exec "$@"',
        "tools/swift": "true",
        ".build/release/anabranch-stress": "true",
        ".venv/bin/python": FAILS_ONCE.format(few=few, again=again),
    }
    done = tiers(tmp_path, tier, stand_ins, **settings)
    assert counted(done) == told, done.stdout
    assert done.returncode == (0 if " 0 failed" in told else 1)
    # Whoever reads the end alone is told either way.
    head = "== failed once and passed alone" if done.returncode == 0 else "== failed"
    assert f"{head}" in done.stdout.rpartition("took")[2] and "test_a - AssertionError: a race" in done.stdout


def test_a_failure_of_the_chaos_suite_is_not_tried_again(tmp_path):
    fails = FAILS_ONCE.format(few=1, again=PASSES).replace("tests/a.py", "tests/deaths/test_chaos.py")
    done = tiers(tmp_path, "python", {".venv/bin/python": fails})
    assert counted(done) == "2 passed, 1 failed, 1 skipped", done.stdout
