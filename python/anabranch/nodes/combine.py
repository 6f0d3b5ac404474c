"""AND functions that make one prediction of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anabranch.nodes.parameterized import Parameterized


class Vote(Parameterized):
    """The label that most inputs predict; among equals the smallest, as in scikit-learn's hard `VotingClassifier`.

    Parameters
    ----------
    weights : sequence of float, shape (n_inputs,), optional
        How much each input's vote counts, in edge order.
    """

    emits_predictions = True

    def __init__(self, weights: Sequence[float] | None = None) -> None:
        self.weights = weights

    def __call__(self, inputs: Sequence[Any]) -> Any:
        """Return predictions of shape (n_samples,) from inputs whose X are predictions of that shape."""
        import numpy as np

        predictions = np.stack([_labels(item.X, "Vote") for item in inputs], axis=1)
        weights = _checked(self.weights, len(inputs), "Vote")
        classes, codes = np.unique(predictions, return_inverse=True)
        codes = codes.reshape(predictions.shape)
        counts = np.zeros((len(predictions), len(classes)))
        rows = np.arange(len(predictions))
        for column in range(codes.shape[1]):
            counts[rows, codes[:, column]] += 1.0 if weights is None else weights[column]
        return _like(inputs[0], classes[np.argmax(counts, axis=1)])


class Mean(Parameterized):
    """The weighted mean of the inputs: of regressors' predictions, or of probabilities.

    Parameters
    ----------
    weights : sequence of float, shape (n_inputs,), optional
    """

    emits_predictions = True

    def __init__(self, weights: Sequence[float] | None = None) -> None:
        self.weights = weights

    def __call__(self, inputs: Sequence[Any]) -> Any:
        """Return the mean, of the shape that every input's X has."""
        import numpy as np

        arrays = [np.asarray(item.X) for item in inputs]
        shapes = {array.shape for array in arrays}
        if len(shapes) > 1:
            raise ValueError(f"Mean: inputs differ in shape: {', '.join(map(str, sorted(shapes)))}")
        return _like(inputs[0], np.average(arrays, axis=0, weights=_checked(self.weights, len(inputs), "Mean")))


class SoftVote(Parameterized):
    """The class of the highest mean probability, as scikit-learn's soft `VotingClassifier`; it is fitted for the names.

    Its inputs are predictors with ``output="predict_proba"`` and ``in_sample=True``: only y's labels are learned.

    Parameters
    ----------
    weights : sequence of float, shape (n_inputs,), optional

    Attributes
    ----------
    classes_ : array, shape (n_classes,)
    """

    _estimator_type = "classifier"

    def __init__(self, weights: Sequence[float] | None = None) -> None:
        self.weights = weights

    def fit(self, X: Sequence[Any], y: Any) -> SoftVote:
        """Learn the labels of the classes; X is a list of probabilities and is not looked at."""
        import numpy as np

        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: Sequence[Any]) -> Any:
        """Return mean probabilities of shape (n_samples, n_classes)."""
        import numpy as np

        return np.average(list(X), axis=0, weights=_checked(self.weights, len(X), "SoftVote"))

    def predict(self, X: Sequence[Any]) -> Any:
        """Return labels of shape (n_samples,)."""
        import numpy as np

        return self.classes_.take(np.argmax(self.predict_proba(X), axis=1))

    def score(self, X: Sequence[Any], y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy."""
        from sklearn.metrics import accuracy_score

        return accuracy_score(y, self.predict(X), sample_weight=sample_weight)


def _labels(X: Any, name: str) -> Any:
    import numpy as np

    array = np.asarray(X)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{name}: inputs must be labels of shape (n_samples,), one has shape {array.shape}")
    return array


def _checked(weights: Sequence[float] | None, inputs: int, name: str) -> Sequence[float] | None:
    if weights is not None and len(weights) != inputs:
        raise ValueError(f"{name}: {len(weights)} weights for {inputs} inputs")
    return weights


def _like(item: Any, X: Any) -> Any:
    # Only X is new; what belongs to the rows passes through by reference where all inputs share it.
    return type(item)(X)
