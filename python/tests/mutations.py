"""Committed messages, and what becomes of them in a sick peer."""

from __future__ import annotations

import os
import pathlib
import random
import time

GOLDEN = pathlib.Path(__file__).parents[2] / "Tests" / "WireTests" / "Golden"
#: Damaged messages in each test, and after how many seconds it sends no more; the environment may ask for others.
COUNT = int(os.environ.get("ANABRANCH_FUZZ_COUNT", "20000"))
SECONDS = float(os.environ.get("ANABRANCH_FUZZ_SECONDS", "300"))


class Bound:
    """How many messages a test sends: `COUNT`, or as many as there is time for."""

    def __init__(self) -> None:
        self._deadline = time.monotonic() + SECONDS

    def has_room(self, sent: int) -> bool:
        """Whether more are to be sent."""
        return sent < COUNT and time.monotonic() < self._deadline


def golden(kind: str) -> list[bytes]:
    """Return the committed messages of a kind, as ``FromCoordinator``."""
    return [path.read_bytes() for path in sorted(GOLDEN.glob(f"{kind}.*bin"))]


def mutate(original: bytes, chance: random.Random) -> bytes:
    """Return `original` with bits turned, bytes changed, cut off, left out, put in or repeated, in up to four ways."""
    data = bytearray(original)
    for _ in range(chance.randint(1, 4)):
        if not data:
            break
        place = chance.randrange(len(data))
        kind = chance.randrange(7)
        if kind == 0:
            data[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[place] = chance.randrange(256)
        elif kind == 2:
            del data[place:]
        elif kind == 3:
            del data[place]
        elif kind == 4:
            data.insert(place, chance.randrange(256))
        elif kind == 5:
            data[place : place + 9] = b"\xff" * min(9, len(data) - place)
        else:
            piece = data[place : place + chance.randint(0, 64)]
            at = chance.randint(0, len(data))
            data[at:at] = piece
    return bytes(data)
