"""Where the program is looked for, and what is said when there is none."""

from __future__ import annotations

import json
import shutil

import pytest

import anabranch.binary
from anabranch.binary import find_binary
from anabranch.errors import ConnectionFailed

#: Machine code, of another program.
PROGRAM = shutil.which("true")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Have the package stand in a site-packages of its own, where there is no program at all."""
    package = tmp_path / "venv" / "lib" / "site-packages" / "anabranch"
    package.mkdir(parents=True)
    monkeypatch.setattr(anabranch.binary, "__file__", str(package / "binary.py"))
    monkeypatch.delenv("ANABRANCH_BINARY", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    return package


def script_in(directory):
    directory.mkdir(parents=True)
    (directory / "anabranch").write_text("#!/usr/bin/python3\nfrom anabranch.binary import main\nmain()\n")
    (directory / "anabranch").chmod(0o755)


def program_at(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(PROGRAM, path)
    return str(path)


def test_the_environments_own_command_does_not_hide_a_program_on_path(installed, tmp_path, monkeypatch):
    script_in(tmp_path / "venv" / "bin")
    script_in(tmp_path / "other" / "bin")
    program = program_at(tmp_path / "usr" / "bin" / "anabranch")
    monkeypatch.setenv("PATH", ":".join(str(tmp_path / name / "bin") for name in ("venv", "other", "usr")))
    assert find_binary() == program
    (tmp_path / "usr" / "bin" / "anabranch").chmod(0o644)
    with pytest.raises(ConnectionFailed, match=r"venv/bin/anabranch, .*other/bin/anabranch.* only looks for it"):
        find_binary()


def test_a_copy_finds_the_checkout_that_it_was_installed_from(installed, tmp_path):
    checkout = tmp_path / "a checkout"
    (checkout / "python").mkdir(parents=True)
    (checkout / "Package.swift").touch()
    record = installed.parent / "anabranch-1.0.dist-info"
    record.mkdir()
    (record / "direct_url.json").write_text(json.dumps({"url": (checkout / "python").as_uri(), "dir_info": {}}))
    with pytest.raises(ConnectionFailed, match=r"run `make setup` in .*/a checkout, which builds .*ANABRANCH_BINARY"):
        find_binary()
    program = program_at(checkout / ".build" / "release" / "anabranch")
    assert find_binary() == program
    own = program_at(installed / "bin" / "anabranch")
    assert find_binary() == own


def test_without_any_the_message_says_how_to_come_by_one(installed):
    message = r"not found \(.*site-packages/anabranch/bin/anabranch, PATH\).*`make setup` in a checkout.*`make wheel`"
    with pytest.raises(ConnectionFailed, match=message):
        find_binary()


def test_a_named_one_is_taken_or_missed(installed, tmp_path, monkeypatch):
    monkeypatch.setenv("ANABRANCH_BINARY", str(tmp_path / "none"))
    with pytest.raises(ConnectionFailed, match="none: no such program"):
        find_binary()
    monkeypatch.setenv("ANABRANCH_BINARY", program_at(tmp_path / "named"))
    assert find_binary() == str(tmp_path / "named")
