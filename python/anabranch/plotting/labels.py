"""Values and names as labels."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from anabranch.rendering.escaping import shortened

#: Characters of a value on an axis, and of any label.
LONGEST_VALUE, LONGEST_LABEL = 24, 60


def is_number(value: Any) -> bool:
    """Whether a value has a place on an axis of numbers."""
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_))


def text_of(value: Any) -> str:
    """Return a value in one line; equal texts are taken for equal values."""
    value = value.item() if isinstance(value, np.generic) else value
    return " ".join((value if isinstance(value, str) else repr(value)).split())


def plain(text: str, most: int = LONGEST_LABEL) -> str:
    """Return a label that matplotlib shows as it is: no formula, and not hidden for its underscore."""
    text = shortened(text, most).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
