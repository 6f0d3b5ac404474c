"""Objects of a store that this process does not see, read by calls that run where they are."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from anabranch.afar.showing import Showing
from anabranch.afar.transfers import WINDOW, Interrupted, Transfers
from anabranch.pieces import PIECE, read_piece
from anabranch.store.errors import ObjectLost
from anabranch.v1 import common_pb2

if TYPE_CHECKING:
    from anabranch.client import Client


def download(client: Client, transfers: Transfers, message: common_pb2.ObjectRef) -> bytearray:
    """Return an object's bytes.

    Pieces are asked for a few at a time, so that neither this process nor a lane has more than those in messages.

    Raises
    ------
    ObjectLost
        When the bytes are gone there, too.
    ConnectionFailed, TaskError
        As of `Transfer.answer`.
    """
    whole = bytearray(message.length)
    starts = iter(range(0, message.length, PIECE))
    asked: dict[int, int] = {}
    with transfers.begin() as transfer, Showing(client, "fetching", message.length) as showing:
        transfer.on_wait = showing.wait

        def ask(count: int) -> None:
            for start in itertools.islice(starts, count):
                place = (message.writer, message.sequence, message.segment, message.offset + start)
                number = transfer.call(read_piece, *place, min(PIECE, message.length - start), needs=message)
                asked[number] = start

        ask(WINDOW)
        done = 0
        while asked:
            try:
                result, _ = transfer.answer()
            except Interrupted as error:
                raise ObjectLost(message.writer, message.sequence, str(error)) from error
            piece = transfers.value(result)
            start = asked.pop(result.call)
            whole[start : start + len(piece)] = piece
            done += len(piece)
            showing.advance(done)
            ask(1)
    return whole
