"""What tests of rogue tasks share: some of those tasks, and what has to be there afterwards."""

from __future__ import annotations

import itertools
import os
import pathlib
import signal
import threading
import time

import psutil
from processes import living

from anabranch.process_client import current

LIMIT = 60


def square(x):
    return x * x


def abort():
    print("about to abort", flush=True)
    os.abort()


def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)


def spin_in_c():
    """Loops in C and holds the interpreter's lock: no signal handler of Python's runs."""
    all(itertools.repeat(True))


def say_and_stay(path):
    """Have whoever opens the other end of a fifo know that the task runs, and never end."""
    with open(path, "w") as file:
        file.write("running")
    spin_in_c()


def worker_process():
    (worker,) = psutil.Process(current().pool.pid).children()
    return worker


def gone(pids):
    _, alive = psutil.wait_procs(living(pids), timeout=20)
    assert not alive, alive


def nothing_is_left():
    """The worker has its fork server, a child in reserve and a runtime per slot; none is a zombie for long."""
    deadline = time.monotonic() + 20
    while True:
        family = worker_process().children(recursive=True)
        # One that has just ended may not have been reaped.
        if len(family) <= 4 and not any(is_zombie(process) for process in family):
            break
        assert time.monotonic() < deadline, family
        threading.Event().wait(0.02)
    store = pathlib.Path(current().welcome.store)
    assert len(list(store.glob("lane-*"))) == 1


def is_zombie(process):
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
