"""Tasks that spoil what others of their process count on: streams, directory, import path, variables, signals."""

from __future__ import annotations

import os
import signal
import sys

import anabranch as ab

LIMIT = 60


def square(x):
    return x * x


def ruin_the_surroundings(directory):
    os.chdir(directory)
    os.rmdir(directory)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    signal.alarm(0)
    os.environ.clear()
    sys.stdout.close()
    os.closerange(0, 3)
    sys.path.clear()
    return "ruined"


def look_around():
    """What other tasks of the process count on."""
    opened = os.open(os.devnull, os.O_RDONLY)
    os.close(opened)
    return os.getcwd(), sys.path, dict(os.environ), opened > 2


def trade_variables():
    """Put another in the place of each variable: as many as before."""
    for name in list(os.environ):
        os.environ[f"INSTEAD_OF_{name}"] = os.environ.pop(name)
    return sorted(os.environ)


def speak_and_die():
    print("spoken after all")
    os.abort()


def test_a_ruined_process_is_as_before(pool, tmp_path):
    with ab.Executor() as ex:
        here = ex.submit(look_around).result(LIMIT)
        futures = []
        for index in range(4):
            directory = tmp_path / f"cwd{index}"
            directory.mkdir()
            futures.append(ex.submit(ruin_the_surroundings, str(directory)))
        for future in futures:
            assert future.result(LIMIT) == "ruined"
        assert [ex.submit(square, i).result(LIMIT) for i in range(20)] == [i * i for i in range(20)]
        for _ in range(4):
            assert ex.submit(look_around).result(LIMIT) == here
        assert "last output:\nspoken after all" in str(ex.submit(speak_and_die).exception(LIMIT))


def test_variables_that_were_traded_for_others_come_back(pool):
    with ab.Executor() as ex:
        before = ex.submit(lambda: dict(os.environ)).result(LIMIT)
        for _ in range(4):
            traded = ex.submit(trade_variables).result(LIMIT)
            assert "PATH" not in traded and "INSTEAD_OF_PATH" in traded
            after = [ex.submit(lambda: dict(os.environ)) for _ in range(4)]
            assert all(one.result(LIMIT).items() >= before.items() for one in after)
