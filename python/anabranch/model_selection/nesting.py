"""Where a search finds itself: in a user's process, in a task of the pool, or in a task of another search."""

from __future__ import annotations

import os
import sys


def runs_in_process() -> bool:
    """Whether a search that begins here runs its fits itself.

    So it is within a task of another search: that one has the slots, and this is one of them. A search in any other
    task uses the pool that runs the task, which yields its slot while it waits.
    """
    from anabranch import waiting
    from anabranch.model_selection import tasks

    if tasks.inside_task():
        return True
    if waiting.inside_task() and os.environ.get("ANABRANCH_ADDRESS"):
        return False
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name.startswith("anabranch.runtime")
