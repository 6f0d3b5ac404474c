"""A fitted model that is made when somebody asks for it; until then its bytes stay where the task left them."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import cloudpickle
import numpy as np

#: As ``return_estimator`` of scikit-learn's fits: to whoever knows nothing of it a plain yes.
STORED = "stored"


class StoredModel:
    """A pickled model. As a task's result its bytes are arrays of the store, which the reader maps and does not copy.

    Parameters
    ----------
    model : object

    Raises
    ------
    Exception
        When it cannot be pickled.
    """

    def __init__(self, model: Any) -> None:
        buffers: list[pickle.PickleBuffer] = []
        content = cloudpickle.dumps(model, protocol=5, buffer_callback=buffers.append)
        self._content = _array(content)
        self._buffers = [_array(buffer.raw()) for buffer in buffers]

    def load(self) -> Any:
        """Return the model, a new one at each call, on memory of its own."""
        # Copied as a whole: an array that was read-only where it was pickled would be so again.
        return copy.deepcopy(pickle.loads(self._content, buffers=self._buffers))

    def __deepcopy__(self, memo: dict) -> StoredModel:
        # Nobody writes to it.
        return self


def stored_if_asked(answer: Any, asked: Any) -> None:
    """Put a `StoredModel` in the place of the model of a fit's result, when that was asked for and can be done.

    Parameters
    ----------
    answer : object
        What scikit-learn's function for one fit returned.
    asked : object
        Its ``return_estimator``.
    """
    if not (isinstance(asked, str) and asked == STORED) or "estimator" not in answer or answer.get("fit_error"):
        return
    try:
        answer["estimator"] = StoredModel(answer["estimator"])
    except Exception:
        # What cannot be sent is said where it is sent; in this process it need not be.
        return


def _array(content: Any) -> np.ndarray:
    return np.frombuffer(content, np.uint8) if len(content) else np.empty(0, np.uint8)
