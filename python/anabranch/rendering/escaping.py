"""Text for XML and HTML, whatever it holds."""

from __future__ import annotations

import html
import re

# What XML 1.0 has no way to write, lone surrogates included.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escaped(text: object) -> str:
    """Return text as content or as a quoted attribute; what XML cannot hold is shown as U+FFFD."""
    return html.escape(_UNWRITABLE.sub("\ufffd", str(text)), quote=True)


def shortened(text: str, most: int) -> str:
    """Return text of at most so many characters; the middle gives way, for ends tell names apart."""
    if len(text) <= most:
        return text
    behind = (most - 1) // 3
    return f"{text[: most - 1 - behind]}…{text[len(text) - behind :]}"
