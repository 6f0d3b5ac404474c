"""The joblib backend under which a task of the pool fits a node that is, or has in it, a search of scikit-learn's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import joblib

from anabranch.model_selection.backend import SearchBackend
from anabranch.model_selection.callbacks import drop_unheard
from anabranch.model_selection.calls import Call


class InTaskBackend(SearchBackend):
    """Has the fits of searches run on the pool that runs the task, and all other calls where they are.

    The task yields its slot while it waits for them. Calls of joblib that are no fits of a search keep this backend for
    what is nested in them: the members of a vote may be searches.
    """

    #: Of a search that says nothing; also what joblib takes when its configuration does not name a number.
    default_n_jobs = -1

    def answer(self, calls: Sequence[Call]) -> list[Any]:
        """Run the fits of a search on the pool, or here where that is faster; other calls one after the other, here."""
        if all(call.is_fit for call in calls):
            drop_unheard(calls)
            return super().answer(calls)
        with joblib.parallel_config(backend=InTaskBackend()):
            return [call.function(*call.arguments, **call.named) for call in calls]
