"""A process whose task loops get damaged frames; prints what came of them as JSON. `test_bytes.py` starts it.

Honest tasks go beside them, which show that nothing else had an effect. Frames come from a script rather than from
a socket; the loop, its channel, its runner and its store are the real ones.
"""

from __future__ import annotations

import json
import os
import random
import resource
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator

from google.protobuf.message import DecodeError
from mutations import golden, mutate

from anabranch.runtime.environment import SetupError
from anabranch.runtime.frames import MAXIMUM_FRAME, FrameChannel, FrameError
from anabranch.runtime.loop import TaskLoop
from anabranch.store import Store, StoreError
from anabranch.v1 import common_pb2, task_pb2

#: Frames that one loop gets at most; most loops end earlier, by one that is none.
FRAMES = 200
#: Of a damaged pickle that asks for what is not there; far above what the process has.
ADDRESS_SPACE = 8 << 30
#: Honest tasks have numbers above all that stand in damaged ones.
HONEST = 1 << 50


class Script:
    """A connection on which somebody says what was written before, in pieces; what is said to it is kept."""

    def __init__(self, said: bytes, chance: random.Random, descriptor: int) -> None:
        self._left = memoryview(said)
        self._chance = chance
        self._descriptor = descriptor
        self.heard = bytearray()

    def recv(self, size: int, _flags: int = 0) -> bytes:
        piece = self._left[: self._chance.choice((3, 100, 5000, size))]
        self._left = self._left[len(piece) :]
        return bytes(piece)

    def sendall(self, data: bytes) -> None:
        self.heard += data

    def fileno(self) -> int:
        return self._descriptor

    def results(self) -> Iterator[task_pb2.Result]:
        start = 0
        while start < len(self.heard):
            (length,) = struct.unpack_from("<I", self.heard, start)
            yield from task_pb2.FromRuntime.FromString(bytes(self.heard[start + 4 : start + 4 + length])).results
            start += 4 + length


def framed(body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + body


def resident_kib() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * (resource.getpagesize() >> 10)


class Flood:
    """So many damaged frames, or as many as there is time for."""

    def __init__(self, directory: str, seed: int, count: int, seconds: float) -> None:
        self.chance = random.Random(seed)
        self.count, self.deadline = count, time.monotonic() + seconds
        self.directory = directory
        self.sent = self.refused = 0
        self.ends: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.honest = 0
        self.store = Store(directory)
        self.descriptor = os.open(os.devnull, os.O_RDWR)
        self.setup = task_pb2.RuntimeSetup(store_path=directory, slot=1, threads=1, working_directory=os.getcwd())
        function = self.store.put(divmod)
        # Sound ones, of which the damaged are made: the committed, and such as get as far as the user's code.
        committed = golden("ToRuntime")
        setups = [body for body in committed if task_pb2.ToRuntime.FromString(body).HasField("setup")]
        self.originals = [body for body in committed if body not in setups]
        for number in range(8):
            self.originals.append(self.task(number, function, number, 3).SerializeToString())
        self.setups = [task_pb2.ToRuntime(setup=self.setup).SerializeToString(), *setups]
        self.function = function

    def task(self, number: int, function: common_pb2.ObjectRef, *arguments: int) -> task_pb2.ToRuntime:
        work = task_pb2.CallWork(function=function, arguments=self.store.put((arguments, {})))
        return task_pb2.ToRuntime(tasks=[task_pb2.Task(task=number, attempt=1, run=1, node="f", call=work)])

    def damaged(self) -> bytes:
        chance = self.chance
        body = chance.choice(self.originals if chance.random() < 0.98 else self.setups)
        kind = chance.randrange(10_000)
        if kind == 0:
            # A megabyte of a field that nobody knows. Zeros, read at a wrong place, would be 250,000 empty frames.
            return framed(body + b"\xfa\x7f\x80\x80\x40" + b"\xff" * (1 << 20))
        if kind < 20:
            return struct.pack("<I", chance.randrange(MAXIMUM_FRAME + 1, 1 << 32)) + body
        if kind < 100:
            return mutate(framed(body), chance)
        changed = mutate(body, chance)
        return framed(body if self.is_order(changed) else changed)

    def is_order(self, body: bytes) -> bool:
        """Whether it is a sound order to have fewer or more threads, less memory or another import path."""
        try:
            setup = task_pb2.ToRuntime.FromString(body).setup
        except DecodeError:
            return False
        return setup.threads > 1 or setup.memory_bytes > 0 or bool(setup.sys_path) or bool(setup.address)

    def run(self) -> dict:
        memory = 0
        descriptors, files = self.standing()
        while self.sent < self.count and time.monotonic() < self.deadline:
            self.one_loop()
            # After a tenth it has all that it will have. What it had at most says nothing: a damaged pickle may ask for
            # gigabytes, which are given back.
            if memory == 0 and self.sent > self.count // 10:
                memory = resident_kib()
        grown = resident_kib() - memory if memory else 0
        after, files_after = self.standing()
        return {
            "sent": self.sent,
            "refused": self.refused,
            "honest": self.honest,
            "ends": self.ends,
            "outcomes": self.outcomes,
            "grown_kib": grown,
            "descriptors": after - descriptors,
            "files": sorted(files_after - files),
            "children": open(f"/proc/self/task/{os.getpid()}/children").read().split(),
        }

    def standing(self) -> tuple[int, set[str]]:
        return len(os.listdir("/proc/self/fd")), set(os.listdir(self.directory))

    def one_loop(self) -> None:
        frames = [framed(task_pb2.ToRuntime(setup=self.setup).SerializeToString())]
        expected = {}
        for place in range(self.chance.randint(1, FRAMES)):
            if place % 10 == 0:
                number = HONEST + place
                expected[number] = divmod(number, 7)
                frames.append(framed(self.task(number, self.function, number, 7).SerializeToString()))
            frames.append(self.damaged())
        script = Script(b"".join(frames), self.chance, self.descriptor)
        channel = ForgivingChannel(script)
        loop = TaskLoop(channel)
        try:
            loop.run()
            self.ends["end"] += 1
        except (FrameError, SetupError, StoreError) as error:
            self.ends[type(error).__name__] += 1
        finally:
            loop.close()
        # But for what was sound: the setup and honest tasks.
        self.sent += channel.read + channel.refused - 1 - len(channel.understood & expected.keys())
        self.refused += channel.refused
        answered = set()
        for result in script.results():
            outcome = result.WhichOneof("outcome")
            if result.task in expected:
                assert outcome == "success", result
                assert self.store.get(result.success.value) == expected[result.task], result
                assert result.task not in answered, result
                answered.add(result.task)
            else:
                self.outcomes[str(outcome)] += 1
        self.honest += len(answered)


class ForgivingChannel(FrameChannel):
    """Counts what comes; goes on behind a frame that is no message, as another loop would, to spare the making of one.

    What it says of frames that are too long, or cut off, ends its loop as ever.
    """

    def __init__(self, connection: Script) -> None:
        super().__init__(connection)
        self.read = self.refused = 0
        self.understood: set[int] = set()

    def receive(self, wait: bool) -> Iterator[task_pb2.ToRuntime]:
        while True:
            try:
                for message in super().receive(wait):
                    self.read += 1
                    self.understood.update(task.task for task in message.tasks)
                    wait = False
                    yield message
                return
            except FrameError as error:
                self.refused += 1
                if not isinstance(error.__cause__, DecodeError):
                    raise


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, resource.getrlimit(resource.RLIMIT_AS)[1]))
    print(json.dumps(Flood(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])).run()))
