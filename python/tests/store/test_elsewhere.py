"""Stand-ins: what they look like, and what reads them gets from who keeps the bytes."""

from __future__ import annotations

import pathlib
import socket
import tempfile
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from anabranch.store import ObjectLost, Store, StoreError
from anabranch.store.elsewhere import REFUSED, Elsewhere
from anabranch.v1 import common_pb2

VALUE = np.arange(50_000.0)


@pytest.fixture
def keeper(store: Store) -> Iterator[Elsewhere]:
    """Gives the bytes of `VALUE` as the keeper of a worker does; whatever another token names has been released."""
    ref = store.put(VALUE)
    data = bytes(store.encoded(ref))
    with tempfile.TemporaryDirectory() as place, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{place}/socket")
        server.listen()

        def serve() -> None:
            while True:
                connection, _ = server.accept()
                with connection, connection.makefile("rb") as lines:
                    token = lines.readline().strip()
                    if not token:
                        return
                    if token == b"kept":
                        connection.sendall(len(data).to_bytes(8, "little") + data)
                    else:
                        connection.sendall(REFUSED.to_bytes(8, "little") + b"it was released")

        thread = threading.Thread(target=serve)
        thread.start()
        yield Elsewhere(ref.encoding, ref.length, "kept", f"{place}/socket", "here")
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(f"{place}/socket")
        thread.join()


def stand_in(store: Store, kept: Elsewhere) -> common_pb2.ObjectRef:
    return store.put_encoded(kept.to_bytes(), common_pb2.ENCODING_ELSEWHERE)


@pytest.mark.parametrize("own", [False, True])
def test_reading_one_gives_the_value(store, keeper, own):
    value = store.get(stand_in(store, keeper), own=own)
    np.testing.assert_array_equal(value, VALUE)
    assert value.flags.writeable is own


def test_what_was_released_is_lost(store, keeper):
    gone = Elsewhere(keeper.encoding, keeper.length, "other", keeper.address, keeper.host)
    with pytest.raises(ObjectLost, match="it was released"):
        store.get(stand_in(store, gone))


def test_what_nobody_answers_for_is_lost_and_says_where_it_was(store, tmp_path: pathlib.Path):
    gone = Elsewhere(common_pb2.ENCODING_TENSOR, 100, "kept", f"{tmp_path}/socket", "another")
    with pytest.raises(ObjectLost, match=r"does not answer \(that is on another, this is"):
        store.get(stand_in(store, gone))


GOOD = Elsewhere(1, 4096, "abc-0", "/tmp/nowhere/socket", "host").to_bytes()


def test_it_is_written_as_the_documents_say():
    assert GOOD == b"ABELSEWHERE\n1\n4096\nabc-0\n/tmp/nowhere/socket\nhost\n"
    assert Elsewhere.from_bytes(memoryview(GOOD)).to_bytes() == GOOD


@pytest.mark.parametrize(
    "damaged",
    [
        b"", GOOD[:-1], GOOD + b"\n", b"X" + GOOD, GOOD.replace(b"\n1\n", b"\n4\n"), GOOD.replace(b"\n1\n", b"\nx\n"),
        GOOD.replace(b"4096", b"0"), GOOD.replace(b"4096", b"-1"), GOOD.replace(b"host", b"\xff"),
        GOOD.replace(b"host", b"h" * 3000),
    ],
)  # fmt: skip
def test_what_is_none_is_refused(store, damaged):
    with pytest.raises(StoreError, match="no stand-in"):
        Elsewhere.from_bytes(damaged)
    if damaged:
        with pytest.raises(StoreError, match="no stand-in"):
            store.get(store.put_encoded(damaged, common_pb2.ENCODING_ELSEWHERE))
