"""An AND estimator that keeps the best of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from anabranch.nodes.parameterized import Parameterized


class Best(Parameterized):
    """Learns which input predicts y best, and passes that input through from then on.

    It is fitted, so that it reads out-of-fold predictions: choosing by predictions on the rows of the fits
    themselves would favour whatever overfits most.

    Parameters
    ----------
    metric : callable (y_true, y_predicted) -> float, optional
        Greater is better. Accuracy for labels, R² for real numbers when not given.

    Attributes
    ----------
    best_ : int
        Index of the chosen input, in edge order.
    scores_ : list of float
    """

    def __init__(self, metric: Callable[[Any, Any], float] | None = None) -> None:
        self.metric = metric

    def fit(self, inputs: Sequence[Any], y: Any) -> Best:
        """Choose among predictions (a list of arrays, in edge order) by how well they meet y, shape (n_samples,)."""
        metric = self.metric or _default_metric(y)
        self.scores_ = [float(metric(y, prediction)) for prediction in inputs]
        self.best_ = max(range(len(self.scores_)), key=self.scores_.__getitem__)
        return self

    def predict(self, inputs: Sequence[Any]) -> Any:
        """Return the chosen input's predictions."""
        return inputs[self.best_]


def _default_metric(y: Any) -> Callable[[Any, Any], float]:
    from sklearn.metrics import accuracy_score, r2_score
    from sklearn.utils.multiclass import type_of_target

    return r2_score if type_of_target(y).startswith("continuous") else accuracy_score
