"""The joblib backend that gathers calls, which it looks at as calls of scikit-learn's."""

from __future__ import annotations

from anabranch import gathering
from anabranch.model_selection.calls import Call


class GatheringBackend(gathering.GatheringBackend):
    """Gathers calls, and answers them together when joblib begins to ask for results."""

    call = Call
