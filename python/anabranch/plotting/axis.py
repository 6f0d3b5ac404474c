"""The axis of a searched parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from anabranch.plotting.labels import LONGEST_VALUE, is_number, plain, text_of


class Axis:
    """The horizontal axis: numbers where all values are numbers, else one place for each."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._numeric = all(is_number(value) for value in values)
        self._places: dict[str, int] = {}
        self._numbers = sorted({float(value) for value in values}) if self._numeric else []
        if not self._numeric:
            for value in values:
                self._places.setdefault(text_of(value), len(self._places))

    def place(self, value: Any) -> float:
        """Return where a value stands."""
        return float(value) if self._numeric else self._places[text_of(value)]

    def decorate(self, ax: Any) -> None:
        """Set scale and ticks."""
        if not self._numeric:
            ax.set_xticks(list(self._places.values()), [plain(text, LONGEST_VALUE) for text in self._places])
            if max(map(len, self._places), default=0) > 8:
                ax.tick_params(axis="x", rotation=30)
        elif len(self._numbers) > 2 and self._numbers[0] > 0:
            # As scikit-learn's displays: values that spread over magnitudes.
            steps = np.diff(self._numbers)
            if steps.max() / steps.min() > 5:
                ax.set_xscale("log")
