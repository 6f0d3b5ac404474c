"""AND functions that do what scikit-learn's composites do with their parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anabranch.nodes import ColumnConcat


class ArrayConcat(ColumnConcat):
    """Columns side by side as a `FeatureUnion` or a `ColumnTransformer` puts them: always an array or sparse (CSR).

    Parameters
    ----------
    sparse_threshold : float, optional
        As of `ColumnTransformer`: with a sparse part, the result is sparse where its density is below this. None: with
        a sparse part it is sparse.
    """

    def __init__(self, sparse_threshold: float | None = None) -> None:
        self.sparse_threshold = sparse_threshold

    def __call__(self, inputs: Sequence[Any]) -> Any:
        """Return X of shape (n_samples, sum of the inputs' columns)."""
        import numpy as np
        from scipy import sparse

        blocks = [item.X for item in inputs]
        if not any(map(sparse.issparse, blocks)):
            return type(inputs[0])(np.hstack(blocks))
        if self.sparse_threshold is not None:
            stored = sum(block.nnz if sparse.issparse(block) else np.size(block) for block in blocks)
            cells = sum(int(np.prod(block.shape)) for block in blocks)
            if cells and stored / cells >= self.sparse_threshold:
                dense = [block.toarray() if sparse.issparse(block) else block for block in blocks]
                return type(inputs[0])(np.hstack(dense))
        return type(inputs[0])(sparse.hstack(blocks).tocsr())
