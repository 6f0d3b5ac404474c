"""AND functions that put inputs side by side or below each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from anabranch.nodes.parameterized import Parameterized


class ColumnConcat(Parameterized):
    """All columns of all inputs side by side (a feature union); data frames keep their columns' names.

    A name that comes twice gets a number behind it. One sparse input makes the result sparse (CSR).
    """

    def __call__(self, inputs: Sequence[Any]) -> Any:
        """Return X of shape (n_samples, sum of the inputs' columns)."""
        return type(inputs[0])(hstack([item.X for item in inputs]))


class Stack(Parameterized):
    """Predictions as columns: the input of a final estimator. Of two columns of probabilities only the second is kept.

    Parameters
    ----------
    drop_first : bool
        False keeps both columns of binary probabilities.
    """

    def __init__(self, drop_first: bool = True) -> None:
        self.drop_first = drop_first

    def __call__(self, inputs: Sequence[Any]) -> Any:
        """Return X of shape (n_samples, n_columns)."""
        import numpy as np

        columns = []
        for item in inputs:
            block = np.asarray(item.X)
            block = block.reshape(-1, 1) if block.ndim == 1 else block
            binary = block.shape[1] == 2 and np.issubdtype(block.dtype, np.floating)
            columns.append(block[:, 1:] if self.drop_first and binary else block)
        return type(inputs[0])(np.hstack(columns))


class RowConcat(Parameterized):
    """All rows of all inputs below each other, with y, weights, groups and row ids; for ``over=("partition",)``."""

    def __call__(self, inputs: Sequence[Any]) -> Any:
        """Return one `Xy` of all rows, in the order of the inputs."""
        items = list(_flat(inputs))
        fields = ("y", "sample_weight", "groups", "row_ids")
        columns: dict[str, Any] = {}
        for field in fields:
            values = [getattr(item, field, None) for item in items]
            missing = sum(value is None for value in values)
            if missing not in (0, len(values)):
                raise ValueError(f"RowConcat: {missing} of {len(values)} inputs have no {field}")
            columns[field] = None if missing else vstack(values)
        return type(items[0])(vstack([item.X for item in items]), **columns)


class Collect(Parameterized):
    """The inputs' X as a list, for a function or an estimator that takes lists."""

    def __call__(self, inputs: Sequence[Any]) -> Any:
        """Return an `Xy` whose X is the list of the inputs' X."""
        items = list(_flat(inputs))
        return type(items[0])([item.X for item in items])


def hstack(blocks: Sequence[Any]) -> Any:
    """Return blocks of equal length side by side, in the kind that the first data frame or sparse matrix has."""
    import numpy as np

    kinds = {_kind(block) for block in blocks}
    if "sparse" in kinds:
        from scipy import sparse

        return sparse.hstack(
            [block if _kind(block) == "sparse" else _two_dimensional(block) for block in blocks]
        ).tocsr()
    if kinds == {"pandas"}:
        import pandas as pd

        frames = [block.to_frame() if block.ndim == 1 else block for block in blocks]
        index = frames[0].index
        joined = pd.concat([frame.set_axis(index, axis=0) for frame in frames], axis=1)
        return joined.set_axis(_distinct(joined.columns), axis=1)
    if kinds == {"polars"}:
        import polars as pl

        frames = [block.to_frame() if isinstance(block, pl.Series) else block for block in blocks]
        names = iter(_distinct(name for frame in frames for name in frame.columns))
        renamed = [frame.rename({name: next(names) for name in frame.columns}) for frame in frames]
        return pl.concat(renamed, how="horizontal")
    return np.hstack([_two_dimensional(block) for block in blocks])


def vstack(blocks: Sequence[Any]) -> Any:
    """Return blocks below each other; data frames stay data frames, sparse matrices CSR."""
    import numpy as np

    kinds = {_kind(block) for block in blocks}
    if "sparse" in kinds:
        from scipy import sparse

        return sparse.vstack(blocks).tocsr()
    if kinds == {"pandas"}:
        import pandas as pd

        return pd.concat(list(blocks), axis=0)
    if kinds == {"polars"}:
        import polars as pl

        return pl.concat(list(blocks))
    return np.concatenate([np.asarray(block) for block in blocks])


def _kind(block: Any) -> str:
    module = type(block).__module__.partition(".")[0]
    if module in ("pandas", "polars"):
        return module
    return "sparse" if module == "scipy" else "array"


def _two_dimensional(block: Any) -> Any:
    import numpy as np

    array = np.asarray(block)
    return array.reshape(-1, 1) if array.ndim == 1 else array


def _distinct(names: Iterable[Any]) -> list[Any]:
    seen: dict[Any, int] = {}
    distinct = []
    for name in names:
        count = seen.get(name, 0)
        seen[name] = count + 1
        distinct.append(f"{name}_{count}" if count else name)
    return distinct


def _flat(inputs: Sequence[Any]) -> Iterable[Any]:
    for item in inputs:
        if isinstance(item, (list, tuple)):
            yield from item
        else:
            yield item
