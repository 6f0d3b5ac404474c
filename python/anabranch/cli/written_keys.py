"""Keys as they are typed: ``name=label,name=label``, with quotes around what holds a comma or an equals sign."""

from __future__ import annotations

import re

from anabranch.cli.request import CommandError
from anabranch.errors import RequestError
from anabranch.keys import Key, Label, parse_key

_QUOTED = re.compile(r'(?:(?<=[,=])|^)\s*"((?:[^"]|"")*)"\s*(?=[,=]|$)')


def read_key(text: str) -> dict[str, Label]:
    """Read a key in which names and labels may be quoted: ``g="c=d, e"``; a doubled quote within stands for one.

    Raises
    ------
    CommandError
        When it is not ``name=label`` with commas between.
    """
    quoted: list[str] = []

    def hide(match: re.Match[str]) -> str:
        quoted.append(match[1].replace('""', '"'))
        return f"\0{len(quoted) - 1}\0"

    def show(part: Label) -> Label:
        return quoted[int(part.strip("\0"))] if isinstance(part, str) and part.startswith("\0") else part

    try:
        parsed = parse_key(_QUOTED.sub(hide, text))
    except RequestError:
        raise CommandError(
            f"key {text!r} is not name=label,name=label; what holds a comma or = is quoted, as in 'name=\"a, b\"'"
        ) from None
    return {str(show(name)): show(label) for name, label in parsed.items()}


def write_key(key: Key) -> str:
    """Return a key as `read_key` reads it."""
    return ",".join(f"{_quoted(name)}={_quoted(str(label))}" for name, label in key.items()) or "(no key)"


def _quoted(text: str) -> str:
    if not re.search(r'[,="{}]', text) and text == text.strip():
        return text
    return '"' + text.replace('"', '""') + '"'
