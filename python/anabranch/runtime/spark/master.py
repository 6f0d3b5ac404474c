"""Whether a standing master of Spark answers: it is asked for a file that it lacks, as executors ask for theirs.

Spark itself waits a minute for a master that accepts its connection and says nothing, and then says only that its
context is stopped.
"""

from __future__ import annotations

import socket
import struct
import time

#: Seconds in which a master has to answer.
PATIENCE = 10.0

#: Message types of Spark's transport.
_STREAM_REQUEST, _STREAM_RESPONSE, _STREAM_FAILURE = 6, 7, 8
_NAME = b"/files/anabranch"
#: Length of the whole message, its type, length of the name.
_HEAD = struct.Struct(">qbi")


class NoAnswer(Exception):
    """Why a master does not do."""


def ask(host: str, port: int, patience: float = PATIENCE) -> None:
    """Return when something answers that may be a master.

    A connection that it closes is an answer, too: it may want a secret, or TLS, which the session is told of.

    Raises
    ------
    NoAnswer
    """
    deadline = time.monotonic() + patience
    try:
        with socket.create_connection((host, port), timeout=patience) as connection:
            connection.sendall(_HEAD.pack(_HEAD.size + len(_NAME), _STREAM_REQUEST, len(_NAME)) + _NAME)
            answer = _first(connection, 9, deadline)
    except ConnectionResetError:
        return
    except TimeoutError:
        raise NoAnswer(f"nothing came within {patience:.0f} s (fixed)") from None
    except (OSError, OverflowError) as error:
        raise NoAnswer(str(error)) from error
    if len(answer) == 9 and answer[8] not in (_STREAM_RESPONSE, _STREAM_FAILURE):
        raise NoAnswer(f"what listens there is no Spark: it says {answer!r}")


def _first(connection: socket.socket, count: int, deadline: float) -> bytes:
    """Return the first bytes that come, fewer where it ends before."""
    found = b""
    while len(found) < count:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        piece = connection.recv(count - len(found))
        if not piece:
            break
        found += piece
    return found
