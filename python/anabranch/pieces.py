"""Objects that stand in the store of another host, read by calls that run there."""

from __future__ import annotations

import itertools
import queue
import time
from typing import TYPE_CHECKING, Any

from anabranch.errors import ConnectionFailed, TaskError
from anabranch.store.pickle5 import atoms_to_bytes
from anabranch.v1 import common_pb2, control_pb2, task_pb2

if TYPE_CHECKING:
    from anabranch.client import Client

#: Bytes of one piece.
PIECE = 1 << 20
#: Pieces that are asked for before the first of them has come.
WINDOW = 8
#: Seconds without any piece after which nobody there is thought to answer.
PATIENCE = 60.0


class Piece(bytes):
    """Part of an object's bytes. As a call's value it travels in its message, whatever its size."""

    __slots__ = ()


def read_piece(writer: int, sequence: int, segment: int, offset: int, length: int) -> Piece:
    """Return bytes of a segment of this process's store; what a call runs where the object is."""
    from anabranch.store.store import open_stores

    return Piece(open_stores()[0].raw(writer, sequence, segment, offset, length))


def has_other_stores(client: Client) -> bool:
    """Whether there are workers that do not see the coordinator's store."""
    status = client.ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest())).status
    return any(worker.own_store for worker in status.workers)


def fetch(client: Client, message: common_pb2.ObjectRef) -> common_pb2.ObjectRef:
    """Return the reference with the object's bytes in it.

    Pieces are asked for eight at a time, so that neither this process nor a lane holds more than those.

    Raises
    ------
    TaskError
        When the bytes are gone there, too.
    ConnectionFailed
        When no piece comes for a minute, or the coordinator has gone.
    """
    answer = client.ask(control_pb2.ToCoordinator(open_session=control_pb2.OpenSession(name="fetch")))
    run = answer.run_accepted.run
    come: queue.SimpleQueue[Any] = queue.SimpleQueue()
    client.subscribe(run, come.put, come.put)
    try:
        return common_pb2.ObjectRef(
            writer=message.writer, sequence=message.sequence, encoding=message.encoding, length=message.length,
            inline_bytes=bytes(_pieces(client, run, message, come)),
        )  # fmt: skip
    finally:
        client.unsubscribe(run)
        if client.alive:
            client.tell(control_pb2.ToCoordinator(close_run=control_pb2.CloseRun(run=run)))


def _pieces(client: Client, run: int, message: common_pb2.ObjectRef, come: queue.SimpleQueue[Any]) -> bytearray:
    whole = bytearray(message.length)
    starts = iter(range(0, message.length, PIECE))
    left = 0
    store = client.store
    assert store is not None
    function = store.put(read_piece)

    def ask(count: int) -> int:
        calls = []
        for start in itertools.islice(starts, count):
            place = (message.writer, message.sequence, message.segment, message.offset + start)
            data = atoms_to_bytes(((*place, min(PIECE, message.length - start)), {}))
            arguments = common_pb2.ObjectRef(
                writer=store.writer, sequence=store.number(len(data)), encoding=common_pb2.ENCODING_PICKLE5,
                length=len(data), inline_bytes=data,
            )  # fmt: skip
            # The object is named so that the call goes where it is, and it stays until then.
            work = task_pb2.CallWork(function=function, arguments=arguments, dependencies=[message])
            calls.append(control_pb2.Call(call=start + 1, work=work))
        if calls:
            client.tell(control_pb2.ToCoordinator(submit_calls=control_pb2.SubmitCalls(run=run, calls=calls)))
        return len(calls)

    left = ask(WINDOW)
    heard = time.monotonic()
    while left:
        try:
            batch = come.get(timeout=PATIENCE)
        except queue.Empty:
            raise ConnectionFailed(
                f"object {message.writer:x}.{message.sequence} stands in another host's store, and no worker there has "
                f"sent any of it for {time.monotonic() - heard:.0f} s; `anabranch status` shows whether one is active"
            ) from None
        heard = time.monotonic()
        if isinstance(batch, ConnectionFailed):
            raise batch
        for result in batch.results:
            if not result.HasField("value"):
                raise TaskError(
                    f"object {message.writer:x}.{message.sequence} cannot be read on its host: {result.failure.message}"
                )
            piece = store.get(result.value)
            start = result.call - 1
            whole[start : start + len(piece)] = piece
        left += ask(len(batch.results)) - len(batch.results)
    return whole
