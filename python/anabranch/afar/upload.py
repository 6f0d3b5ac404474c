"""Objects that a client writes into a store which it does not see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from anabranch.afar.showing import Showing
from anabranch.afar.transfers import WINDOW, Interrupted, Transfer, Transfers
from anabranch.pieces import PIECE, Room, Whole, write_piece
from anabranch.references import Ref
from anabranch.store.errors import StoreError
from anabranch.v1 import common_pb2

if TYPE_CHECKING:
    from anabranch.client import Client

#: How often an object is begun anew when what was there of it is gone.
ATTEMPTS = 3


class Payload(Protocol):
    """A value to be written: its bytes are made as they leave."""

    length: int

    def send(self, sink: Any) -> None:
        """Hand all bytes to ``sink.write``, in order."""


def upload(client: Client, transfers: Transfers, payload: Payload, encoding: int) -> Ref:
    """Have workers write an object, and return its reference: this client holds it.

    One small enough goes in one call. For a larger one a worker makes room in its segments, and whichever workers
    have a slot fill that, piece by piece: neither this process nor the coordinator has more than a few pieces in
    messages.

    Raises
    ------
    StoreFull
        When the cluster's store has no room.
    StoreError
        When it was lost on the way, each time.
    ConnectionFailed, TaskError
        As of `Transfer.answer`.
    """
    for left in reversed(range(ATTEMPTS)):
        try:
            if payload.length <= PIECE:
                return _in_one(transfers, payload, encoding)
            return _in_pieces(client, transfers, payload, encoding)
        except Interrupted as error:
            if not left:
                raise StoreError(
                    f"an object of {payload.length} bytes was lost {ATTEMPTS} times while it was sent: {error}"
                ) from error
    raise AssertionError


def _in_one(transfers: Transfers, payload: Payload, encoding: int) -> Ref:
    data = bytearray()
    payload.send(_Collector(data))
    with transfers.begin() as transfer:
        transfer.call(Whole, bytes(data), encoding)
        _, ref = transfer.answer()
    assert ref is not None
    return ref


def _in_pieces(client: Client, transfers: Transfers, payload: Payload, encoding: int) -> Ref:
    with transfers.begin() as transfer, Showing(client, "sending", payload.length) as showing:
        transfer.on_wait = showing.wait
        transfer.call(Room, payload.length, encoding)
        _, ref = transfer.answer()
        assert ref is not None
        sink = _Sink(transfer, ref.message, showing)
        payload.send(sink)
        sink.finish()
    return ref


class _Collector:
    def __init__(self, data: bytearray) -> None:
        self._data = data

    def write(self, data: Any) -> int:
        self._data += data
        return len(data)


class _Sink:
    """Cuts what is written into pieces, and waits while too many of them are under way."""

    def __init__(self, transfer: Transfer, room: common_pb2.ObjectRef, showing: Showing) -> None:
        self._transfer = transfer
        self._room = room
        self._showing = showing
        self._buffer = bytearray()
        self._position = 0
        self._under_way = 0

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        count = len(rest)
        while rest:
            if not self._buffer and len(rest) >= PIECE:
                self._send(bytes(rest[:PIECE]))
                rest = rest[PIECE:]
                continue
            taken = PIECE - len(self._buffer)
            self._buffer += rest[:taken]
            rest = rest[taken:]
            if len(self._buffer) == PIECE:
                self._empty()
        return count

    def finish(self) -> None:
        """Send the last piece, and wait until all are where they belong."""
        if self._buffer:
            self._empty()
        while self._under_way:
            self._settle()
        if self._position != self._room.length:
            raise StoreError(f"an object of {self._room.length} bytes had {self._position} when it was written")

    def _empty(self) -> None:
        data = bytes(self._buffer)
        self._buffer.clear()
        self._send(data)

    def _send(self, data: bytes) -> None:
        while self._under_way >= WINDOW:
            self._settle()
        room = self._room
        place = (room.writer, room.sequence, room.segment, room.offset + self._position)
        self._transfer.call(write_piece, *place, data, needs=room)
        self._position += len(data)
        self._under_way += 1

    def _settle(self) -> None:
        self._transfer.answer()
        self._under_way -= 1
        self._showing.advance(max(0, self._position - self._under_way * PIECE))
