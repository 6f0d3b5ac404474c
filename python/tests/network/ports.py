"""Ports of the loopback."""

from __future__ import annotations

import socket


def free_port() -> int:
    """A port of the loopback that nobody has just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
