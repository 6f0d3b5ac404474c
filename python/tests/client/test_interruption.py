"""Ctrl-C at every moment of a command that its own code can be in."""

from __future__ import annotations

import os
import signal

import pytest

from anabranch.cli.interruption import Interruption


@pytest.fixture
def handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def strike(number=signal.SIGINT):
    os.kill(os.getpid(), number)


def elsewhere(number=signal.SIGINT):
    strike(number)


def test_what_runs_is_interrupted_and_what_ends_is_not(handlers):
    interruption = Interruption(strike.__code__)
    interruption.begin()
    for number in (signal.SIGINT, signal.SIGTERM):
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert interruption.came
    interruption.end()
    elsewhere()
    elsewhere(signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_the_function_that_catches_is_not_interrupted_itself(handlers):
    interruption = Interruption(strike.__code__)
    interruption.begin()
    strike()
    assert interruption.came


def test_on_the_way_to_the_end_one_that_comes_is_noted(handlers, monkeypatch):
    interruption = Interruption(strike.__code__)
    interruption.begin()
    ignore = signal.signal

    def struck(number, handler):
        elsewhere()
        return ignore(number, handler)

    monkeypatch.setattr(signal, "signal", struck)
    interruption.end()
    assert interruption.came


def test_what_a_shells_background_ignores_stays_ignored(handlers):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Interruption(strike.__code__).begin()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
