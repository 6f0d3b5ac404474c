"""The folds of Spark's searches, as splitters: index arrays of the rows that Spark would have put on each side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from anabranch.errors import RequestError
from anabranch.runtime.rows import row_count
from anabranch.spark.search_random import even_sizes, uniform
from anabranch.tables import column_of


class _Random:
    """What splits by ``rand(seed)`` have in common.

    Parameters
    ----------
    seed : int
    partitions : int or sequence of int
        How the rows lie in the DataFrame of which these are the folds: a number of partitions of equal size, or the
        size of each. Spark draws the numbers of each partition anew.
    numbers : array, shape (n_samples,), optional
        What Spark has drawn, where it was asked.
    """

    def __init__(self, seed: int, partitions: int | Sequence[int], numbers: np.ndarray | None = None) -> None:
        self.seed = seed
        self.partitions = partitions
        self.numbers = numbers

    def _numbers(self, rows: int) -> np.ndarray:
        sizes = self.partitions
        sizes = even_sizes(rows, sizes) if isinstance(sizes, int) else list(sizes)
        count = sum(sizes) if self.numbers is None else len(self.numbers)
        if count != rows:
            raise ValueError(f"partitions= has {count} rows, the data {rows}")
        return uniform(self.seed, sizes) if self.numbers is None else self.numbers


class RandomFolds(_Random):
    """The folds that `CrossValidator` cuts by ``rand(seed)``."""

    def __init__(self, folds: int, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.folds = folds

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return self.folds

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (train, test) row indices."""
        numbers = self._numbers(row_count(X))
        width = 1.0 / self.folds
        for fold in range(self.folds):
            # Bounds as Spark computes them: by multiplication, in doubles.
            tested = (numbers >= fold * width) & (numbers < (fold + 1) * width)
            yield np.flatnonzero(~tested), np.flatnonzero(tested)


class RandomSplit(_Random):
    """The one split of `TrainValidationSplit`."""

    def __init__(self, train_ratio: float, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.train_ratio = train_ratio

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return 1."""
        return 1

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (train, test) row indices."""
        tested = self._numbers(row_count(X)) >= self.train_ratio
        yield np.flatnonzero(~tested), np.flatnonzero(tested)


class ColumnFolds:
    """The folds that a column numbers: `CrossValidator` with ``foldCol``."""

    def __init__(self, folds: int, column: str) -> None:
        self.folds = folds
        self.column = column

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return self.folds

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (train, test) row indices.

        Raises
        ------
        ValueError
            When the column is missing, or numbers a fold that does not exist or has no rows, as Spark refuses it.
        """
        try:
            numbers = column_of(X, self.column)
        except RequestError as error:
            raise ValueError(f"foldCol: {error}") from None
        if len(numbers) and not (np.all(numbers >= 0) and np.all(numbers < self.folds)):
            raise ValueError(f"foldCol: column {self.column!r} has numbers that are not in [0, {self.folds})")
        for fold in range(self.folds):
            tested = numbers == fold
            if not tested.any() or tested.all():
                raise ValueError(f"foldCol: fold {fold} of column {self.column!r} has no rows to test, or to train on")
            yield np.flatnonzero(~tested), np.flatnonzero(tested)
