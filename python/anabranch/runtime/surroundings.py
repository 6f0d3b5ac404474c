"""What every task finds as the first one did, whatever the one before has done to their process."""

from __future__ import annotations

import fcntl
import os
import sys
from contextlib import suppress

# Above what a task may close in a sweep that means the standard streams.
_LOWEST_COPY = 64


class Surroundings:
    """Working directory, import path, environment and standard streams, as they are when this is made.

    What a task adds stays, for a library that it imports may add the same; what it takes away comes back. A variable
    with another value stays as the task set it. What goes past `os.environ` (`os.putenv`, `os.unsetenv`, C code) is
    not seen.
    """

    def __init__(self) -> None:
        self._directory = os.getcwd()
        self._path = list(sys.path)
        self._environment = dict(os.environ)
        self._encoded = frozenset(getattr(os.environ, "_data", ()))
        self._streams = {"stdout": sys.stdout, "stderr": sys.stderr}
        self._files = {number: _identity(number) for number in (0, 1, 2)}
        self._copies = {
            number: fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, _LOWEST_COPY)
            for number, identity in self._files.items()
            if identity is not None
        }

    def close(self) -> None:
        """Give up the copies of the standard streams."""
        copies, self._copies = self._copies, {}
        for copy in copies.values():
            with suppress(OSError):
                os.close(copy)

    def restore(self) -> None:
        """Put back what the process's own code looks at: before the next task of those that are there."""
        if len(os.environ) < len(self._environment):
            self._restore_environment()
        self._restore_places()

    def _restore_places(self) -> None:
        if sys.path != self._path:
            self._restore_path()
        try:
            left = os.getcwd() != self._directory
        except OSError:
            left = True
        if left:
            # Somebody may have removed it.
            with suppress(OSError):
                os.chdir(self._directory)

    def restore_all(self) -> None:
        """Put back what takes longer to look at as well, before a task that may take long and whenever results leave.

        The standard streams, and variables in whose place others came.

        Raises
        ------
        OSError
            When the copies that this keeps are closed as well.
        """
        self._restore_places()
        if not self._has_its_variables():
            self._restore_environment()
        for number, copy in self._copies.items():
            if _identity(number) != self._files[number]:
                os.dup2(copy, number)
        for name, stream in self._streams.items():
            if stream is not None and stream.closed:
                number = 1 if name == "stdout" else 2
                stream = open(number, "w", buffering=1, encoding=stream.encoding, errors=stream.errors, closefd=False)  # noqa: SIM115
                self._streams[name] = stream
            if getattr(sys, name, None) is not stream:
                setattr(sys, name, stream)

    def _has_its_variables(self) -> bool:
        # The mapping encodes each name that it is asked for; of what it has them in, a set is asked at once.
        encoded = getattr(os.environ, "_data", None)
        if encoded is None:
            return all(map(os.environ.__contains__, self._environment))
        return self._encoded <= encoded.keys()

    def _restore_environment(self) -> None:
        for name, value in self._environment.items():
            os.environ.setdefault(name, value)

    def _restore_path(self) -> None:
        if any(entry not in sys.path for entry in self._path):
            sys.path[:] = [*self._path, *(entry for entry in sys.path if entry not in self._path)]
        self._path = list(sys.path)


def _identity(number: int) -> tuple[int, int] | None:
    """Return which file a descriptor is of, None when it is closed."""
    try:
        status = os.fstat(number)
    except OSError:
        return None
    return status.st_dev, status.st_ino
