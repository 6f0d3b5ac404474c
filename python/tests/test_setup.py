"""What `make setup` does on a bare Debian, with stand-ins for apt, dpkg and the interpreter."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
#: An interpreter without ensurepip until apt-get has installed it; `-m venv` then fails half way, as Debian's does.
PYTHON = """#!/bin/bash
case "$*" in
  "-c import ensurepip") [ -e "$PLACE/ensurepip" ] ;;
  "-c "*) echo python3.99-venv ;;
  "-m venv"*)
    echo "venv ${*:3}" >> "$PLACE/log"
    venv=${!#}; mkdir -p "$venv/bin"; ln -sf "$0" "$venv/bin/python"
    [ -e "$PLACE/ensurepip" ] && ln -sf "$0" "$venv/bin/pip" ;;
  "-m pip"*) echo pip >> "$PLACE/log"; [ -x "$(dirname "$0")/pip" ] ;;
esac
"""
TOOLS = {
    "dpkg-query": """if [[ $1 == --search ]]; then test "$OWNER" = debian; exit; fi
[[ $* == *-venv ]] || echo "install ok installed\"""",
    "apt-get": 'echo "apt $*" >> "$PLACE/log"; [[ $* != *python3.99-venv* ]] || touch "$PLACE/ensurepip"',
    "id": "echo 0",
}


@pytest.fixture
def place(tmp_path):
    for name in ("Makefile", ".ci/system-packages", "python/pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python3").write_text(PYTHON)
    for name, body in TOOLS.items():
        (tools / name).write_text(f"#!/bin/bash\n{body}\n")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    return tmp_path


def make(place, owner="debian"):
    """The lines that apt, venv and pip left, and whether the environment was made."""
    (place / "log").write_text("")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))},
        "PATH": f"{place / 'tools'}:{os.environ['PATH']}",
        "PLACE": str(place),
        "OWNER": owner,
    }
    done = subprocess.run(
        ["make", ".venv/stamp"], cwd=place, env=environment, capture_output=True, text=True, timeout=60
    )
    return (place / "log").read_text().splitlines(), done.returncode == 0


def test_what_makes_environments_is_installed_where_debian_left_it_out(place):
    log, made = make(place)
    assert made and (place / ".venv" / "bin" / "pip").exists()
    assert log[1:] == [
        "apt install -y -qq --no-install-recommends python3.99-venv",
        f"venv --clear {place}/.venv",
        "pip",
    ]
    assert make(place) == ([], True)


def test_an_interpreter_that_is_not_debians_is_left_to_its_owner(place):
    log, made = make(place, owner="pyenv")
    assert not made and log == [f"venv --clear {place}/.venv"]


def test_a_half_made_environment_is_made_anew(place):
    make(place, owner="pyenv")
    assert (place / ".venv" / "bin" / "python").exists() and not (place / ".venv" / "bin" / "pip").exists()
    (place / "ensurepip").touch()
    log, made = make(place)
    assert made and log == [f"venv --clear {place}/.venv", "pip"]


def test_a_whole_one_is_kept(place):
    (place / "ensurepip").touch()
    make(place)
    (place / "python" / "pyproject.toml").touch()
    os.utime(place / ".venv" / "stamp", (0, 0))
    assert make(place) == (["pip"], True)
