"""Typing the program's commands, as a user does in a directory of theirs."""

from __future__ import annotations

import os
import pathlib
import select
import subprocess
import sys

import anabranch as ab
from anabranch.binary import find_binary


def environment():
    package = str(pathlib.Path(ab.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": package, "ANABRANCH_BINARY": find_binary(), "ANABRANCH_PYTHON": sys.executable}


def call(place, *arguments, status=0):
    done = subprocess.run(
        [find_binary(), *arguments], cwd=place, env=environment(), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == status, done.stderr
    return done


#: Group to what its model predicts.
GROUPS = {"a/b": 1, "a_b": 2, "a b": 3, "c=d, e": 4, "x" * 300: 5}


def opened_by_a_writer(fifo, seconds):
    """Whether someone opens (and closes) the other end in time."""
    descriptor = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLHUP)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(descriptor)
