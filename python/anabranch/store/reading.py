"""Segments of all writers, mapped read-only and kept mapped."""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from time import monotonic

from anabranch.store.directory import segment_path
from anabranch.store.errors import ObjectLost, StoreError
from anabranch.store.regions import ALIGNMENT

_SWEEP_SECONDS = 1.0


class SegmentReader:
    """Maps each segment file whole, once. Not thread-safe: the store holds its lock around every call.

    Parameters
    ----------
    directory : str
        The store's directory.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._maps: dict[tuple[int, int], mmap.mmap] = {}
        self._swept = monotonic()

    def bytes(self, writer: int, sequence: int, segment: int, offset: int, length: int) -> memoryview:
        """Return the bytes of an object, read-only, in place.

        Raises
        ------
        ObjectLost
            When the segment is gone, or ends before the object does.
        StoreError
            When the reference is malformed.
        """
        if offset % ALIGNMENT or length == 0:
            raise StoreError(f"the reference to object {writer:x}.{sequence} is malformed: {length} bytes at {offset}")
        key = (writer, segment)
        end = offset + length
        mapping = self._maps.get(key)
        if mapping is None or end > len(mapping):
            mapping = self._map(key, sequence)
            size = len(mapping)
        else:
            size = self._size(key, len(mapping))
        if end > size:
            path = segment_path(self._directory, writer, segment)
            raise ObjectLost(writer, sequence, f"its segment {path} has {size} bytes, it ends at {end}")
        return memoryview(mapping)[offset : offset + length]

    def sweep(self, now: bool = False) -> None:
        """Unmap segments whose files are gone, so that their memory returns. At most once a second unless ``now``."""
        time = monotonic()
        if not now and time - self._swept < _SWEEP_SECONDS:
            return
        self._swept = time
        for (writer, segment), mapping in list(self._maps.items()):
            if not os.path.exists(segment_path(self._directory, writer, segment)):
                self._forget((writer, segment), mapping)

    def close(self) -> None:
        """Unmap what no view reads; the rest goes with the last view of it."""
        for key, mapping in list(self._maps.items()):
            self._forget(key, mapping)

    def _size(self, key: tuple[int, int], mapped: int) -> int:
        """Bytes of a mapped segment that may be read: to read past the end of one that was cut short is a SIGBUS."""
        try:
            return os.stat(segment_path(self._directory, *key), follow_symlinks=False).st_size
        except OSError:
            return mapped  # its name is gone, its bytes stay for as long as they are mapped

    def _map(self, key: tuple[int, int], sequence: int) -> mmap.mmap:
        self.sweep(now=True)
        writer, segment = key
        path = segment_path(self._directory, writer, segment)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError as error:
            raise ObjectLost(writer, sequence, f"its segment {path} is gone") from error
        except OSError as error:
            # The bytes may be there: too many open files, say.
            raise StoreError(f"object {writer:x}.{sequence} cannot be read: {path}: {error.strerror}") from error
        try:
            if os.fstat(descriptor).st_size == 0:
                raise ObjectLost(writer, sequence, f"its segment {path} is empty")
            mapping = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
        except OSError as error:
            raise StoreError(f"object {writer:x}.{sequence} cannot be read: {path}: {error.strerror}") from error
        finally:
            os.close(descriptor)
        self._maps[key] = mapping
        return mapping

    def _forget(self, key: tuple[int, int], mapping: mmap.mmap) -> None:
        del self._maps[key]
        with suppress(BufferError):  # views are alive: the last of them unmaps it
            mapping.close()
