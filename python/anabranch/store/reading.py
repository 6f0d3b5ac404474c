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
        mapping = self._maps.get(key)
        if mapping is None or offset + length > len(mapping):
            mapping = self._map(key, sequence)
            if offset + length > len(mapping):
                raise ObjectLost(
                    f"object {writer:x}.{sequence} is lost: segment {segment} has {len(mapping)} bytes, "
                    f"the object ends at {offset + length}"
                )
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

    def _map(self, key: tuple[int, int], sequence: int) -> mmap.mmap:
        self.sweep(now=True)
        writer, segment = key
        path = segment_path(self._directory, writer, segment)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            raise ObjectLost(
                f"object {writer:x}.{sequence} is lost: its segment {path} cannot be opened ({error.strerror})"
            ) from error
        try:
            mapping = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
        except (OSError, ValueError) as error:
            raise ObjectLost(f"object {writer:x}.{sequence} is lost: {path} cannot be mapped ({error})") from error
        finally:
            os.close(descriptor)
        self._maps[key] = mapping
        return mapping

    def _forget(self, key: tuple[int, int], mapping: mmap.mmap) -> None:
        del self._maps[key]
        with suppress(BufferError):  # views are alive: the last of them unmaps it
            mapping.close()
