"""Where the `anabranch` program is, and the command that a Python environment has for it."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys
from typing import NoReturn

from anabranch.errors import ConnectionFailed


def find_binary() -> str:
    """Return the path of the program: ``ANABRANCH_BINARY``, the package's own, a checkout's release build, or PATH's.

    Raises
    ------
    ConnectionFailed
        When there is none; the message lists where it was looked for.
    """
    named = os.environ.get("ANABRANCH_BINARY")
    if named:
        if _is_program(named):
            return named
        raise ConnectionFailed(f"ANABRANCH_BINARY={named}: no such program")
    package = pathlib.Path(__file__).resolve().parent
    places = [package / "bin" / "anabranch", package.parents[1] / ".build" / "release" / "anabranch"]
    for place in places:
        if _is_program(place):
            return str(place)
    on_path = shutil.which("anabranch")
    if on_path is not None and _is_program(on_path):
        return on_path
    looked = ", ".join(map(str, places))
    raise ConnectionFailed(
        f"the anabranch program was not found ({looked}, PATH); "
        "build it with `make setup`, or name it in ANABRANCH_BINARY"
    )


def main() -> NoReturn:
    """Become the program; its Python half and its runtimes are this interpreter's unless ``--python`` names another."""
    try:
        program = find_binary()
    except ConnectionFailed as error:
        print(f"anabranch: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    os.environ.setdefault("ANABRANCH_PYTHON", sys.executable)
    os.execv(program, ["anabranch", *sys.argv[1:]])


def _is_program(path: str | os.PathLike) -> bool:
    """Whether the file is machine code that can be run: an environment's own command of that name is a script."""
    if not (os.path.isfile(path) and os.access(path, os.X_OK)):
        return False
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"
