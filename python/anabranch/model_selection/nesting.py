"""Where a search finds itself: in a user's process, or in one of the pool's own."""

from __future__ import annotations

import sys


def runs_in_process() -> bool:
    """Whether a search that begins here runs its fits itself.

    So it is within a task: the pool's slots are taken by what is outside, and one of them is this one.
    """
    from anabranch.model_selection.tasks import inside_task

    if inside_task():
        return True
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name.startswith("anabranch.runtime")
