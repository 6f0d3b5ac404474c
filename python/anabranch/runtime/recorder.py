"""Warnings of one task after the other."""

from __future__ import annotations

import warnings


class WarningRecorder:
    """Records the warnings of each task as ``warnings.catch_warnings(record=True)`` around it would.

    Entering and leaving that costs as much as a small call. So it stays entered for as long as nothing has used it:
    filters as they were, and nothing recorded, which a registry would show only once.
    """

    def __init__(self) -> None:
        self._context: warnings.catch_warnings | None = None
        self._caught: list[warnings.WarningMessage] = []
        self._filters: list = []
        self._before: list = []
        self._show = warnings.showwarning

    def begin(self) -> None:
        """Record from now on."""
        if self._context is None:
            self._context = warnings.catch_warnings(record=True)
            self._caught = self._context.__enter__()
            self._filters = warnings.filters
            self._before = list(self._filters)
            self._show = warnings.showwarning

    def end(self) -> list[warnings.WarningMessage]:
        """Return what has been recorded since `begin`; what the task has set does not outlive it."""
        if self._caught or self._is_changed():
            caught, self._caught = self._caught, []
            self._context.__exit__(None, None, None)
            self._context = None
            return caught
        return self._caught

    def _is_changed(self) -> bool:
        return (
            warnings.filters is not self._filters
            or self._filters != self._before
            or warnings.showwarning is not self._show
        )
