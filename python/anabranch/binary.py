"""Where the `anabranch` program is."""

from __future__ import annotations

import os
import pathlib
import shutil

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
    if on_path is not None:
        return on_path
    looked = ", ".join(map(str, places))
    raise ConnectionFailed(
        f"the anabranch program was not found ({looked}, PATH); "
        "build it with `make setup`, or name it in ANABRANCH_BINARY"
    )


def _is_program(path: str | os.PathLike) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)
