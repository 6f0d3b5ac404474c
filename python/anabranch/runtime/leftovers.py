"""What a task that has ended leaves at work: threads and processes that would cost all later tasks their cores."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

#: Work for so long without a pause, while no task runs, is not the spinning of a pool that waits for its next job.
_SECONDS = 1.0
#: Between two looks; the first comes sooner, since most of what is left sleeps.
_FIRST_STEP = 0.002
_STEP = 0.02
#: Of the time from one look to the next.
_SHARE = 0.5
_ANY_CHILD = os.WEXITED | os.WNOHANG | os.WNOWAIT


@dataclass
class _Suspects:
    """Who is new since the last task, by number, and for how long it had wanted a core at the last look."""

    threads: dict[int, int] = field(default_factory=dict)
    processes: dict[int, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.threads or self.processes)


class Leftovers:
    """Finds what works on after its task, ends its processes, and tells when its threads make this process useless.

    What sleeps may stay: pools of libraries (joblib's, BLAS's, OpenMP's, a JVM) are there for the next task. It ends
    with this process. When results have left, the number of threads is looked at, and whether there is any child: a few
    microseconds. All else is done only where there is somebody new.
    """

    def __init__(self) -> None:
        self._known_threads = set(_threads())
        self._known_processes: set[int] = set()
        self._suspects = _Suspects()

    @property
    def has_suspects(self) -> bool:
        """Whether there is anybody whom `judge` has not judged."""
        return bool(self._suspects)

    def look(self) -> bool:
        """Take note of who is new, when results have left; tell whether anybody is."""
        if _thread_count() > 1:
            alive = set(_threads())
            self._known_threads &= alive
            self._suspects.threads = dict.fromkeys(alive - self._known_threads, 0)
        if _has_children():
            alive = set(_descendants())
            self._known_processes &= alive
            self._suspects.processes = dict.fromkeys(alive - self._known_processes, 0)
        return bool(self._suspects)

    def judge(self, wait: Callable[[float], bool]) -> tuple[list[int], int]:
        """Watch who is new, while no task runs, until all have been seen to rest or some have not for a second.

        Parameters
        ----------
        wait : callable
            Waits for so many seconds; False when there is no time for this now, and the next look goes on with it.

        Returns
        -------
        ended : list of int
            Processes that were at work and have been ended, with all below them.
        threads : int
            How many threads are at work: nothing ends those but the end of their process.
        """
        suspects = self._suspects
        begun = before = time.monotonic()
        _at_rest(suspects.threads, _threads_wanted, 0)
        _at_rest(suspects.processes, _processes_wanted, 0)
        step = _FIRST_STEP
        while suspects and before - begun < _SECONDS:
            if not wait(step):
                return [], 0
            step, now = _STEP, time.monotonic()
            least = int((now - before) * _SHARE * 1e9)
            self._known_threads |= _at_rest(suspects.threads, _threads_wanted, least)
            self._known_processes |= _at_rest(suspects.processes, _processes_wanted, least)
            before = now
        ended = _end_families(set(suspects.processes))
        threads = len(suspects.threads)
        self._suspects = _Suspects()
        return ended, threads


def _at_rest(suspects: dict[int, int], look_at: Callable[[int], tuple[int, bool] | None], least: int) -> set[int]:
    """Take out who has ended, and who has wanted a core for less than so many nanoseconds since the last look.

    Wanted, not had: on a busy machine who works all the time has one but now and then. Returns those that rest.
    """
    rested = set()
    for one, before in list(suspects.items()):
        found = look_at(one)
        if found is not None and (found[0] - before >= least or found[1]):
            suspects[one] = found[0]
            continue
        del suspects[one]
        if found is not None:
            rested.add(one)
    return rested


def _end_families(processes: set[int]) -> list[int]:
    """Kill each child of this process that is one of these or stands above one, with all below it, and reap it."""
    ended = []
    for child in _children(os.getpid()):
        family = [child, *_below(child)]
        if processes.isdisjoint(family):
            continue
        for process in family:
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(child, 0)
        ended += family
    return ended


def _threads() -> Iterator[int]:
    return map(int, os.listdir("/proc/self/task"))


def _thread_count() -> int:
    # Cheaper than to list them.
    return os.stat("/proc/self/task").st_nlink - 2


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, _ANY_CHILD)
    except ChildProcessError:
        return False
    return True


def _children(process: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{process}/task"):
            with suppress(OSError), open(f"/proc/{process}/task/{thread}/children") as file:
                found += map(int, file.read().split())
    return found


def _below(process: int) -> Iterator[int]:
    for child in _children(process):
        yield child
        yield from _below(child)


def _descendants() -> Iterator[int]:
    return _below(os.getpid())


def _threads_wanted(thread: int) -> tuple[int, bool] | None:
    return _wanted(f"/proc/self/task/{thread}")


def _processes_wanted(process: int) -> tuple[int, bool] | None:
    try:
        threads = os.listdir(f"/proc/{process}/task")
    except OSError:
        return None
    found = [one for thread in threads if (one := _wanted(f"/proc/{process}/task/{thread}")) is not None]
    return (sum(wanted for wanted, _ in found), any(runs for _, runs in found)) if found else None


def _wanted(thread: str) -> tuple[int, bool] | None:
    """Return for how many nanoseconds a thread has had a core or waited for one, and whether it does; None: ended."""
    try:
        with open(f"{thread}/stat", "rb") as file:
            state = file.read().rpartition(b")")[2].split()[0]
        with open(f"{thread}/schedstat", "rb") as file:
            had, waited, _ = map(int, file.read().split())
    except (OSError, ValueError):
        return None
    return None if state in b"ZX" else (had + waited, state == b"R")
