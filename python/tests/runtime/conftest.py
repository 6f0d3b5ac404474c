"""A runtime process that the tests of a module share."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from anabranch.store import Store

sys.path.insert(0, str(Path(__file__).parent))

from harness import RuntimeHarness


@pytest.fixture(scope="module")
def runtime() -> Iterator[RuntimeHarness]:
    """A runtime that has said hello; it must end by itself, and well, when its socket is closed."""
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    path = tempfile.mkdtemp(prefix=f"anabranch-test-{os.getpid()}-", dir=parent)
    with Store(path) as store:
        harness = RuntimeHarness(store)
        yield harness
        status, _, errors = harness.end()
    shutil.rmtree(path)
    assert status == 0, errors
