"""The process: socket, frames, tasks one after the other, and how it ends."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from anabranch.runtime.environment import SetupError, die_with_worker, ignore_interrupts
from anabranch.runtime.fork_server import serve_forks, shared_number
from anabranch.runtime.frames import FrameChannel, FrameError
from anabranch.runtime.loop import TaskLoop
from anabranch.runtime.runner import TaskRunner
from anabranch.store import Store, StoreError
from anabranch.v1.task_pb2 import RuntimeSetup

# sysexits.h: what ended the process is in its status, and in one line on standard error.
USAGE = 64
DATA = 65
SOFTWARE = 70
CONFIGURATION = 78

_USAGE = (
    "usage: python -m anabranch.runtime --fd SOCKET "
    "[--progress MEMORY_FILE] [--ray HOST:PORT | --spark SOCKET], or --fork-server "
    "SOCKET; sockets and files are inherited descriptors"
)


def main(arguments: Sequence[str]) -> int:
    """Run the runtime over the inherited socket of ``--fd N`` and return the exit status.

    With ``--fork-server N`` the process serves forks over that socket; each of its children returns from here as well.
    """
    options = dict(zip(arguments[::2], arguments[1::2], strict=False))
    if len(arguments) == 2 and options.get("--fork-server", "").isdigit():
        return _serve_forks(int(options["--fork-server"]))
    engine = next(((name, options.pop(name)) for name in ("--ray", "--spark") if name in options), None)
    if len(arguments) not in (2, 4, 6) or not options.keys() <= {"--fd", "--progress"} or "--fd" not in options:
        return _complain(USAGE, _USAGE)
    if not all(number.isdigit() for number in options.values()):
        return _complain(USAGE, _USAGE)
    try:
        connection = socket.socket(fileno=int(options["--fd"]))
    except OSError as error:
        return _complain(USAGE, f"descriptor {options['--fd']} is no socket: {error}")
    connection.set_inheritable(False)
    connection.setblocking(True)
    progress = None
    if "--progress" in options:
        try:
            progress = shared_number(int(options["--progress"]))
        except (OSError, ValueError) as error:
            return _complain(USAGE, f"descriptor {options['--progress']} is no memory file: {error}")
    die_with_worker()
    return serve(connection, progress, engine)


def _serve_forks(descriptor: int) -> int:
    try:
        child = serve_forks(descriptor)
    except OSError as error:
        return _complain(SOFTWARE, f"the fork server's socket: {error}")
    return 0 if child is None else serve(child.connection, child.progress)


def serve(connection: socket.socket, progress: memoryview | None = None, engine: tuple[str, str] | None = None) -> int:
    """Run tasks until the worker closes its end; return the exit status.

    Parameters
    ----------
    connection : socket
    progress : memoryview, optional
    engine : (str, str), optional
        What tasks run with, ``--ray`` or ``--spark``, and where it is; this process by itself when not given.
    """
    import faulthandler

    ignore_interrupts()
    # A crash in native code then says where, in the last lines of output that go with the failure.
    faulthandler.enable()
    # What a task prints is there when it aborts.
    sys.stdout.reconfigure(line_buffering=True)
    loop = TaskLoop(FrameChannel(connection), progress, _runner_on(*engine) if engine else TaskRunner)
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
        # A task may have closed what is theirs.
        with suppress(OSError):
            loop.close()
        with suppress(OSError):
            connection.close()
    _leave_despite_threads(status)
    return status


def _runner_on(engine: str, address: str) -> Callable[[Store, RuntimeSetup], TaskRunner]:
    if engine == "--spark":
        from anabranch.runtime.spark.runner import SparkTaskRunner

        return partial(SparkTaskRunner, address=address)
    from anabranch.runtime.ray.runner import RayTaskRunner

    return partial(RayTaskRunner, address=address)


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
    # A task may have closed the stream.
    with suppress(OSError, ValueError):
        print(f"anabranch.runtime: {message}", file=sys.stderr, flush=True)
    return status
