"""How a process becomes a driver of a Ray cluster that is already there."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from types import ModuleType

from anabranch.runtime.environment import SetupError

#: Seconds in which the address has to answer.
PATIENCE = 10.0
#: Seconds in which the cluster then has to take this process in; below Ray's own minute.
WELCOME = 20.0
#: Exit status (sysexits.h) of a process that gives up.
CANNOT_JOIN = 78


def join(address: str) -> ModuleType:
    """Connect this process to the Ray cluster at ``HOST:PORT`` and return the module `ray`.

    Raises
    ------
    SetupError
        When Ray is not installed, the address is no ``HOST:PORT``, does not answer, or refuses this process.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise SetupError(f"--ray-address {address}: write HOST:PORT, as `ray start` prints it")
    try:
        import ray
    except ImportError as error:
        raise SetupError(f"the ray executor needs Ray ({error}): pip install 'anabranch[ray]'") from error
    # Ray itself ends the process, after a minute, when nobody answers.
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise SetupError(
            f"no Ray cluster answers at --ray-address {address} within {PATIENCE:.0f} s (fixed): {error}; "
            "`ray status` says whether it runs, `ray start --head` starts one"
        ) from error
    # What accepts connections and answers none would be waited for without end, or Ray ends the process without a word.
    watch = threading.Timer(WELCOME, _give_up, args=(address,))
    watch.daemon = True
    watch.start()
    try:
        ray.init(address=address, logging_level=logging.ERROR)
    except Exception as error:
        raise SetupError(f"the Ray cluster at --ray-address {address} cannot be joined: {error}") from error
    finally:
        watch.cancel()
    return ray


def _give_up(address: str) -> None:
    print(
        f"no Ray cluster answers at --ray-address {address} within {WELCOME:.0f} s (fixed): something accepts "
        "connections there, but does not speak as Ray's GCS does; `ray status` says whether it runs",
        file=sys.stderr, flush=True,
    )  # fmt: skip
    os._exit(CANNOT_JOIN)
