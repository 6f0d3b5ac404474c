"""The client of this process: found or started on first use, gone at exit."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from anabranch.client import Client
from anabranch.errors import AnabranchError, ConnectionFailed, RequestError
from anabranch.waiting import inside_task

if TYPE_CHECKING:
    from anabranch.credentials import Credentials

_current: Client | None = None
_settings: dict[str, Any] = {}
_lock = threading.RLock()


def init(
    address: str | None = None,
    slots: int | None = None,
    *,
    store_budget: int | str | None = None,
    python: str | None = None,
    key: str | None = None,
    server_key: str | None = None,
    timeout: float = 30.0,
) -> None:
    """Connect to a standing coordinator, or start an embedded pool. Without it the first use starts one.

    When the coordinator goes away, the next use connects in the same way, to the same address, or fails.

    Parameters
    ----------
    address : str, optional
        Control endpoint of a coordinator; ``ANABRANCH_ADDRESS`` when not given; an embedded pool when neither is.
    slots : int, optional
        Tasks that an embedded pool runs at a time; as many as there are cores when not given.
    store_budget : int or str, optional
        Bytes that an embedded pool's store may take (``"2G"``).
    python : str, optional
        Interpreter that runs the tasks of an embedded pool; this one when not given.
    key : str, optional
        File with this program's key, for a coordinator with keys at a tcp address; ``ANABRANCH_KEY`` when not given.
    server_key : str, optional
        File with the coordinator's public key; ``ANABRANCH_SERVER_KEY``, then ``coordinator.pub`` beside `key`.
    timeout : float
        Seconds to wait for an answer.

    Raises
    ------
    ConnectionFailed
        When nothing answers at the address, or the pool does not start; the message says why.
    RequestError
        When another pool is in use already, or a key file is of no use.
    """
    global _current, _settings
    wanted = {
        "address": address,
        "slots": slots,
        "store_budget": store_budget,
        "python": python,
        "key": key,
        "server_key": server_key,
    }
    with _lock:
        if _current is not None and _current.alive:
            if wanted == _settings or not any(value is not None for value in wanted.values()):
                return
            raise RequestError(f"already connected to {_current.address}; call ab.shutdown() first")
        shutdown()
        _current = _connect(**wanted, timeout=timeout)
        _settings = wanted


def _connect(
    address: str | None,
    slots: int | None,
    store_budget: int | str | None,
    python: str | None,
    key: str | None,
    server_key: str | None,
    timeout: float,
) -> Client:
    address = address or os.environ.get("ANABRANCH_ADDRESS") or None
    if inside_task():
        # The pool is there: it runs the task that asks.
        slots = store_budget = python = None
    if address is not None:
        if slots is not None or store_budget is not None or python is not None:
            raise RequestError(f"slots, store_budget and python are for embedded pools; {address} has its own")
        client = Client(address, timeout=timeout, credentials=_credentials(address, key, server_key))
        if not inside_task():
            from anabranch.requirements import Requirements

            client.requirements = Requirements(client)
        return client
    from anabranch.pool import EmbeddedPool

    pool = EmbeddedPool(slots=slots, store_budget=store_budget, python=python, timeout=timeout)
    try:
        return Client(pool.address, pool, timeout)
    except AnabranchError as error:
        error.args = (pool.explain(str(error)),)
        pool.close()
        raise
    except BaseException:
        pool.close()
        raise


def _credentials(address: str, key: str | None, server_key: str | None) -> Credentials | None:
    """Return the keys for an address; those are for tcp, ipc has the modes of files."""
    key = key or os.environ.get("ANABRANCH_KEY")
    if not key or not address.startswith("tcp:"):
        return None
    from anabranch.credentials import load_credentials

    return load_credentials(key, server_key or os.environ.get("ANABRANCH_SERVER_KEY"))


def current() -> Client:
    """Return the process's client; connects as `init` was asked to, starts an embedded pool when it was not.

    After a coordinator's death it connects in the same way: who named a cluster must not get results from elsewhere.
    """
    global _settings
    with _lock:
        if _current is None or not _current.alive:
            settings = _settings
            try:
                init(**settings)
            except ConnectionFailed:
                _settings = settings
                raise
        assert _current is not None
        return _current


def connected() -> Client | None:
    """Return the process's client if there is one; starts nothing."""
    with _lock:
        return _current if _current is not None and _current.alive else None


def shutdown() -> None:
    """End the connection and the embedded pool. Runs that were not detached end with it."""
    global _current, _settings
    with _lock:
        client, _current, _settings = _current, None, {}
    if client is not None:
        client.close()


def _forget_in_child() -> None:
    # Sockets and threads do not cross a fork; the child connects anew when it needs to.
    global _current, _lock
    if _current is not None and _current.pool is not None:
        _current.pool.forget()
    _abandoned.append(_current)
    _current, _lock = None, threading.RLock()


#: Clients of a parent process: kept, because ending them would touch sockets that are not this process's.
_abandoned: list[Client | None] = []

os.register_at_fork(after_in_child=_forget_in_child)


def _end() -> None:
    """What was submitted is done before the process ends, as with other executors, unless Ctrl-C is why it ends."""
    client = connected()
    # At a prompt, the last one has long been seen to.
    interrupted = getattr(sys, "last_type", None) is KeyboardInterrupt and not hasattr(sys, "ps1")
    try:
        if client is not None and not inside_task() and not interrupted:
            client.finish_calls()
    finally:
        shutdown()


atexit.register(_end)
