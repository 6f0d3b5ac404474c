"""Failures of a task that are not its user's exceptions."""

from __future__ import annotations


class TaskRefused(Exception):
    """The graph or the task is wrong: no y, rows that do not fit, parts without labels."""


class CannotCross(Exception):
    """A value that cannot be pickled, or one whose pickle cannot be loaded here. Its cause says why."""
