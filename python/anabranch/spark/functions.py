"""Functions of DataFrames as the steps of nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anabranch.data import Xy
from anabranch.runtime.errors import TaskRefused
from anabranch.spark.exchange import Exchange, Outcome, current_exchange
from anabranch.spark.steps import EXECUTOR, VECTORS, outcome_of


class SparkFunction:
    """A function DataFrame → DataFrame, of an AND node list of DataFrames → DataFrame; made by `function`."""

    takes_stored = True
    takes_xy = True
    executor = EXECUTOR

    def __init__(
        self,
        f: Callable[..., Any],
        features: Any,
        label: str | None,
        weight: str | None,
        splits: str | None,
        vectors: str,
    ) -> None:
        if vectors not in VECTORS:
            raise ValueError(f"vectors={vectors!r}; use {' or '.join(VECTORS)}")
        if splits is not None and features is not None:
            raise ValueError("splits= makes a table of each partition; features= is for the nodes behind")
        self.f = f
        self.features = features
        self.label = label
        self.weight = weight
        self.splits = splits
        self.vectors = vectors
        self.__name__ = getattr(f, "__name__", type(f).__name__)

    def __call__(self, given: Any) -> Any:
        """Call the function with DataFrames of the given `Xy`; return an `Xy`, or one per partition."""
        exchange = current_exchange()
        frames = self._frames(exchange, given)
        made = self._called(exchange, frames)
        beside = [name for name in (self.label, self.weight) if name is not None]
        if self.splits is not None:
            return {place: self._answer(part) for place, part in exchange.parts(made, beside=beside)}
        return self._answer(outcome_of(exchange, made, self.features, self.vectors, beside=beside))

    def _called(self, exchange: Exchange, frames: Any) -> Any:
        try:
            made = self.f(frames)
        except Exception as error:
            explained = exchange.explained(error)
            if explained is error:
                raise
            raise explained from None
        if not hasattr(made, "mapInArrow"):
            raise TaskRefused(
                f"{exchange.name}: {self.__name__} returned a {type(made).__name__}; a DataFrame is needed"
            )
        return made

    def _frames(self, exchange: Exchange, given: Any) -> Any:
        if isinstance(given, Xy):
            beside = {}
            if given.y is not None:
                if self.label is None:
                    raise TaskRefused(
                        f"{exchange.name}: {self.__name__} may change rows, "
                        "so y has to travel with them: name its column, "
                        'ab.spark.function(f, label="…")'
                    )
                beside[self.label] = given.y
            if given.sample_weight is not None and self.weight is not None:
                beside[self.weight] = given.sample_weight
            return exchange.frame(given.X, beside=beside, numbered=False)
        return [self._frames(exchange, one) for one in given]

    def _answer(self, outcome: Outcome) -> Xy:
        beside = outcome.beside
        return Xy(
            outcome.value,
            y=beside.get(self.label),
            sample_weight=beside.get(self.weight),
        )

    def __repr__(self) -> str:
        return f"spark.function({self.__name__})"


def function(
    f: Callable[..., Any],
    *,
    features: str | list[str] | None = None,
    label: str | None = None,
    weight: str | None = None,
    splits: str | None = None,
    vectors: str = "tensor",
) -> SparkFunction:
    """Make a step of a function of a DataFrame, or, for an AND node, of a list of DataFrames in edge order.

    Parameters
    ----------
    f : callable
        Returns a DataFrame. Its rows may be others than those that it was given, in any order.
    features : str or list of str, optional
        The columns that nodes behind see as X, as a matrix; all but label and weight when not given.
    label, weight : str, optional
        The column of y, and of the weights: as which they enter where an input has them, and of which they are made.
    splits : str, optional
        One reference for each partition of the DataFrame, on a dimension of this name.
    vectors : {"tensor", "list"}
        As of `stage`.
    """
    return SparkFunction(f, features, label, weight, splits, vectors)
