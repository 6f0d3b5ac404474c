"""Packages that what is submitted refers to, compared with those of the workers before anything runs."""

from __future__ import annotations

import importlib.util
import platform
import socket
import sys
import time
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

from anabranch.errors import RequestError
from anabranch.v1 import control_pb2

if TYPE_CHECKING:
    from anabranch.client import Client

#: Seconds that workers have to answer: of those that are busy, tasks say themselves what they lack.
PATIENCE = 3.0
#: So many workers are asked, hosts and labels that differ before others.
MOST = 32
#: Seconds until it is tried again.
PAUSE = 30.0
#: What one release pickles others read, within a major version.
_STEADY = frozenset(("numpy", "scipy", "pandas", "pyarrow", "cloudpickle"))
_DISTRIBUTIONS = {"sklearn": "scikit-learn", "PIL": "pillow", "yaml": "PyYAML", "skimage": "scikit-image"}

#: Module, distribution (empty where there is none), version.
Package = tuple[str, str, str]


class Requirements:
    """What a client has sent, and which of it the workers were found to have.

    Parameters
    ----------
    client : Client
        Of a standing coordinator, whose workers have an interpreter of their own.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        #: Top-level modules that pickles name.
        self.named: set[str] = set()
        self._known: set[str] = set()
        self._not_before = 0.0

    def check(self) -> None:
        """Ask the workers for what they were not asked for before.

        Raises
        ------
        RequestError
            When one lacks a package, or has another version; the message names it, both versions and the worker.
        """
        new = self.named - self._known
        if not new or time.monotonic() < self._not_before:
            return
        wanted = tuple(package for name in sorted(new) if (package := _package(name)) is not None)
        if wanted:
            answers, is_complete = self._asked((("python", "", platform.python_version()), *wanted))
            problems = dict.fromkeys(
                _described(problem, worker) for worker, lacks in sorted(answers.items()) for problem in lacks
            )
            if problems:
                # Said again for each submission: it may be installed meanwhile.
                self.named -= new
                raise RequestError("; ".join(problems))
            if not is_complete:
                self._not_before = time.monotonic() + PAUSE
                return
        self._known |= new

    def _asked(self, wanted: tuple[Package, ...]) -> tuple[dict[str, tuple], bool]:
        """Return what those that answered lack, by their names, and whether there are some and all have."""
        from anabranch.afar.transfers import Interrupted

        transfers = self._client.transfers
        answers: dict[str, tuple] = {}
        try:
            workers = _asked_first(
                self._client.ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest())).status.workers
            )
            deadline = time.monotonic() + PATIENCE
            with transfers.begin() as transfer:
                asked = {transfer.call(lacking, *wanted, worker=one.worker): one for one in workers}
                while asked:
                    result, _ = transfer.answer(max(0.0, deadline - time.monotonic()))
                    one = asked.pop(result.call)
                    host, lacks = transfers.value(result)
                    answers[f"{one.worker} on {host}"] = lacks
            return answers, bool(workers)
        except (TimeoutError, Interrupted):
            # A worker whose interpreter does not run says so by the tasks that it gets; the others may have all.
            return answers, False
        finally:
            if self._client.sees_store:
                # Nothing else is transferred: nobody should see a session that does nothing.
                transfers.close()


def _asked_first(workers: Iterable[control_pb2.WorkerStatus]) -> list[control_pb2.WorkerStatus]:
    """Return the workers to ask: of each kind that can be told apart one, then others, as many as are asked."""
    able = [one for one in workers if one.state == "active" and "python" in one.executors]
    kinds: dict[Any, control_pb2.WorkerStatus] = {}
    for one in able:
        kinds.setdefault((one.host, tuple(one.labels), one.own_store), one)
    first = list(kinds.values())
    return (first + [one for one in able if one not in first])[:MOST]


def _package(name: str) -> Package | None:
    """Return what is here of a top-level module; None when every interpreter has it, or it travels itself."""
    import cloudpickle

    if name in ("__main__", "anabranch", "") or name in sys.stdlib_module_names:
        return None
    if name in cloudpickle.list_registry_pickle_by_value():
        return None
    distribution = _distribution(name)
    if not distribution and not getattr(sys.modules.get(name), "__file__", None):
        # A name that somebody made up for classes of theirs, as Cython does: nothing to import.
        return None
    return name, distribution, metadata.version(distribution) if distribution else ""


@cache
def _distribution(name: str) -> str:
    for guess in (_DISTRIBUTIONS.get(name), name):
        if guess and _version(guess):
            return guess
    found = metadata.packages_distributions().get(name)
    return found[0] if found else ""


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _described(problem: tuple[str, str, str, str], worker: str) -> str:
    name, distribution, here, there = problem
    title = distribution or name
    if there:
        return (
            f"what is submitted was made with {title} {here}, and worker {worker} has {title} {there}: "
            "install the same version on both sides"
        )
    if distribution:
        return f"what is submitted needs {title} {here}, which worker {worker} has not: install it there"
    file = getattr(sys.modules.get(name), "__file__", None)
    return (
        f"what is submitted needs the module {name} ({file}), which worker {worker} has not: install it there, "
        "or let it stand beside the program or in the working directory, whose modules travel"
    )


# ---- what workers run


def lacking(*wanted: Package) -> tuple[str, tuple[tuple[str, str, str, str], ...]]:
    """Return the host's name, and of the packages those that are not here or of another version, with that."""
    problems = []
    for name, distribution, version in wanted:
        here = platform.python_version() if name == "python" else _version(distribution) if distribution else ""
        if here:
            if _differ(distribution or name, version, here):
                problems.append((name, distribution, version, here))
        elif importlib.util.find_spec(name) is None:
            problems.append((name, distribution, version, ""))
    return socket.gethostname(), tuple(problems)


def _differ(name: str, one: str, other: str) -> bool:
    digits = 1 if name in _STEADY else 2
    return one.split(".")[:digits] != other.split(".")[:digits]
