"""What workers do with objects whose bytes travel in pieces: make room for one, fill it, read it.

Workers run these functions in calls of clients that do not see the store in which an object stands (`anabranch.afar`).
"""

from __future__ import annotations

import os

#: Bytes of one piece.
PIECE = 1 << 20


class Answer:
    """A call's value that the runtime stores in a way of its own."""

    __slots__ = ()


class Piece(Answer, bytes):
    """Part of an object's bytes. As a call's value it travels in its message, whatever its size."""

    __slots__ = ()


class Whole(Answer):
    """All bytes of an object as another process has encoded them: the call's value is that object.

    Parameters
    ----------
    data : bytes
    encoding : int
        One of the ``ENCODING_*`` numbers.
    """

    __slots__ = ("data", "encoding")

    def __init__(self, data: bytes, encoding: int) -> None:
        self.data = data
        self.encoding = encoding


class Room(Answer):
    """Room for an object: the call's value is the object, whose bytes come later.

    Nobody but the client knows it before it is whole, and the client tells nobody.

    Parameters
    ----------
    length : int
        Bytes.
    encoding : int
        One of the ``ENCODING_*`` numbers.
    """

    __slots__ = ("encoding", "length")

    def __init__(self, length: int, encoding: int) -> None:
        self.length = length
        self.encoding = encoding


def read_piece(writer: int, sequence: int, segment: int, offset: int, length: int) -> Piece:
    """Return bytes of a segment of this process's store; what a call runs where the object is."""
    from anabranch.store.store import open_stores

    return Piece(open_stores()[0].raw(writer, sequence, segment, offset, length))


def write_piece(writer: int, sequence: int, segment: int, offset: int, data: bytes) -> None:
    """Fill a part of the room that `Room` made, whichever process did: its segment outlives that one.

    A second attempt writes the same bytes to the same place. The object is a dependency of the call, so that its place
    is nobody else's before the last attempt has ended.

    Raises
    ------
    ObjectLost
        When the segment is gone, or shorter than that.
    """
    from anabranch.store import ObjectLost
    from anabranch.store.directory import segment_path
    from anabranch.store.store import open_stores

    path = segment_path(open_stores()[0].path, writer, segment)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise ObjectLost(writer, sequence, f"its segment {path} is gone") from None
    try:
        # To write behind the end would make the file longer, and not be counted by anybody.
        if os.fstat(file).st_size < offset + len(data):
            raise ObjectLost(writer, sequence, f"its segment {path} ends before it does")
        rest = memoryview(data)
        while rest:
            written = os.pwrite(file, rest, offset)
            offset, rest = offset + written, rest[written:]
    finally:
        os.close(file)
