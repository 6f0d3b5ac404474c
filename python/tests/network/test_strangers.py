"""Bytes that are no honest peer's: recorded and sent again, changed on their way, or junk by the thousand."""

from __future__ import annotations

import contextlib
import random
import select
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import zmq
from cluster import PATIENCE, Observer
from relay import Relay

import anabranch as ab
from anabranch.credentials import load_credentials
from anabranch.v1 import control_pb2
from anabranch.versions import PROTOCOL, own_versions

pytestmark = pytest.mark.leaves("children", "descriptors")

#: What a client sends before the first byte that a key guards: the greeting, and the frame of HELLO.
UNGUARDED = 64 + 202
#: What a coordinator says before it knows who asks: its greeting, and the frame of WELCOME.
SAID_TO_ANYBODY = 64 + 170
GREETING = b"\xff\0\0\0\0\0\0\0\1\x7f\3\1%b\0" + bytes(31)


def port_of(address: str) -> int:
    return int(address.rsplit(":", 1)[1])


def ports_of(pid: int) -> list[int]:
    """All that a process listens at."""
    connections = psutil.Process(pid).net_connections("tcp")
    return sorted({one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN})


@contextlib.contextmanager
def saying(address: str, credentials, request: control_pb2.ToCoordinator):
    """Say hello and one thing more as an honest client does; the connection stays until the end."""
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.linger = 0
    dealer.curve_serverkey = credentials.server
    dealer.curve_publickey, dealer.curve_secretkey = credentials.public, credentials.secret
    dealer.connect(address)
    hello = control_pb2.ToCoordinator(client_hello=control_pb2.ClientHello(versions=own_versions(), name="anybody"))
    for number, message in enumerate((hello, request), 1):
        message.protocol, message.request = PROTOCOL, number
        dealer.send(message.SerializeToString())
    yield dealer
    dealer.close()
    context.term()


def frames_of(said: bytes) -> set[int]:
    """Where the frames begin that follow the greeting."""
    begins, at = set(), 64
    while at < len(said):
        begins.add(at)
        is_long = said[at] & 2
        at += 9 + int.from_bytes(said[at + 1 : at + 9], "big") if is_long else 2 + said[at + 1]
    return begins


SHUTDOWN = control_pb2.ToCoordinator(shutdown=control_pb2.Shutdown())
STATUS = control_pb2.ToCoordinator(status=control_pb2.StatusRequest())


def test_no_changed_bit_gets_through(start, keys):
    cluster = start(workers=0)
    credentials = load_credentials(str(keys / "client.key"))
    honest = Relay(port_of(cluster.address))
    with saying(honest.address, credentials, STATUS) as dealer:
        for _ in range(2):
            assert dealer.poll(1000 * PATIENCE)
            dealer.recv()
    honest.close()
    length = len(honest.said)
    # What would end the coordinator if it arrived is as long as what was recorded.
    chance = random.Random(11)
    # Some bits of the flags before a frame mean nothing, and are nobody's to guard.
    guarded = sorted(set(range(UNGUARDED, length)) - frames_of(honest.said))
    for byte in [*guarded[::7], guarded[-1]]:
        relay = Relay(port_of(cluster.address), flip=8 * byte + chance.randrange(8))
        with saying(relay.address, credentials, SHUTDOWN):
            relay.await_bytes(length)
        relay.close()
        assert len(relay.said) > byte and cluster.coordinator.poll() is None
    assert cluster.observe().status().dropped_messages == 0
    # The same without a change does arrive.
    with saying(cluster.address, credentials, SHUTDOWN):
        assert cluster.coordinator.wait(PATIENCE) == 0


def test_what_was_recorded_is_of_no_use(start, keys):
    cluster = start(workers=0)
    credentials = load_credentials(str(keys / "client.key"))
    relay = Relay(port_of(cluster.address))
    with saying(relay.address, credentials, SHUTDOWN):
        assert cluster.coordinator.wait(PATIENCE) == 0
    relay.close()
    cluster.stop_coordinator()
    assert len(relay.said) > UNGUARDED
    # Another coordinator with the same key at the same place, which the same words would end.
    cluster.start_coordinator()
    for port in ports_of(cluster.coordinator.pid):
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            stranger.settimeout(PATIENCE)
            with contextlib.suppress(OSError):
                stranger.sendall(bytes(relay.said))
            heard = b""
            with contextlib.suppress(ConnectionResetError):
                while data := stranger.recv(65536):
                    heard += data
            assert len(heard) <= SAID_TO_ANYBODY
    assert cluster.observe().status().dropped_messages == 0


def junk(chance: random.Random) -> bytes:
    """What a stranger may say first: nothing, noise, another protocol, or a part of a handshake."""
    return chance.choice([
        b"",
        chance.randbytes(chance.randrange(1, 300)),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        GREETING[:10],
        GREETING[:12] + b"NULL".ljust(20, b"\0") + bytes(32) + b"\4\x19\5READY\x0bSocket-Type\0\0\0\6DEALER",
        GREETING[:12] + b"CURVE".ljust(20, b"\0") + bytes(32) + b"\4\xc8\5HELLO\1\0" + chance.randbytes(192),
        GREETING[:12] + b"CURVE".ljust(20, b"\0") + bytes(32) + b"\6" + b"\xff" * 8 + b"\5HELLO",
    ])  # fmt: skip


@pytest.mark.parametrize("keyed", [True, False], ids=["keys", "no keys"])
def test_ten_thousand_strangers(start, keys, keyed):
    cluster = start(keyed=keyed, workers=2)
    coordinator = psutil.Process(cluster.coordinator.pid)
    ports = ports_of(coordinator.pid)
    assert len(ports) == 3
    ab.init(cluster.address, key=str(keys / "client.key") if keyed else None)
    chance = random.Random(5)
    with ab.Executor() as ex, ThreadPoolExecutor() as threads:
        list(ex.map(abs, range(100)))
        descriptors, memory = coordinator.num_fds(), coordinator.memory_info().rss
        over = []
        work = threads.submit(lambda: [list(ex.map(abs, range(-50, 0))) for _ in iter(lambda: bool(over), True)])
        for _ in range(50):
            batch = []
            for number in range(200):
                one = socket.create_connection(("127.0.0.1", ports[number % 3]), PATIENCE)
                with contextlib.suppress(ConnectionError):
                    one.sendall(junk(chance))
                batch.append(one)
            for one in batch:
                one.close()
            # It answers who is let in while they come.
            assert cluster.observe().status().workers
        over.append(True)
        rounds = work.result(PATIENCE)
    assert rounds and all(each == list(range(50, 0, -1)) for each in rounds)
    deadline = time.monotonic() + PATIENCE
    while coordinator.num_fds() > descriptors + 8:
        assert time.monotonic() < deadline, f"{coordinator.num_fds()} descriptors, {descriptors} before"
        select.select([], [], [], 0.05)
    assert coordinator.memory_info().rss < memory + (64 << 20)
    assert all(worker.state == "active" for worker in cluster.observe().status().workers)


def test_silent_strangers_are_cut_off(start, keys):
    cluster = start(workers=0)
    with contextlib.ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port_of(cluster.address)))) for _ in range(300)
        ]
        observer = Observer(cluster.address, credentials=cluster.credentials)
        stack.callback(observer.close)
        assert not observer.status().workers
        for one in silent:
            one.settimeout(PATIENCE)
            while one.recv(65536):
                pass
