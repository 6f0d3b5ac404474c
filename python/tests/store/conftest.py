"""Stores of two processes in one directory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from anabranch.store import Store


@pytest.fixture
def directory(store_directory: str) -> str:
    """A store's directory, as a coordinator makes it."""
    return store_directory


@pytest.fixture
def store(directory: str) -> Iterator[Store]:
    with Store(directory) as opened:
        yield opened


@pytest.fixture
def reader(directory: str) -> Iterator[Store]:
    """Another writer's view of the same store, as another process has it."""
    with Store(directory) as opened:
        yield opened
