"""The ``tensor`` layout: one dense array that Swift and Python read in place."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

from anabranch.store.errors import StoreError
from anabranch.store.regions import aligned

if TYPE_CHECKING:
    import numpy as np

MAGIC = b"ABTN"
VERSION = 1
MAXIMUM_DIMENSIONS = 32
DTYPES = {
    "|b1": 1,
    "|i1": 2,
    "<i2": 3,
    "<i4": 4,
    "<i8": 5,
    "|u1": 6,
    "<u2": 7,
    "<u4": 8,
    "<u8": 9,
    "<f4": 10,
    "<f8": 11,
}
_DTYPE_OF_CODE = {code: dtype for dtype, code in DTYPES.items()}
_FIXED = struct.Struct("<4sBBBB")
# Bytes of a strided array that are compacted at a time when it is sent.
_SLAB = 1 << 20


class TensorPayload:
    """An array to be written: its length in the store is known before any byte is copied."""

    __slots__ = ("_array", "_header", "length")

    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        fortran = _is_fortran(array)
        self._header = tensor_header(array.dtype.str, array.shape, fortran)
        self.length = len(self._header) + array.nbytes

    def write(self, target: memoryview) -> None:
        """Fill ``target``, which is ``length`` bytes long."""
        import numpy as np

        start = len(self._header)
        target[:start] = self._header
        if self._array.size:
            order = "F" if self._header[6] else "C"
            copy = np.ndarray(self._array.shape, self._array.dtype, buffer=target, offset=start, order=order)
            np.copyto(copy, self._array)

    def send(self, sink: Any) -> None:
        """Hand all bytes to ``sink.write`` in order; of a strided array a few are compacted at a time."""
        import numpy as np

        sink.write(self._header)
        array = self._array.T if self._header[6] else self._array
        if not array.size:
            return
        if array.flags.c_contiguous:
            sink.write(memoryview(array.reshape(-1).view(np.uint8)))
            return
        rows = max(1, _SLAB * len(array) // array.nbytes)
        for start in range(0, len(array), rows):
            sink.write(memoryview(np.ascontiguousarray(array[start : start + rows]).reshape(-1).view(np.uint8)))


def tensor_header(dtype: str, shape: tuple[int, ...], fortran: bool = False) -> bytes:
    """Return what stands before the numbers of an array."""
    header = _FIXED.pack(MAGIC, VERSION, DTYPES[dtype], fortran, len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
    return header.ljust(aligned(len(header)), b"\0")


def read_tensor(root: np.ndarray | bytes) -> np.ndarray:
    """View an object's bytes as the array that they hold; read-only where ``root`` is.

    Raises
    ------
    StoreError
        When the header is malformed or says more than the bytes hold.
    """
    import numpy as np

    size = len(root)
    if size < 64:
        raise StoreError(f"not a tensor: {size} bytes are too few for a header")
    magic, version, code, fortran, dimensions = _FIXED.unpack_from(root)
    if magic != MAGIC or version != VERSION:
        raise StoreError(f"not a tensor of version {VERSION}: it begins with {bytes(root[:5])!r}")
    if code not in _DTYPE_OF_CODE or fortran > 1 or dimensions > MAXIMUM_DIMENSIONS:
        raise StoreError(f"malformed tensor header: dtype {code}, order {fortran}, {dimensions} dimensions")
    start = aligned(_FIXED.size + 8 * dimensions)
    if start > size:
        raise StoreError(f"malformed tensor: {size} bytes are too few for a header of {dimensions} dimensions")
    shape = struct.unpack_from(f"<{dimensions}Q", root, _FIXED.size)
    dtype = np.dtype(_DTYPE_OF_CODE[code])
    # NumPy multiplies the lengths that are not 0 and refuses what overflows; so do we, for a zero-length array too.
    extent = math.prod(length for length in shape if length) * dtype.itemsize
    if extent >= 1 << 63 or start + math.prod(shape) * dtype.itemsize != size:
        raise StoreError(f"malformed tensor: shape {shape} of {dtype} is not what its {size} bytes hold")
    return np.ndarray(shape, dtype, buffer=root, offset=start, order="F" if fortran else "C")


def _is_fortran(array: np.ndarray) -> bool:
    if array.flags.c_contiguous:
        return False
    if array.flags.f_contiguous:
        return True
    # A strided view is compacted to the nearer of the two, which is what compiled estimators see of its like.
    return array.ndim > 1 and abs(array.strides[0]) < abs(array.strides[-1])
