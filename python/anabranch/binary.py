"""Where the `anabranch` program is, and the command that a Python environment has for it."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import NoReturn

from anabranch.errors import ConnectionFailed

_BUILT = pathlib.Path(".build", "release", "anabranch")


def find_binary() -> str:
    """Return the path of the program: ``ANABRANCH_BINARY``, the package's own, a checkout's release build, or PATH's.

    The checkout is the one that the package is in, or was installed from. On PATH, environments' own commands of that
    name, which only look for the program, are passed over.

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
    places = [package / "bin" / "anabranch", *(checkout / _BUILT for checkout in _checkouts(package))]
    on_path = [pathlib.Path(entry, "anabranch") for entry in os.environ.get("PATH", os.defpath).split(os.pathsep)]
    for place in [*places, *on_path]:
        if _is_program(place):
            return str(place)
    raise ConnectionFailed(_not_found(places, [place for place in on_path if place.is_file()], package))


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


def _checkouts(package: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield the checkouts that the package is in, or was copied from when it was installed."""
    if _is_checkout(package.parents[1]):
        yield package.parents[1]
    source = _installed_from(package)
    if source is not None and source != package.parents[1] and _is_checkout(source):
        yield source


def _is_checkout(directory: pathlib.Path) -> bool:
    return (directory / "Package.swift").is_file()


def _installed_from(package: pathlib.Path) -> pathlib.Path | None:
    """Return the directory above the one that an installer was given, as it has noted it beside the package."""
    for record in package.parent.glob("anabranch-*.dist-info/direct_url.json"):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            url = urllib.parse.urlsplit(json.loads(record.read_text(encoding="utf-8"))["url"])
            if url.scheme == "file":
                return pathlib.Path(urllib.request.url2pathname(url.path)).parent
    return None


def _not_found(places: list[pathlib.Path], scripts: list[pathlib.Path], package: pathlib.Path) -> str:
    looked = ", ".join(map(str, places))
    passed_over = f"; {', '.join(map(str, scripts))} only looks for it" if scripts else ""
    checkout = next(_checkouts(package), None)
    build = f"run `make setup` in {checkout}" if checkout else "run `make setup` in a checkout of anabranch"
    return (
        f"the anabranch program was not found ({looked}, PATH{passed_over}). The Python package is here without it: "
        f"{build}, which builds {checkout / _BUILT if checkout else _BUILT}, and name that in ANABRANCH_BINARY "
        "or put it on PATH; or install a wheel of `make wheel`, which carries it"
    )
