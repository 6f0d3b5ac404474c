"""One command with its flags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class CommandError(Exception):
    """A request that is wrong; the message is all that its user reads."""


class Request:
    """Fields of the JSON document, checked for their types when they are read.

    Parameters
    ----------
    fields : mapping
        ``command``, and one field per flag, named as the flag with underscores.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = dict(fields)
        self.command = self.text("command") or ""

    def text(self, name: str) -> str | None:
        """Return a text, None when it was not given."""
        value = self._fields.get(name)
        if value is not None and not isinstance(value, str):
            raise CommandError(f"--{_flag(name)}: a text is needed, not {value!r}")
        return value or None

    def needed(self, name: str) -> str:
        """Return a text that must have been given."""
        value = self.text(name)
        if value is None:
            raise CommandError(f"{self.command}: --{_flag(name)} is missing")
        return value

    def number(self, name: str) -> int | None:
        """Return a whole number, None when it was not given."""
        value = self._fields.get(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, str) and value.strip().lstrip("-").isdigit():
            return int(value)
        raise CommandError(f"--{_flag(name)}: a whole number is needed, not {value!r}")

    def flag(self, name: str) -> bool:
        """Return whether a switch was given."""
        return self._fields.get(name) is True

    def names(self, name: str) -> list[str] | None:
        """Return a list given as texts with commas between, or as a JSON list."""
        value = self._fields.get(name)
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if value is None or (isinstance(value, list) and all(isinstance(part, str) for part in value)):
            return value or None
        raise CommandError(f"--{_flag(name)}: names with commas between are needed, not {value!r}")


def _flag(name: str) -> str:
    return name.replace("_", "-")
