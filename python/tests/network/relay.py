"""A relay between a client and a coordinator: it keeps what the client said, and can change a bit of it."""

from __future__ import annotations

import contextlib
import socket
import threading

from cluster import PATIENCE


class Relay:
    """Passes one connection on; a second one finds nobody.

    Parameters
    ----------
    port : int
        The coordinator's, on the loopback.
    flip : int, optional
        Number of the client's bit that is changed on its way.
    """

    def __init__(self, port: int, flip: int | None = None) -> None:
        self.said = bytearray()
        self._port, self._flip = port, flip
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._progress = threading.Condition()
        self._ended = False
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def await_bytes(self, count: int) -> None:
        """Wait until so many bytes of the client's have been passed on, or the coordinator has hung up."""
        with self._progress:
            assert self._progress.wait_for(lambda: self._ended or len(self.said) >= count, PATIENCE)

    def close(self) -> None:
        """End the connection and the threads."""
        self._listener.close()
        for one in self._sockets:
            self._hang_up(one)
        for thread in self._threads:
            thread.join(PATIENCE)
        for one in self._sockets:
            one.close()

    def _serve(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        self._listener.close()
        server = socket.create_connection(("127.0.0.1", self._port))
        self._sockets += [client, server]
        back = threading.Thread(target=self._pass_back, args=(server, client), daemon=True)
        self._threads.append(back)
        back.start()
        while data := self._receive(client):
            changed = bytearray(data)
            if self._flip is not None:
                byte, bit = divmod(self._flip, 8)
                if len(self.said) <= byte < len(self.said) + len(data):
                    changed[byte - len(self.said)] ^= 1 << bit
            try:
                server.sendall(changed)
            except OSError:
                break
            with self._progress:
                self.said += data
                self._progress.notify_all()
        self._hang_up(server)

    def _pass_back(self, server: socket.socket, client: socket.socket) -> None:
        while data := self._receive(server):
            try:
                client.sendall(data)
            except OSError:
                break
        self._hang_up(client)
        with self._progress:
            self._ended = True
            self._progress.notify_all()

    @staticmethod
    def _receive(one: socket.socket) -> bytes:
        try:
            return one.recv(65536)
        except OSError:
            return b""

    @staticmethod
    def _hang_up(one: socket.socket) -> None:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
