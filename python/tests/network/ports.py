"""Ports of the loopback."""

from __future__ import annotations

import contextlib
import random
import socket

#: Below those that the kernel gives to whoever asks for any: nobody comes by one of them by chance.
_ASSIGNED = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody has just now, each another."""
    with contextlib.ExitStack() as stack:
        found: list[int] = []
        while len(found) < count:
            one = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", random.SystemRandom().choice(_ASSIGNED)))
                found.append(one.getsockname()[1])
        return found
