"""What every test is held to: no child, descriptor or store directory is left when it ends."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from anabranch.store import Store

#: Seconds that something has to go by itself.
_PATIENCE = 5.0

# What tests of several directories share.
sys.path.insert(0, os.path.dirname(__file__))


def pytest_configure() -> None:
    """Have Ctrl-C interrupt where a shell started the tests in its background, with SIGINT ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _children() -> set[int]:
    found: set[int] = set()
    for task in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{task}/children") as children:
                found.update(int(pid) for pid in children.read().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _descriptors() -> dict[int, str]:
    """Open descriptors by number; what libraries open once and keep for themselves does not count."""
    found: dict[int, str] = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue
        if not target.startswith(("anon_inode:", "/dev/urandom", "/dev/null", "/sys/", "/proc/")):
            found[int(name)] = target
    return found


def _store_directories() -> set[str]:
    try:
        return {name for name in os.listdir("/dev/shm") if name.startswith("anabranch-")}
    except FileNotFoundError:
        return set()


@pytest.fixture
def standing_pool() -> None:
    """What stands before a test and outlives it; directories of tests that share a pool say it anew."""


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest, standing_pool: None) -> Iterator[None]:
    """Fail a test that leaves a child process, an open descriptor or a store directory of its own.

    ``@pytest.mark.leaves("children", ...)`` exempts a test, for a process-wide pool that outlives it on purpose.
    """
    marker = request.node.get_closest_marker("leaves")
    exempt = set(marker.args) if marker else set()
    children, descriptors, stores = _children(), _descriptors(), _store_directories()
    yield
    gc.collect()
    # What outlives a test is not looked through again after each of the others: of all that is alive, most is modules.
    gc.freeze()

    def opened() -> dict[int, str]:
        return {
            number: target
            for number, target in _descriptors().items()
            # A store that several tests share maps new segments in any of them.
            if descriptors.get(number) != target and not any(f"/{name}/seg-" in target for name in stores)
        }

    deadline = time.monotonic() + _PATIENCE
    collected = False

    def remaining(what: str, found: Callable[[], Any]) -> Any:
        """What is found time and again; nothing, once it was not there."""
        nonlocal collected
        while what not in exempt and (left := found()):
            if not collected:
                gc.unfreeze()
                gc.collect()
                collected = True
            elif time.monotonic() > deadline:
                return left
            else:
                time.sleep(0.01)
        return None

    # What was killed last has ended, and is reaped in a moment.
    left = remaining("children", lambda: _children() - children)
    assert not left, f"child processes left: {sorted(left)}"
    # A thread of the client lists the store's directory now and then, and has it open meanwhile.
    left = remaining("descriptors", opened)
    assert not left, f"descriptors left: {left}"


@pytest.fixture(autouse=True, scope="session")
def no_store_left_behind() -> Iterator[None]:
    """Fail the session when a store directory of its own is left; ``.ci/tiers`` looks for those of coordinators."""
    yield
    left = {name for name in _store_directories() if name.startswith(f"anabranch-test-{os.getpid()}-")}
    assert not left, f"store directories left in /dev/shm: {sorted(left)}"


@pytest.fixture
def store_directory() -> Iterator[str]:
    """An empty store directory, as a coordinator makes it, gone after the test."""
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    path = tempfile.mkdtemp(prefix=f"anabranch-test-{os.getpid()}-", dir=parent)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def client_store(store_directory: str) -> Iterator[Store]:
    """A client's store in `store_directory`."""
    with Store(store_directory) as store:
        yield store
