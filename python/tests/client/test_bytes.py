"""Bytes that no coordinator sends, on the client's socket, beside honest calls."""

from __future__ import annotations

import operator
import random
import resource

import pytest
from mutations import Bound, golden, mutate
from scripted_coordinator import ScriptedCoordinator

import anabranch as ab
from anabranch.v1 import control_pb2


def _kind(message: bytes) -> str | None:
    return control_pb2.FromCoordinator.FromString(message).WhichOneof("body")


class MadCoordinator(ScriptedCoordinator):
    """Sends damaged messages before each honest one."""

    def __init__(self, directory) -> None:
        self.chance = random.Random(1)
        self.originals = golden("FromCoordinator")
        self.results = next(each for each in self.originals if _kind(each) == "call_results")
        self.originals.append(self.results)
        self.burst = 0
        self.sent = 0
        super().__init__(directory)

    def _send(self, identity: bytes, message: control_pb2.FromCoordinator, request: int = 0) -> None:
        if message.WhichOneof("body") == "call_results" and self.burst:
            # Of the session itself, about calls that nobody has made.
            live = control_pb2.FromCoordinator.FromString(self.results)
            live.call_results.run = message.call_results.run
            for result in live.call_results.results:
                result.call += 1 << 40
            self.originals[-1] = live.SerializeToString()
        for _ in range(self.burst):
            self._socket.send_multipart([identity, mutate(self.chance.choice(self.originals), self.chance)])
        self.sent += self.burst
        super()._send(identity, message, request)


@pytest.mark.bytes
@pytest.mark.timeout(0)  # However long ANABRANCH_FUZZ_COUNT makes it.
def test_damaged_messages_neither_end_the_connection_nor_change_an_answer(tmp_path, monkeypatch) -> None:
    coordinator = MadCoordinator(tmp_path)
    monkeypatch.setenv("ANABRANCH_ADDRESS", coordinator.address)
    try:
        with ab.Executor() as executor:
            assert executor.submit(operator.add, 1, 2).result(60) == 3
            coordinator.burst = 200
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            number = 0
            bound = Bound()
            while bound.has_room(coordinator.sent):
                number += 1
                assert executor.submit(operator.mul, number, 7).result(60) == 7 * number
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            coordinator.burst = 0
            assert executor.submit(operator.add, 3, 4).result(60) == 7
        print(f"a client: {coordinator.sent} damaged messages")
        assert grown < 64 << 10, f"{grown} KiB more after {coordinator.sent} messages"
    finally:
        ab.shutdown()
        coordinator.close()
