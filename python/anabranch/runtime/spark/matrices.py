"""Matrices of which several processes have written pieces."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from anabranch.runtime.errors import TaskRefused
from anabranch.store import Store
from anabranch.store.arrow import PIECES_HEADER
from anabranch.store.growing import GrowingObject
from anabranch.store.tensor import tensor_header

#: Bytes that a copy moves at a time, by so many threads.
_STEP = 4 << 20
_THREADS = 2


def in_sequence(pieces: Sequence[Any], width: int) -> bool:
    """Whether the pieces stand behind each other, from the first place on.

    Raises
    ------
    TaskRefused
        When rows differ in length.
    """
    expected, follow = PIECES_HEADER, True
    for piece in pieces:
        if piece.length != width:
            raise TaskRefused(f"rows have {width} numbers, and some have {piece.length}")
        follow = follow and piece.offset == expected
        expected += piece.rows * width * 8
    return follow


def gathered(store: Store, path: str, pieces: Sequence[Any], width: int, rows: int | None, kept: Any) -> GrowingObject:
    """Return an object with the rows of pieces in their order; it has yet to be sealed.

    Parameters
    ----------
    store : Store
    path : str
        The file with the pieces.
    pieces : sequence
    width : int
    rows, kept : int and ndarray of int64, optional
        Of how many rows there are places in the file, and which of them are taken.
    """
    count = len(kept) if kept is not None else sum(piece.rows for piece in pieces)
    whole = GrowingObject(store, PIECES_HEADER)
    try:
        start = whole.take(count * width * 8, 8)
        raw = np.memmap(path, np.uint8, "r")
        with open(whole.path, "r+b", buffering=0) as file:
            if kept is not None:
                base = pieces[0].offset
                placed = raw[base : base + (rows or 0) * width * 8].view(np.float64).reshape(rows or 0, width)
                step = max(1, _STEP // max(1, width * 8))
                for first in range(0, count, step):
                    _write(file.fileno(), placed[kept[first : first + step]], start + first * width * 8)
            else:
                with ThreadPoolExecutor(_THREADS) as pool:
                    moves = _moves(pieces, width, start)
                    list(pool.map(lambda move: _write(file.fileno(), raw[move[0] : move[1]], move[2]), moves))
    except BaseException:
        whole.abandon()
        raise
    return whole


def _moves(pieces: Sequence[Any], width: int, target: int) -> Iterator[tuple[int, int, int]]:
    for piece in pieces:
        length = piece.rows * width * 8
        for first in range(0, length, _STEP):
            size = min(_STEP, length - first)
            yield piece.offset + first, piece.offset + first + size, target + first
        target += length


def _write(descriptor: int, block: Any, offset: int) -> None:
    rest = memoryview(block).cast("B") if block.size else memoryview(b"")
    while len(rest):
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def empty(width: int, flat: bool) -> Any:
    """Return a matrix without rows."""
    return np.empty(0) if flat else np.empty((0, width))


def matrix_header(rows: int, width: int, flat: bool) -> bytes:
    """Return what stands before the numbers."""
    return tensor_header("<f8", (rows,) if flat else (rows, width))
