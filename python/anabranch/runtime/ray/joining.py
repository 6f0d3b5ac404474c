"""How a process becomes a driver of a Ray cluster that is already there."""

from __future__ import annotations

import logging
import socket
from types import ModuleType

from anabranch.runtime.environment import SetupError

#: Seconds in which the address has to answer.
PATIENCE = 10.0


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
            f"no Ray cluster answers at --ray-address {address} within {PATIENCE:.0f} s: {error}; "
            "`ray status` says whether it runs, `ray start --head` starts one"
        ) from error
    try:
        ray.init(address=address, logging_level=logging.ERROR)
    except Exception as error:
        raise SetupError(f"the Ray cluster at --ray-address {address} cannot be joined: {error}") from error
    return ray
