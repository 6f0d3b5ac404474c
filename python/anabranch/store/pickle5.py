"""The ``pickle5`` layout: a pickle of protocol 5 with its out-of-band buffers beside it."""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from anabranch.store.errors import StoreError
from anabranch.store.regions import ALIGNMENT

MAGIC = b"ABP5"
_FIXED = struct.Struct("<4sIQ")  # magic, count of buffers, length of the pickle
_ENTRY = struct.Struct("<QQ")  # offset (multiple of 64) and length of a buffer
#: Bytes before the pickle of an object without buffers.
PICKLE_HEADER = _FIXED.size
_NO_BUFFERS = MAGIC + bytes(4)
# Below this a buffer stands within the pickle: the padding beside it would cost more than copying it.
SMALLEST_BUFFER = 256
_ATOMS = frozenset((type(None), bool, int, float, str, bytes, complex))
_MOST_ATOMS = 64

#: Gets the top-level modules that pickles name; None where nobody asks.
named_modules: ContextVar[set[str] | None] = ContextVar("anabranch_named_modules", default=None)

PersistentId = Callable[[Any], Any]


class PicklePayload:
    """A pickled value to be written.

    Parameters
    ----------
    value : object
        What to pickle.
    persistent_id : callable, optional
        As of ``pickle.Pickler.persistent_id``.
    """

    __slots__ = ("_buffers", "_head", "_stream", "length")

    def __init__(self, value: Any, persistent_id: PersistentId | None = None) -> None:
        self._buffers: list[memoryview] = []
        if persistent_id is None and _is_plain(value):
            self._stream = pickle.dumps(value, 5)
        else:
            self._stream = _dumps(value, self._buffers, persistent_id)
        count = len(self._buffers)
        self._head = _FIXED.pack(MAGIC, count, len(self._stream))
        self.length = _FIXED.size + _ENTRY.size * count + len(self._stream)
        for buffer in self._buffers:
            start = _up(self.length)
            self._head += _ENTRY.pack(start, buffer.nbytes)
            self.length = start + buffer.nbytes

    def tobytes(self) -> bytes:
        """Return the object's bytes, for a reference that carries them itself."""
        if not self._buffers:
            return self._head + self._stream
        target = bytearray(self.length)
        self.write(memoryview(target))
        return bytes(target)

    def write(self, target: memoryview) -> None:
        """Fill ``target``, which is ``length`` bytes long."""
        end = len(self._head) + len(self._stream)
        target[: len(self._head)] = self._head
        target[len(self._head) : end] = self._stream
        for buffer in self._buffers:
            start = _up(end)
            target[end:start] = bytes(start - end)
            end = start + buffer.nbytes
            target[start:end] = buffer

    def send(self, sink: Any) -> None:
        """Hand all bytes to ``sink.write``, in order."""
        sink.write(self._head)
        sink.write(self._stream)
        end = len(self._head) + len(self._stream)
        for buffer in self._buffers:
            start = _up(end)
            sink.write(bytes(start - end))
            sink.write(buffer)
            end = start + buffer.nbytes


def atoms_to_bytes(value: Any) -> bytes:
    """Return the object's bytes of a value that is, or is a container of, atoms: no buffers, nothing to look up."""
    stream = pickle.dumps(value, 5)
    return _NO_BUFFERS + len(stream).to_bytes(8, "little") + stream


class PickleReader:
    """An object's pickle and its buffers, checked and not yet loaded.

    Parameters
    ----------
    data : memoryview or bytes
        The object's bytes.

    Raises
    ------
    StoreError
        When the header is malformed or points out of the object.
    """

    __slots__ = ("_data", "_table", "stream_length")

    def __init__(self, data: Any) -> None:
        size = len(data)
        if size < _FIXED.size:
            raise StoreError(f"not a pickled object: {size} bytes are too few for a header")
        magic, count, self.stream_length = _FIXED.unpack_from(data)
        if magic != MAGIC:
            raise StoreError(f"not a pickled object: it begins with {bytes(data[:4])!r}")
        start = _FIXED.size + _ENTRY.size * count
        end = start + self.stream_length
        if end > size:
            raise StoreError(f"malformed pickled object: header and pickle end at {end} of {size} bytes")
        self._data = data
        self._table = [_ENTRY.unpack_from(data, _FIXED.size + _ENTRY.size * i) for i in range(count)]
        for offset, length in self._table:
            if offset < end or offset % ALIGNMENT or offset + length > size:
                raise StoreError(f"malformed pickled object: a buffer of {length} bytes at {offset} of {size}")
            end = offset + length

    @property
    def has_buffers(self) -> bool:
        """Whether what is loaded may read the object's bytes in place."""
        return bool(self._table)

    def load(self, data: Any, persistent_load: Callable[[Any], Any] | None = None) -> Any:
        """Unpickle; buffers are slices of ``data``, the same bytes as a memoryview that keeps them alive."""
        start = _FIXED.size + _ENTRY.size * len(self._table)
        stream = data[start : start + self.stream_length]
        buffers = [data[offset : offset + length] for offset, length in self._table]
        if persistent_load is None:
            return pickle.loads(stream, buffers=buffers)
        return _PersistentUnpickler(stream, buffers, persistent_load).load()


class _PersistentUnpickler(pickle.Unpickler):
    def __init__(self, stream: Any, buffers: list[Any], persistent_load: Callable[[Any], Any]) -> None:
        super().__init__(io.BytesIO(stream), buffers=buffers)
        self._load = persistent_load

    def persistent_load(self, identifier: Any) -> Any:
        return self._load(identifier)


def is_bare(data: bytes) -> bool:
    """Whether an object's bytes are a header and a pickle, without buffers."""
    return data[:8] == _NO_BUFFERS and len(data) - _FIXED.size == int.from_bytes(data[8:16], "little")


def load_bare(data: bytes, persistent_load: Callable[[Any], Any] | None = None) -> Any:
    """Return the value of an object that `is_bare`."""
    stream = data[PICKLE_HEADER:]
    # A persistent id is the last of two opcodes: a pickle without these bytes names no reference.
    if persistent_load is None or not (b"Q" in stream or b"P" in stream):
        return pickle.loads(stream)
    return _PersistentUnpickler(stream, [], persistent_load).load()


def is_small_atom(value: Any) -> bool:
    """Whether a value is an atom whose object is smaller than a buffer that would stand by itself."""
    kind = type(value)
    if kind is str or kind is bytes:
        return len(value) * 4 < SMALLEST_BUFFER // 2
    return kind in _ATOMS and (kind is not int or value.bit_length() < SMALLEST_BUFFER)


def restore_view(array: Any, dtype: str) -> Any:
    """``array`` as an array of ``dtype``: how arrays of dates, which have no buffers of their own, are unpickled."""
    return array.view(dtype)


def _up(offset: int) -> int:
    return (offset + ALIGNMENT - 1) & -ALIGNMENT


def _is_plain(value: Any) -> bool:
    """Whether plain pickle is as good as cloudpickle: atoms, and small containers of nothing else."""
    if type(value) in _ATOMS:
        return True
    left = _MOST_ATOMS
    waiting = [value]
    while waiting:
        item = waiting.pop()
        kind = type(item)
        if kind in _ATOMS:
            continue
        if kind is dict:
            left -= 2 * len(item)
            if left < 0:
                return False
            waiting.extend(item.keys())
            waiting.extend(item.values())
        elif kind is tuple or kind is list:
            left -= len(item) + 1
            if left < 0:
                return False
            waiting.extend(item)
        else:
            return False
    return True


def _dumps(value: Any, buffers: list[memoryview], persistent_id: PersistentId | None) -> bytes:
    from anabranch.store.pickler import Pickler, ReferencePickler

    def keep(buffer: pickle.PickleBuffer) -> bool:
        try:
            raw = buffer.raw()
        except BufferError:
            return True  # not contiguous: within the pickle
        if raw.nbytes < SMALLEST_BUFFER:
            return True
        buffers.append(raw)
        return False

    stream = io.BytesIO()
    if persistent_id is None:
        pickler = Pickler(stream, protocol=5, buffer_callback=keep)
    else:
        pickler = ReferencePickler(stream, keep, persistent_id)
    pickler.named = named_modules.get()
    pickler.dump(value)
    return stream.getvalue()
