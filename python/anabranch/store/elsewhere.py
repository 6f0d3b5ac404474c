"""Stand-ins for objects whose bytes another program keeps, and how they come back when somebody reads them."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any

from anabranch.store.errors import ObjectLost, StoreError
from anabranch.v1 import common_pb2

#: Seconds without a byte after which who keeps an object is thought not to answer.
PATIENCE = 60.0
#: No stand-in is longer.
LONGEST = 2048
#: In the length's place when an error's text follows.
REFUSED = (1 << 64) - 1
_MAGIC = "ABELSEWHERE"


class KeeperGone(Exception):
    """Nobody has the bytes any more."""


@dataclass(frozen=True)
class Elsewhere:
    """What stands in the store for an object that is kept elsewhere; `docs/store.md` has the layout.

    Attributes
    ----------
    encoding, length : int
        Of its bytes.
    token : str
        Its name where it is kept.
    address : str
        Path of the socket at which they are asked for.
    host : str
        Where that socket is.
    """

    encoding: int
    length: int
    token: str
    address: str
    host: str

    @classmethod
    def from_bytes(cls, data: Any) -> Elsewhere:
        """Return the stand-in with these bytes.

        Raises
        ------
        StoreError
            When they are none.
        """
        try:
            magic, encoding, length, token, address, host, end = bytes(data[: LONGEST + 1]).decode().split("\n")
            kept = cls(int(encoding), int(length), token, address, host)
        except ValueError as error:
            raise StoreError("it is no stand-in") from error
        if magic != _MAGIC or end or kept.length <= 0 or kept.encoding == common_pb2.ENCODING_ELSEWHERE:
            raise StoreError("it is no stand-in")
        return kept

    def to_bytes(self) -> bytes:
        """Return the stand-in as it is stored."""
        parts = (_MAGIC, self.encoding, self.length, self.token, self.address, self.host, "")
        return "\n".join(map(str, parts)).encode()

    def whole(self, ref: common_pb2.ObjectRef) -> bytearray:
        """Return all bytes of the object that the stand-in at this reference stands for.

        Raises
        ------
        ObjectLost
            When who kept them, or they, are gone.
        StoreError
            When nothing of them comes for `PATIENCE` seconds.
        """
        try:
            return self._fetch()
        except KeeperGone as error:
            raise ObjectLost(ref.writer, ref.sequence, str(error)) from error

    def _fetch(self) -> bytearray:
        data = bytearray(self.length)
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(PATIENCE)
                connection.connect(self.address)
                connection.sendall(self.token.encode() + b"\n")
                length = int.from_bytes(_exactly(connection, memoryview(bytearray(8))), "little")
                if length != self.length:
                    if length != REFUSED:
                        raise KeeperGone(f"it has {length} bytes now")
                    text = b"".join(iter(lambda: connection.recv(4096), b""))
                    raise KeeperGone(text.decode(errors="replace"))
                _exactly(connection, memoryview(data))
        except TimeoutError as error:
            raise StoreError(
                f"an object of {self.length} bytes is kept on a Ray cluster, and nothing of it came "
                f"for {PATIENCE:.0f} s"
            ) from error
        except OSError as error:
            here = socket.gethostname()
            where = "" if here == self.host else f" (that is on {self.host}, this is {here})"
            raise KeeperGone(f"the worker that kept it on its Ray cluster does not answer{where}: {error}") from error
        return data


def _exactly(connection: socket.socket, target: memoryview) -> memoryview:
    rest = target
    while rest:
        count = connection.recv_into(rest)
        if not count:
            raise ConnectionResetError("it ended in the middle")
        rest = rest[count:]
    return target
