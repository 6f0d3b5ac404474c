"""A runtime process that the tests of a module share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from anabranch.store import Store

sys.path.insert(0, str(Path(__file__).parent))

from harness import RuntimeHarness


@pytest.fixture
def runtime(client_store: Store) -> Iterator[RuntimeHarness]:
    """A runtime that has said hello; it must end by itself, and well, when its socket is closed."""
    harness = RuntimeHarness(client_store)
    yield harness
    status, _, errors = harness.end()
    assert status == 0, errors
