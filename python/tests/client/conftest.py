"""Fixtures of the client's tests."""

from __future__ import annotations

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))


@pytest.fixture
def coordinator(tmp_path, monkeypatch):
    from scripted_coordinator import ScriptedCoordinator

    import anabranch as ab

    scripted = ScriptedCoordinator(tmp_path)
    monkeypatch.setenv("ANABRANCH_ADDRESS", scripted.address)
    yield scripted
    ab.shutdown()
    scripted.close()
