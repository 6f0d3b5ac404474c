"""Names and locks of a store's directory; see ``docs/protocol.md``."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from anabranch.store.errors import StoreError, StoreFull


def segment_path(directory: str, writer: int, number: int) -> str:
    """Path of the segment file ``number`` of ``writer``."""
    return f"{directory}/seg-{writer:016x}-{number}"


def writer_lock_path(directory: str, writer: int) -> str:
    """Path of the file that ``writer`` holds locked for as long as it lives."""
    return f"{directory}/writer-{writer:016x}.lock"


def take_writer_lock(directory: str, writer: int) -> int:
    """Create and lock the file of ``writer``; the descriptor that holds the lock."""
    path = writer_lock_path(directory, writer)
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"cannot write to the store {directory}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise StoreError(f"another process writes as {writer:016x} in the store {directory}") from error
    return lock


def used_bytes(directory: str) -> int:
    """Sum of the sizes of all segment files of a store."""
    total = 0
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith("seg-"):
                try:
                    total += entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue
    return total


def writer_count(directory: str) -> int:
    """Count the writers that have not left in order; at least 1."""
    names = os.listdir(directory)
    return max(1, sum(name.startswith("writer-") for name in names))


def create_segment(directory: str, writer: int, number: int, size: int, budget: int) -> int:
    """Create a segment file whose ``size`` bytes are reserved; its descriptor.

    Raises
    ------
    StoreFull
        When the budget (bytes; 0: none) or the file system has no room. Nothing is left behind.
    """
    path = segment_path(directory, writer, number)
    try:
        with _budget_lock(directory):
            if budget:
                used = used_bytes(directory)
                if used + size > budget:
                    raise _full(directory, size, used, budget)
            segment = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            # Counted by the others from here on; the slow part, getting the pages, needs no lock.
            os.ftruncate(segment, size)
    except OSError as error:
        raise StoreError(f"cannot create a segment in the store {directory}: {error.strerror}") from error
    try:
        os.posix_fallocate(segment, 0, size)
    except OSError as error:
        os.close(segment)
        os.unlink(path)
        if error.errno not in (errno.ENOSPC, errno.ENOMEM, errno.EDQUOT):
            raise StoreError(f"cannot reserve {readable(size)} in the store {directory}: {error.strerror}") from error
        raise _no_room(directory, size) from error
    except BaseException:
        os.close(segment)
        os.unlink(path)
        raise
    return segment


def extend_segment(directory: str, writer: int, number: int, size: int, budget: int) -> None:
    """Let a segment file of this process have ``size`` bytes, reserved as `create_segment` does.

    Raises
    ------
    StoreFull
        When there is no room; the file is as it was.
    """
    path = segment_path(directory, writer, number)
    segment = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        with _budget_lock(directory):
            before = os.fstat(segment).st_size
            used = used_bytes(directory)
            if budget and used + size - before > budget:
                raise _full(directory, size - before, used, budget)
            os.ftruncate(segment, size)
        try:
            os.posix_fallocate(segment, before, size - before)
        except OSError as error:
            os.ftruncate(segment, before)
            if error.errno not in (errno.ENOSPC, errno.ENOMEM, errno.EDQUOT):
                raise StoreError(
                    f"cannot reserve {readable(size)} in the store {directory}: {error.strerror}"
                ) from error
            raise _no_room(directory, size - before) from error
    finally:
        os.close(segment)


def _full(directory: str, wanted: int, used: int, budget: int) -> StoreFull:
    return StoreFull(
        f"the object store is full: {readable(wanted)} more are wanted, {readable(used)} of the budget "
        f"of {readable(budget)} are in use in {directory}; release results, or raise --store-budget "
        "(ANABRANCH_STORE_BUDGET)"
    )


def _no_room(directory: str, wanted: int) -> StoreFull:
    system = os.statvfs(directory)
    return StoreFull(
        f"the file system of the store {directory} has no room for {readable(wanted)}: "
        f"{readable(system.f_bavail * system.f_frsize)} of {readable(system.f_blocks * system.f_frsize)} are free; "
        "release results, or make it larger (docker run --shm-size, mount -o remount,size=)"
    )


@contextmanager
def _budget_lock(directory: str) -> Iterator[None]:
    lock = os.open(f"{directory}/budget.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def readable(count: int) -> str:
    """``count`` bytes for a message: ``640 bytes``, ``1.5 MiB``."""
    if count < 1024:
        return f"{count} bytes"
    amount = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        amount /= 1024
        if amount < 1024:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1024:.1f} TiB"
