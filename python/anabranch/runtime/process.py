"""The process: socket, frames, tasks one after the other, and how it ends."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence

from anabranch.runtime.environment import SetupError, die_with_worker, ignore_interrupts
from anabranch.runtime.frames import FrameChannel, FrameError
from anabranch.runtime.loop import TaskLoop
from anabranch.store import StoreError

# sysexits.h: what ended the process is in its status, and in one line on standard error.
USAGE = 64
DATA = 65
SOFTWARE = 70
CONFIGURATION = 78


def main(arguments: Sequence[str]) -> int:
    """Run the runtime over the inherited socket of ``--fd N`` and return the exit status."""
    if len(arguments) != 2 or arguments[0] != "--fd" or not arguments[1].isdigit():
        return _complain(USAGE, "usage: python -m anabranch.runtime --fd N, N being an inherited stream socket")
    try:
        connection = socket.socket(fileno=int(arguments[1]))
    except OSError as error:
        return _complain(USAGE, f"descriptor {arguments[1]} is no socket: {error}")
    connection.set_inheritable(False)
    connection.setblocking(True)
    die_with_worker()
    return serve(connection)


def serve(connection: socket.socket) -> int:
    """Run tasks until the worker closes its end; return the exit status.

    A fork server calls this in the children that it makes, with what it has imported already in place.
    """
    import faulthandler

    ignore_interrupts()
    # A crash in native code then says where, in the last lines of output that go with the failure.
    faulthandler.enable()
    # What a task prints is there when it aborts.
    sys.stdout.reconfigure(line_buffering=True)
    loop = TaskLoop(FrameChannel(connection))
    try:
        loop.run()
        status = 0
    except FrameError as error:
        status = _complain(DATA, str(error))
    except (SetupError, StoreError) as error:
        status = _complain(CONFIGURATION, str(error))
    except OSError as error:
        status = _complain(SOFTWARE, f"the worker cannot be reached: {error}")
    finally:
        loop.close()
        connection.close()
    _leave_despite_threads(status)
    return status


def _leave_despite_threads(status: int) -> None:
    """End now when the user's code has left threads for which the interpreter would wait."""
    threading = sys.modules.get("threading")
    if threading is None:
        return
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    if any(not thread.daemon for thread in others):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _complain(status: int, message: str) -> int:
    print(f"anabranch.runtime: {message}", file=sys.stderr, flush=True)
    return status
