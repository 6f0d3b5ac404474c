"""What a task says besides its result: warnings and printed text, which are given where its user is."""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from dataclasses import dataclass, field
from typing import Any

from anabranch.carried import SAID, carried


@dataclass
class Said:
    """What a fit, or another call, warned of and printed.

    Attributes
    ----------
    warnings : list of (message, category, filename, line)
    printed : str
    """

    warnings: list[tuple[Any, type[Warning], str, int]] = field(default_factory=list)
    printed: str = ""

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "warnings": [(carried(message), *where) for message, *where in self.warnings]}


#: Bytes that may travel with an exception, which is not sent at all where it is large.
_MOST_BYTES = 20_000


class Printed(io.StringIO):
    """What a task prints, for its user; its worker gets it, too, as it is all that is known of a fit that dies.

    For all else it is the worker's stream: a fit may hand it to a process.
    """

    def __init__(self) -> None:
        super().__init__()
        self._worker = sys.stdout

    def write(self, text: str) -> int:
        """Keep a text, and hand it on."""
        with contextlib.suppress(AttributeError, OSError, ValueError):
            self._worker.write(text)
        return super().write(text)

    def flush(self) -> None:
        """Have the worker see what stands before a crash."""
        with contextlib.suppress(AttributeError, OSError, ValueError):
            self._worker.flush()

    def fileno(self) -> int:
        """Return the descriptor of the worker's stream."""
        return self._worker.fileno()

    @property
    def buffer(self) -> Any:
        """The bytes of the worker's stream: what is written there is not kept."""
        return self._worker.buffer

    @property
    def encoding(self) -> str:
        """That of the worker's stream."""
        return self._worker.encoding


def hang_on(error: BaseException, said: Said) -> None:
    """Have an exception bring along what was said before it, the end of it where that is much."""
    import cloudpickle

    said = Said(list(said.warnings), said.printed)
    if not (said.warnings or said.printed):
        return
    # Whatever a warning is, the error is what counts.
    with contextlib.suppress(Exception):
        while said.warnings and len(cloudpickle.dumps(Said(said.warnings))) > _MOST_BYTES // 2:
            del said.warnings[: (len(said.warnings) + 1) // 2]
        said.printed = said.printed.encode("utf-8", "replace")[-_MOST_BYTES // 2 :].decode("utf-8", "ignore")
        vars(error)[SAID] = said


def taken_from(error: BaseException) -> Said:
    """Return what an exception has brought along, and leave it as it was raised."""
    return vars(error).pop(SAID, None) or Said()


class Voice:
    """Says here what was said in tasks, each warning as often as the filters of this process want it."""

    def __init__(self) -> None:
        self._places: dict[str, dict[str, Any]] = {}

    def say(self, said: Said) -> None:
        """Print what was printed, and warn of what was warned of."""
        if said.printed:
            sys.stdout.write(said.printed)
        for message, category, filename, line in said.warnings:
            if filename not in self._places:
                # With None for a module, nothing would be said.
                module = _module_of(filename)
                self._places[filename] = {"registry": {}} if module is None else {"registry": {}, "module": module}
            warnings.warn_explicit(message, category, filename, line, **self._places[filename])


def _module_of(filename: str) -> str | None:
    """Return the name of the module in a file, by which filters know it; None where it is not loaded here."""
    for name, module in list(sys.modules.items()):
        # Not `getattr`: a module that loads itself when it is first used would.
        if getattr(module, "__dict__", {}).get("__file__") == filename:
            return name
    return None
