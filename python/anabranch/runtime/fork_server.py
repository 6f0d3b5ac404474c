"""The process from which a worker's runtimes are forked, with what their tasks need imported already.

It runs no task, starts no thread, and so may fork at any time. The worker talks to it over a ``SOCK_SEQPACKET`` socket
pair, one JSON object per datagram; ``docs/protocol.md`` has them.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass

from anabranch.runtime.environment import die_with_worker, ignore_interrupts
from anabranch.runtime.libraries import GROUPS
from anabranch.runtime.survivors import end_survivors
from anabranch.runtime.versions import installed_versions

_LONGEST_MESSAGE = 1 << 16
# Socket, progress page, standard output, standard error.
_DESCRIPTORS = 4
_LONGEST_REASON = 500


@dataclass
class ForkedRuntime:
    """What a child finds itself with: its socket to the worker and the page that it shares with it."""

    connection: socket.socket
    progress: memoryview


@dataclass
class _Spare:
    """A child that waits to be told which runtime it is."""

    process: int
    socket: socket.socket


class _CannotFork(Exception):
    """No child was made; says why."""


class ForkServer:
    """Serves one worker.

    A fork of a process that has scikit-learn takes some 30 ms. So one child is made in advance as soon as libraries
    have been imported, and waits; the next runtime is this one.

    Parameters
    ----------
    control : socket.socket
        The worker's end is on the other side.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._worker = os.getppid()
        self._has_libraries = False
        self._spare: _Spare | None = None
        # For the children's hello: the same in all of them.
        installed_versions()

    def run(self) -> ForkedRuntime | None:
        """Serve until the worker closes its end.

        Returns
        -------
        ForkedRuntime or None
            None in the fork server itself, at its end; in each child what it is to be.
        """
        while True:
            if self._has_libraries and self._spare is None and not self._is_asked():
                with suppress(_CannotFork):
                    child = self._make_spare()
                    if child is not None:
                        return child
            # Here it hears of the worker's end by itself, and can end what that leaves behind.
            die_with_worker(False)
            text, descriptors, _, _ = socket.recv_fds(self._control, _LONGEST_MESSAGE, _DESCRIPTORS)
            if not text:
                end_survivors()
                return None
            die_with_worker()
            message = json.loads(text)
            if "fork" in message:
                child = self._fork(message["fork"], descriptors)
                if child is not None:
                    return child
            elif "import" in message:
                self._import(message["import"])
            elif "path" in message:
                known = set(sys.path)
                sys.path[:0] = [entry for entry in message["path"] if entry not in known]

    def _is_asked(self) -> bool:
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        return bool(poll.poll(0))

    # ---- imports

    def _import(self, name: str) -> None:
        problem = ""
        for module in GROUPS.get(name, (name,)):
            try:
                importlib.import_module(module)
            except BaseException as error:
                # A task that needs it says so; others do not.
                problem = f"{module}: {type(error).__name__}: {error}"[:_LONGEST_REASON]
        self._has_libraries = True
        self._retire_spare()
        # Children do not touch, and so do not copy, the pages of what is there for good.
        gc.collect()
        gc.freeze()
        self._answer({"imported": name, "problem": problem, "threads": _other_threads()})

    # ---- forks

    def _fork(self, request: str, descriptors: list[int]) -> ForkedRuntime | None:
        """Make a child a runtime; return only in that child what it is, if it had to be made now."""
        try:
            if len(descriptors) != _DESCRIPTORS:
                raise _CannotFork(f"{len(descriptors)} descriptors came instead of {_DESCRIPTORS}")
            if not self._hand_over(request, descriptors):
                child = self._make_spare()
                if child is not None:
                    return child
                if not self._hand_over(request, descriptors):
                    raise _CannotFork("the child was gone at once")
        except _CannotFork as error:
            self._answer({"refused": request, "problem": str(error), "threads": _other_threads()})
        for descriptor in descriptors:
            os.close(descriptor)
        return None

    def _hand_over(self, request: str, descriptors: list[int]) -> bool:
        """Give the descriptors to the spare child; False when there is none."""
        spare = self._spare
        if spare is None:
            return False
        try:
            socket.send_fds(spare.socket, [b"run"], descriptors)
        except OSError:
            self._retire_spare()
            return False
        spare.socket.close()
        self._spare = None
        self._answer({"forked": request, "pid": spare.process})
        return True

    def _retire_spare(self) -> None:
        """Let the spare child end, by the end of its socket; it is the worker's to reap."""
        if self._spare is not None:
            self._spare.socket.close()
            self._answer({"retired": self._spare.process})
            self._spare = None

    def _make_spare(self) -> ForkedRuntime | None:
        threads = _other_threads()
        if threads:
            raise _CannotFork(f"there are threads: {', '.join(threads)}")
        try:
            ours, theirs = socket.socketpair()
            between = os.fork()
        except OSError as error:
            raise _CannotFork(f"fork: {error.strerror}") from error
        if between == 0:
            # Nothing but a runtime may come out of here: not a second server.
            try:
                ours.close()
                return self._be_spare(theirs)
            except BaseException:
                os._exit(1)
        theirs.close()
        number = ours.recv(32)
        os.waitpid(between, 0)
        if not number:
            ours.close()
            raise _CannotFork("the second fork failed")
        self._spare = _Spare(int(number), ours)
        return None

    def _be_spare(self, server: socket.socket) -> ForkedRuntime:
        """In the process between: fork once more and end, so that the worker, a subreaper, is the child's parent."""
        between = os.getpid()
        child = os.fork()
        if child:
            server.send(b"%d" % child)
            os._exit(0)
        self._control.close()
        _keep_only(server)
        _await_end(between)
        die_with_worker()
        if os.getppid() != self._worker:
            os._exit(0)
        text, descriptors, _, _ = socket.recv_fds(server, 16, _DESCRIPTORS)
        if not text:
            os._exit(0)
        server.close()
        connection, progress, out, err = descriptors
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.close(out)
        os.close(err)
        runtime = ForkedRuntime(socket.socket(fileno=connection), shared_number(progress))
        runtime.connection.set_inheritable(False)
        _reseed()
        return runtime

    def _answer(self, message: dict) -> None:
        # A worker that is gone is noticed by the next read.
        with suppress(OSError):
            self._control.send(json.dumps(message).encode())


def shared_number(descriptor: int) -> memoryview:
    """Map the worker's page of eight bytes, and close its descriptor."""
    import mmap

    number = memoryview(mmap.mmap(descriptor, 8)).cast("Q")
    os.close(descriptor)
    return number


def serve_forks(descriptor: int) -> ForkedRuntime | None:
    """Be a fork server on the inherited socket; see `ForkServer.run`."""
    ignore_interrupts()
    die_with_worker()
    control = socket.socket(fileno=descriptor)
    control.set_inheritable(False)
    return ForkServer(control).run()


def _other_threads() -> list[str]:
    """Names of this process's threads but the first."""
    names = []
    for thread in os.listdir("/proc/self/task"):
        if int(thread) != os.getpid():
            with suppress(OSError), open(f"/proc/self/task/{thread}/comm") as file:
                names.append(file.read().strip())
    return names


def _keep_only(connection: socket.socket) -> None:
    """Close what came with the request that is under way: a second holder of a runtime's socket would hide its end."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != connection.fileno():
            with suppress(OSError):
                os.close(int(name))


def _await_end(process: int) -> None:
    """Wait until the kernel has given this process another parent."""
    while os.getppid() == process:
        try:
            descriptor = os.pidfd_open(process)
        except ProcessLookupError:
            continue
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll()
        finally:
            os.close(descriptor)


def _reseed() -> None:
    """Give the child its own random numbers; `random` sees to itself."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
