"""Polars frames whose buffers stand beside the pickle, where polars' own pickle is bytes, which reading copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Below this the detour costs more than the copy.
_SMALLEST_FRAME = 4096


def reduce_frame(frame: Any) -> tuple[Callable[..., Any], tuple[Any, ...]] | None:
    """Reduce a frame to its Arrow buffers.

    Returns
    -------
    tuple or None
        None for what is small, does not come back the same from Arrow (categories, nested and other types), or is a
        slice, whose buffers are those of the whole.
    """
    import polars as pl

    size = frame.estimated_size()
    if size < _SMALLEST_FRAME or not all(map(_is_faithful, frame.dtypes)):
        return None
    try:
        table = frame.to_arrow(compat_level=pl.CompatLevel.newest())
    except (AttributeError, TypeError, ImportError):
        return None  # a polars without these views, or no pyarrow
    return (restore_frame, (table,)) if table.get_total_buffer_size() <= 2 * size else None


def restore_frame(table: Any) -> Any:
    """Return the frame of an Arrow table, whose buffers it reads in place."""
    import polars as pl

    return pl.from_arrow(table, rechunk=False)


def _is_faithful(dtype: Any) -> bool:
    import polars as pl

    if dtype.is_numeric():
        return dtype != pl.Decimal
    return dtype in (pl.Boolean, pl.String, pl.Binary, pl.Date, pl.Time, pl.Datetime, pl.Duration)
