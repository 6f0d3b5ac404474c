"""What a worker is told by the address of a standing master: no Spark runs here."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from anabranch.runtime.spark.master import NoAnswer, ask
from anabranch.runtime.spark.requirements import check_master
from anabranch.spark.sessions import SparkMissing

#: What Spark answers of a file that it does not have: the length of all, the type, two texts.
NOT_FOUND = struct.pack(">qb", 9 + 4 + 16 + 4 + 4, 8) + struct.pack(">i", 16) + b"/files/anabranch" + b"\0\0\0\4none"


@contextlib.contextmanager
def listening(answer: Callable[[socket.socket], None] | None) -> Iterator[int]:
    """Have something listen; without an answer it accepts nothing. Yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1024)
                answer(connection)

        # Whoever never connects is waited for by nobody.
        thread = threading.Thread(target=serve, daemon=True)
        if answer is not None:
            thread.start()
        yield server.getsockname()[1]
        if answer is not None:
            thread.join()


def in_pieces(connection: socket.socket) -> None:
    for byte in NOT_FOUND[:9]:
        connection.sendall(bytes([byte]))


@pytest.mark.parametrize(
    "answer",
    [lambda connection: connection.sendall(NOT_FOUND), in_pieces, lambda connection: None],
    ids=["at once", "in pieces", "by its end"],
)
def test_a_master_that_answers_will_do(answer) -> None:
    with listening(answer) as port:
        ask("127.0.0.1", port)


def test_a_master_that_accepts_and_says_nothing_has_a_deadline() -> None:
    with listening(None) as port, pytest.raises(NoAnswer, match=r"nothing came within 0 s \(fixed\)"):
        ask("127.0.0.1", port, patience=0.1)


def test_what_is_no_spark_is_told_apart() -> None:
    with (
        listening(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request")) as port,
        pytest.raises(SparkMissing, match=rf"--spark-master spark://127.0.0.1:{port}: .*is no Spark: .*HTTP/1"),
    ):
        check_master(f"spark://127.0.0.1:{port}")


def test_the_second_of_two_masters_will_do() -> None:
    with socket.socket() as unheard, listening(in_pieces) as port:
        unheard.bind(("127.0.0.1", 0))
        check_master(f"spark://127.0.0.1:{unheard.getsockname()[1]},127.0.0.1:{port}")


@pytest.mark.parametrize("master", ["spark://somewhere", "spark://:7077", "mesos://there:1", "7077"])
def test_what_names_no_master_is_refused_with_what_to_write(master) -> None:
    with pytest.raises(SparkMissing, match=f"--spark-master {master}: write .*spark://HOST:PORT"):
        check_master(master)
