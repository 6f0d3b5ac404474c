"""The random numbers of Spark's ``rand(seed)``, without Spark: folds are cut where the rows' bytes are not needed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

_MASK = (1 << 64) - 1
#: The seed of Scala's `MurmurHash3.bytesHash`.
_ARRAY_SEED = 0x3C074A61


def uniform(seed: int, sizes: Sequence[int]) -> np.ndarray:
    """Return what Spark's ``rand(seed)`` gives the rows of a DataFrame.

    Parameters
    ----------
    seed : int
    sizes : sequence of int
        Rows of each of its partitions: each has a generator of its own, seeded by the partition's number.

    Returns
    -------
    array, shape (sum(sizes),)
        Numbers in [0, 1), rows of the first partition first.
    """
    parts = [_doubles(seed + index, size) for index, size in enumerate(sizes)]
    return np.concatenate(parts) if parts else np.empty(0)


def even_sizes(rows: int, partitions: int) -> list[int]:
    """Return the sizes of the partitions into which Spark parallelizes so many local rows."""
    ends = [index * rows // partitions for index in range(partitions + 1)]
    return [end - begin for begin, end in itertools.pairwise(ends)]


def _doubles(seed: int, count: int) -> np.ndarray:
    states = _states(_hashed_seed(seed), 2 * count)
    # Java's nextDouble: 26 bits of one draw above 27 bits of the next.
    high = states[0::2] & np.uint64((1 << 26) - 1)
    low = states[1::2] & np.uint64((1 << 27) - 1)
    return ((high << np.uint64(27)) + low).astype(np.float64) * 2.0**-53


def _states(state: int, count: int) -> np.ndarray:
    """Return the states that follow one, as uint64.

    A step is linear over bits, so that what many steps do to any state is known from what they do to each bit: states
    known so far are all advanced together by their number.
    """
    states = np.empty(max(count, 1), dtype=np.uint64)
    states[0] = _step(state)
    # What a step makes of each bit alone, then what `known` steps do.
    columns = np.array([_step(1 << bit) for bit in range(64)], dtype=np.uint64)
    known = 1
    while known < count:
        tables = _tables(columns)
        fresh = min(known, count - known)
        states[known : known + fresh] = _advanced(tables, states[:fresh])
        columns = _advanced(tables, columns)
        known += fresh
    return states[:count]


def _step(state: int) -> int:
    state ^= (state << 21) & _MASK
    state ^= state >> 35
    return state ^ ((state << 4) & _MASK)


def _tables(columns: np.ndarray) -> np.ndarray:
    """Return, for each byte of a state and each of its values, what it contributes: shape (8, 256)."""
    tables = np.zeros((8, 256), dtype=np.uint64)
    for byte in range(8):
        for bit in range(8):
            size = 1 << bit
            tables[byte, size : 2 * size] = tables[byte, :size] ^ columns[8 * byte + bit]
    return tables


def _advanced(tables: np.ndarray, states: np.ndarray) -> np.ndarray:
    result = tables[0][states & np.uint64(255)]
    for byte in range(1, 8):
        result ^= tables[byte][(states >> np.uint64(8 * byte)) & np.uint64(255)]
    return result


def _hashed_seed(seed: int) -> int:
    """Return the state that Spark's `XORShiftRandom` makes of a seed."""
    content = (seed & _MASK).to_bytes(8, "big")
    low = _murmur3(content, _ARRAY_SEED)
    high = _murmur3(content, low)
    return high << 32 | low


def _murmur3(content: bytes, seed: int) -> int:
    """Return Scala's `MurmurHash3.bytesHash` of whole words, as an unsigned 32-bit number."""

    def rotated(value: int, by: int) -> int:
        return (value << by | value >> (32 - by)) & 0xFFFFFFFF

    found = seed
    for at in range(0, len(content), 4):
        word = int.from_bytes(content[at : at + 4], "little") * 0xCC9E2D51 & 0xFFFFFFFF
        found ^= rotated(word, 15) * 0x1B873593 & 0xFFFFFFFF
        found = (rotated(found, 13) * 5 + 0xE6546B64) & 0xFFFFFFFF
    found ^= len(content)
    found = (found ^ found >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    found = (found ^ found >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return found ^ found >> 16
