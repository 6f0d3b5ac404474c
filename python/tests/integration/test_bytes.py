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
from mutations import COUNT, Bound, golden, mutate

import anabranch as ab
from anabranch.process_client import current
from anabranch.v1 import control_pb2

#: Orders that whoever reaches the control socket may give; damaged, they might hit the worker or the run of this test.
ORDERS = {"cancel_run", "drain_worker", "shutdown", "worker_goodbye"}

#: Messages of one client.
STAY = 1000


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


@pytest.mark.bytes
@pytest.mark.timeout(0)  # However long ANABRANCH_FUZZ_COUNT makes it.
@pytest.mark.leaves("children")
def test_a_flood_on_every_socket_changes_nothing(pool, request) -> None:
    chance = random.Random(1)
    processes = [p for p in psutil.Process().children(recursive=True) if "anabranch" in p.name()]
    with ab.Executor() as executor:
        assert executor.submit(operator.add, 1, 2).result(60) == 3
        store = current().welcome.store
        lane = glob.glob(f"{store}/lane-*.sock")[0]
        context = zmq.Context()
        request.addfinalizer(lambda: context.destroy(linger=0))

        def connect(kind: int, path: str) -> zmq.Socket:
            socket = context.socket(kind)
            socket.setsockopt(zmq.LINGER, 10_000)
            socket.setsockopt(zmq.SNDHWM, 0)
            socket.connect(f"ipc://{path}")
            return socket

        sockets = [
            (connect(zmq.DEALER, f"{store}/control.sock"), harmless()),
            (connect(zmq.PUSH, f"{store}/inbox.sock"), golden("ResultBatch")),
            (connect(zmq.PUSH, lane), golden("TaskBatch")),
        ]

        def come_back() -> None:
            """As a new client: the sessions that sound requests opened end with the one who asked."""
            sockets[0][0].close()
            sockets[0] = (connect(zmq.DEALER, f"{store}/control.sock"), sockets[0][1])

        def flood(count: int) -> None:
            for number in range(count):
                if number % STAY == 0:
                    come_back()
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
        bound = Bound()
        while bound.has_room(100 * len(futures)):
            futures += [executor.submit(operator.mul, len(futures) + more, 3) for more in range(STAY // 100)]
            flood(STAY)
        assert [future.result(120) for future in futures] == [3 * number for number in range(len(futures))]
        # What is longer than a socket takes costs its sender the connection.
        sockets[1][0].send(bytes(65 << 20))
        for socket, _ in sockets:
            socket.close()
        context.term()
        assert executor.submit(operator.add, 3, 4).result(60) == 7
        grown = memory(processes) - before
        print(f"control, inbox and lane: {100 * len(futures)} damaged messages each")
        assert grown < 96 << 20, f"{grown >> 20} MiB more after {300 * len(futures)} messages"
        assert all(process.is_running() for process in processes)
        assert os.path.exists(lane)
