"""What a setup frame asks of the process: directory, import path, threads, memory, and an end with its worker."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from anabranch.v1 import task_pb2

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

# Read by the libraries' pools when they are loaded, and by joblib each time it counts cores.
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)


class SetupError(Exception):
    """The process cannot become what the setup frame asks for."""


def die_with_worker(wanted: bool = True) -> None:
    """Ask the kernel to end this process with the thread that started it, whatever it is doing then; or not to."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL if wanted else 0, 0, 0, 0)


def ignore_interrupts() -> None:
    """Leave Ctrl-C to the client; a handler, unlike SIG_IGN, is not inherited by programs that a task starts."""
    signal.signal(signal.SIGINT, lambda *_: None)


def enter(setup: task_pb2.RuntimeSetup, *, leads: bool = True) -> None:
    """Take on directory, import path, threads and memory ceiling.

    Parameters
    ----------
    setup : RuntimeSetup
    leads : bool, default True
        Lead a session and adopt what tasks leave behind: not where another program manages the process.

    Raises
    ------
    SetupError
        When the working directory cannot be entered or the ceiling not be set.
    """
    if setup.working_directory:
        try:
            os.chdir(setup.working_directory)
        except OSError as error:
            raise SetupError(f"working directory {setup.working_directory!r}: {error.strerror}") from error
    if leads:
        _lead()
    known = set(sys.path)
    sys.path[:0] = [entry for entry in setup.sys_path if entry not in known]
    if setup.address:
        os.environ["ANABRANCH_ADDRESS"] = setup.address
    if setup.threads:
        limit_threads(setup.threads)
    if setup.memory_bytes:
        try:
            _set_ceiling(setup.memory_bytes)
        except (OSError, ValueError) as error:
            raise SetupError(f"memory ceiling of {setup.memory_bytes} bytes (--memory-per-slot): {error}") from error


def _lead() -> None:
    """Lead a session, and keep what tasks leave behind below this process: so the worker finds and ends all of it."""
    if os.getpgrp() != os.getpid():
        os.setsid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def limit_threads(threads: int) -> None:
    """Let pools of native threads, loaded or not yet, have this many."""
    number = str(threads)
    if all(os.environ.get(name) == number for name in _THREAD_VARIABLES):
        # Those that are loaded have read it.
        return
    for name in _THREAD_VARIABLES:
        os.environ[name] = number
    if "numpy" in sys.modules:
        try:
            from threadpoolctl import threadpool_limits
        except ImportError:
            return
        threadpool_limits(threads)


_bounded: list[ModuleType] = []


def bound_joblib() -> None:
    """Let joblib, once it is imported, start no more workers than the task has threads, whatever ``n_jobs`` says."""
    parallel = sys.modules.get("joblib.parallel")
    if parallel is None or parallel in _bounded:
        return
    _bounded.append(parallel)
    for name in ("threading", "loky", "multiprocessing"):
        backend = parallel.BACKENDS.get(name)
        if isinstance(backend, type):
            parallel.register_parallel_backend(name, _bounded_backend(backend))


def _bounded_backend(backend: type) -> type:
    def effective_n_jobs(self, n_jobs):
        asked = backend.effective_n_jobs(self, n_jobs)
        return min(asked, int(os.environ.get("LOKY_MAX_CPU_COUNT", asked)))

    return type(backend.__name__, (backend,), {"effective_n_jobs": effective_n_jobs})


@contextmanager
def task_limits(limits: task_pb2.Limits, setup: task_pb2.RuntimeSetup) -> Iterator[None]:
    """Hold a task's own limits for as long as it runs, then the slot's again."""
    threads = limits.threads if limits.threads != setup.threads else 0
    memory = limits.memory_bytes if limits.memory_bytes != setup.memory_bytes else 0
    before = resource.getrlimit(resource.RLIMIT_DATA)
    try:
        if threads:
            limit_threads(threads)
        if memory:
            _set_ceiling(memory)
        yield
    finally:
        if memory:
            resource.setrlimit(resource.RLIMIT_DATA, before)
        if threads and setup.threads:
            limit_threads(setup.threads)


def _set_ceiling(limit: int) -> None:
    # The data segment's ceiling, not the address space's: that would count the mapped store.
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def peak_memory() -> int:
    """Return the largest resident size that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
