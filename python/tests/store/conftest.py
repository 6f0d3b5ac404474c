"""A store's directory as a coordinator makes it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator

import pytest

from anabranch.store import Store


@pytest.fixture
def directory() -> Iterator[str]:
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    path = tempfile.mkdtemp(prefix="anabranch-test-", dir=parent)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def store(directory: str) -> Iterator[Store]:
    with Store(directory) as opened:
        yield opened


@pytest.fixture
def reader(directory: str) -> Iterator[Store]:
    """Another writer's view of the same store, as another process has it."""
    with Store(directory) as opened:
        yield opened
