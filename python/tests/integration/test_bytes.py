"""Bytes that no peer sends, on the sockets of a running coordinator and worker, beside honest calls."""

from __future__ import annotations

import glob
import operator
import os
import random

import psutil
import pytest
import zmq
from google.protobuf.message import DecodeError
from mutations import COUNT, golden, mutate

import anabranch as ab
from anabranch.client import current
from anabranch.v1 import control_pb2

#: Orders that whoever reaches the control socket may give; damaged, they might hit the worker or the run of this test.
ORDERS = {"cancel_run", "drain_worker", "shutdown", "worker_goodbye"}


def harmless() -> list[bytes]:
    messages = golden("ToCoordinator")
    return [each for each in messages if control_pb2.ToCoordinator.FromString(each).WhichOneof("body") not in ORDERS]


def is_order(message: bytes) -> bool:
    """Whether damage has made an order of it that is as good as any."""
    try:
        return control_pb2.ToCoordinator.FromString(message).WhichOneof("body") in ORDERS
    except DecodeError:
        return False


def memory(processes: list[psutil.Process]) -> int:
    return sum(process.memory_info().rss for process in processes)


@pytest.mark.leaves("children")
def test_a_flood_on_every_socket_changes_nothing(pool, request) -> None:
    chance = random.Random(1)
    processes = [p for p in psutil.Process().children(recursive=True) if "anabranch" in p.name()]
    with ab.Executor() as executor:
        assert executor.submit(operator.add, 1, 2).result(60) == 3
        store = current().welcome.store
        lane = glob.glob(f"{store}/lane-*.sock")[0]
        context = zmq.Context()
        sockets: list = []
        request.addfinalizer(lambda: context.destroy(linger=0))
        for kind, path, originals in (
            (zmq.DEALER, f"{store}/control.sock", harmless()),
            (zmq.PUSH, f"{store}/inbox.sock", golden("ResultBatch")),
            (zmq.PUSH, lane, golden("TaskBatch")),
        ):
            socket = context.socket(kind)
            socket.setsockopt(zmq.LINGER, 10_000)
            socket.setsockopt(zmq.SNDHWM, 0)
            socket.connect(f"ipc://{path}")
            sockets.append((socket, originals))

        def flood(count: int) -> None:
            for number in range(count):
                for socket, originals in sockets:
                    message = mutate(chance.choice(originals), chance)
                    if is_order(message):
                        continue
                    # Now and then in too many frames, or none.
                    frames = [message] * chance.randint(1, 3) if number % 100 == 0 else [message]
                    socket.send_multipart([b""] if number % 997 == 0 else frames)

        flood(COUNT // 10)
        assert executor.submit(operator.add, 2, 2).result(60) == 4
        before = memory(processes)
        futures = []
        for number in range(COUNT // 100):
            futures.append(executor.submit(operator.mul, number, 3))
            flood(100)
        assert [future.result(120) for future in futures] == [3 * number for number in range(len(futures))]
        # What is longer than a socket takes costs its sender the connection.
        sockets[1][0].send(bytes(65 << 20))
        for socket, _ in sockets:
            socket.close()
        context.term()
        assert executor.submit(operator.add, 3, 4).result(60) == 7
        grown = memory(processes) - before
        assert grown < 96 << 20, f"{grown >> 20} MiB more after {3 * COUNT} messages"
        assert all(process.is_running() for process in processes)
        assert os.path.exists(lane)
