"""From a JSON document to a command, and from its outcome to an exit status."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence

from anabranch.cli.interruption import Interruption
from anabranch.cli.request import CommandError, Request
from anabranch.errors import AnabranchError, ConnectionFailed, VersionMismatch

SUCCEEDED, FAILED_KEYS, WRONG_REQUEST, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status; what is wrong is said in one message on standard error.

    Without `arguments` they are the process's own, and so are its signals, which stay ignored when it has returned.
    """
    interruption = Interruption(main.__code__)
    try:
        if arguments is None:
            interruption.begin()
            arguments = sys.argv[1:]
        if interruption.came:
            raise KeyboardInterrupt
        request = _request(arguments)
        status = _command(request.command)(request)
    except BaseException as error:
        interruption.end()
        # What was interrupted may have made something else of the exception.
        interrupted = interruption.came or isinstance(error, KeyboardInterrupt)
        told = _say("interrupted", INTERRUPTED) if interrupted else _status_of(error)
        if told is None:
            _end()
            raise
        status = told
    interruption.end()
    _end()
    return status


def _status_of(error: BaseException) -> int | None:
    """Say what an exception means to the user and return the exit status; None when it is a mistake of ours."""
    if isinstance(error, BrokenPipeError):
        # Whoever read the output has enough of it; nothing more may be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SUCCEEDED
    if isinstance(error, (ConnectionFailed, VersionMismatch)):
        return _say(error, UNREACHABLE)
    if isinstance(error, (AnabranchError, CommandError)) or type(error).__module__.startswith("anabranch.store"):
        return _say(error, WRONG_REQUEST)
    return None


def _say(error: BaseException | str, status: int) -> int:
    print(f"anabranch: {error}", file=sys.stderr)
    return status


def _end() -> None:
    client = sys.modules.get("anabranch.process_client")
    if client is not None:
        client.shutdown()


def _request(arguments: Sequence[str]) -> Request:
    if len(arguments) != 2 or arguments[0] != "--request":
        raise CommandError("usage: python -m anabranch.cli --request JSON; people type `anabranch run …`")
    try:
        fields = json.loads(arguments[1])
    except ValueError as error:
        raise CommandError(f"--request is no JSON document: {error}") from None
    if not isinstance(fields, dict):
        raise CommandError("--request is no JSON object")
    return Request(fields)


def _command(name: str) -> Callable[[Request], int]:
    # Each imports what it needs and no more: `graph` starts no pool.
    if name == "graph":
        from anabranch.cli.drawing import graph as command
    elif name == "run":
        from anabranch.cli.running import run as command
    elif name == "submit":
        from anabranch.cli.running import submit as command
    elif name == "results":
        from anabranch.cli.remote import results as command
    elif name == "export":
        from anabranch.cli.remote import export as command
    else:
        raise CommandError(f"there is no command {name!r} in the Python half: run, submit, graph, results, export")
    return command
