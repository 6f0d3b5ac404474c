"""The process's connection to a pool: found or started on first use, gone at exit."""

from __future__ import annotations

import atexit
import os
import random
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from anabranch.connection import Connection, wait_for
from anabranch.errors import AnabranchError, ConnectionFailed, RequestError
from anabranch.references import DataRef, Holdings, Ref
from anabranch.v1 import common_pb2, control_pb2
from anabranch.versions import own_versions
from anabranch.waiting import inside_task

if TYPE_CHECKING:
    from anabranch.credentials import Credentials
    from anabranch.pool import EmbeddedPool
    from anabranch.store import Store

Push = Callable[[Any], None]


class Client:
    """A connection, the store behind it, and who waits for which run's messages.

    Parameters
    ----------
    address : str
        The coordinator's control endpoint.
    pool : EmbeddedPool, optional
        The pool that was started for this client; it ends with it.
    timeout : float
        Seconds to wait for the coordinator's welcome.
    credentials : Credentials, optional
        Keys, for a tcp address.
    """

    def __init__(
        self,
        address: str,
        pool: EmbeddedPool | None = None,
        timeout: float = 10.0,
        credentials: Credentials | None = None,
    ) -> None:
        self.address = address
        self.pool = pool
        self.store: Store | None = None
        self.holdings = Holdings(None)
        self._subscribers: dict[int, tuple[Push, Callable[[ConnectionFailed], None]]] = {}
        self._early: dict[int, list[Any]] = {}
        self._closed = False
        self._over: set[int] = set()
        # Reentrant: what was pushed early may end its subscription while it is handed over.
        self._lock = threading.RLock()
        _check_endpoint(address)
        self.connection = Connection(address, self._pushed, self._lost, credentials)
        try:
            self._welcome(timeout)
        except BaseException:
            self.connection.close()
            raise

    def _welcome(self, timeout: float) -> None:
        from anabranch.store import Store

        writer = random.SystemRandom().randrange(1, 1 << 63)
        hello = control_pb2.ClientHello(versions=own_versions(), writer=writer, name=f"python-{os.getpid()}")
        future = self.connection.request(control_pb2.ToCoordinator(client_hello=hello))
        try:
            reply = wait_for(future, timeout, self.address)
        except ConnectionFailed:
            if future.done():
                raise
            obstacle = self.connection.obstacle or "nothing comes back (is `anabranch coordinator` running there?)"
            raise ConnectionFailed(
                f"no coordinator answers at {self.address} within {timeout:g} s: {obstacle}"
            ) from None
        self.welcome = reply.client_welcome
        if not os.path.isdir(self.welcome.store):
            raise ConnectionFailed(
                f"the coordinator's store {self.welcome.store} is not visible here: "
                "run this process on the coordinator's host, in a container that shares its /dev/shm"
            )
        self.store = Store(
            self.welcome.store,
            writer=writer,
            inline_threshold=self.welcome.inline_threshold,
            budget=self.welcome.store_budget,
        )
        # Weakly: the store must not keep the connection, and its descriptors, alive.
        holders = weakref.WeakMethod(self._holders)
        self.store.explain_full = lambda: found() if (found := holders()) else "the connection is closed"
        self.holdings = Holdings(self.store)
        self.connection.add_outbox(self.holdings.take)
        self.connection.periodic = lambda: self.holdings.waiting

    # ---- messages

    def ask(self, message: control_pb2.ToCoordinator, timeout: float | None = 60.0, what: str | None = None) -> Any:
        """Send a request and return its answer.

        Raises
        ------
        AnabranchError
            What an `Error` means, or `ConnectionFailed` when no answer comes within `timeout` seconds.
        """
        future = self.connection.request(message)
        return wait_for(future, timeout, what or f"the coordinator at {self.address}")

    def tell(self, message: control_pb2.ToCoordinator) -> None:
        """Send what is not answered."""
        self.connection.send(message)

    def subscribe(self, run: int, push: Push, lost: Callable[[ConnectionFailed], None]) -> None:
        """Call `push` (on the connection's thread) with every message pushed for a run, those come early included."""
        with self._lock:
            early = self._early.pop(run, [])
            self._subscribers[run] = (push, lost)
            # Under the lock: what comes next must not overtake what came early.
            for message in early:
                push(message)
        if self.connection.lost is not None:
            lost(self.connection.lost)

    def unsubscribe(self, run: int) -> None:
        """Drop what is pushed for a run from now on."""
        with self._lock:
            self._subscribers.pop(run, None)
            early = self._early.pop(run, [])
            self._over.add(run)
        for body in early:
            self._give_back(body)

    def _give_back(self, body: control_pb2.RunUpdate | control_pb2.CallResults) -> None:
        """Take what a message mentions and let go of it: each mention is a holding that the coordinator counts."""
        from anabranch.failures import Failure
        from anabranch.records import Record

        if isinstance(body, control_pb2.RunUpdate):
            for entry in body.entries:
                Record(entry, self)
            return
        for result in body.results:
            if result.HasField("value"):
                Ref(result.value, self)
            else:
                Failure(result.failure, self)

    def _pushed(self, message: control_pb2.FromCoordinator) -> None:
        kind = message.WhichOneof("body")
        if kind == "release_objects":
            if self.store is not None:
                self.store.release(message.release_objects.objects)
            return
        if kind not in ("run_update", "call_results"):
            return
        body = getattr(message, kind)
        with self._lock:
            subscriber = self._subscribers.get(body.run)
            if subscriber is None and body.run not in self._over:
                # The answer that names the run may still be on its way to the thread that asked.
                self._early.setdefault(body.run, []).append(body)
                return
        if subscriber is None:
            self._give_back(body)
        else:
            subscriber[0](body)

    def _lost(self, error: ConnectionFailed) -> None:
        if self.pool is not None:
            error.args = (self.pool.explain(str(error)),)
        with self._lock:
            subscribers = list(self._subscribers.values())
        for _, lost in subscribers:
            lost(error)

    # ---- objects

    def put(self, value: Any, *, never_inline: bool = False) -> Ref:
        """Store a value; an `Xy` becomes one object for each of its fields."""
        from anabranch.data import Xy

        if isinstance(value, Xy):
            return self.put_data(value)
        return self.hold(self._store().put(value, never_inline=never_inline))

    def put_data(self, value: Any) -> DataRef:
        """Store the fields of an `Xy`."""
        from anabranch.inputs import FIELDS

        parts: dict[str, Ref] = {}
        data = common_pb2.Data()
        for name, field in FIELDS.items():
            part = getattr(value, name)
            if part is None:
                continue
            parts[name] = part if isinstance(part, Ref) else self.put(part)
            getattr(data, field).object.CopyFrom(parts[name].message)
        return DataRef(data, parts, self)

    def hold(self, message: common_pb2.ObjectRef) -> Ref:
        """Tell the coordinator that this process holds what it wrote, for as long as the returned reference lives."""
        if message.segment:
            self.tell(control_pb2.ToCoordinator(hold_objects=control_pb2.HoldObjects(objects=[message])))
        return Ref(message, self)

    def received(self, message: common_pb2.ObjectRef) -> Ref:
        """Return the reference for an object that the coordinator mentioned: a holding to be given back once."""
        return Ref(message, self)

    def read(self, message: common_pb2.ObjectRef, *, own: bool = False) -> Any:
        """Return the value of an object, of another host's store too; with `own`, arrays that can be written to.

        One that came before the coordinator died is read while its bytes stand here.
        """
        from anabranch.pieces import fetch, has_other_stores
        from anabranch.store import ObjectLost, StoreError

        lost = self.connection.lost
        if lost is None or self.store is None or self._closed:
            try:
                return self._store().get(message, own=own)
            except ObjectLost:
                if not message.segment or self.connection.is_current_thread or not has_other_stores(self):
                    raise
                return self._store().get(fetch(self, message), own=own)
        try:
            return self.store.get(message, own=own)
        except StoreError as error:
            raise lost from error

    def _holders(self) -> str:
        """Who holds most of the store, for the error of a `put` that found it full."""
        from anabranch.store.directory import readable

        try:
            status = self.ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest()), timeout=2.0).status
        except AnabranchError:
            return "the coordinator does not say who holds most"
        most = [f"{holder.name}: {readable(holder.bytes)}" for holder in status.store_holders[:3]]
        return (
            f"{readable(status.store_bytes)} of {readable(status.store_budget)} are needed, most by "
            f"{', '.join(most) or 'nobody'}"
        )

    def give_back(self, identifier: tuple[int, int]) -> None:
        """Note the end of a holding; called by finalizers."""
        self.holdings.give_back(identifier)
        self.connection.wake()

    def _store(self) -> Store:
        if self.store is None or self.connection.lost is not None:
            raise self.connection.lost or ConnectionFailed(f"the connection to {self.address} was closed")
        return self.store

    @property
    def alive(self) -> bool:
        """Whether requests can be answered."""
        return self.connection.lost is None

    def close(self) -> None:
        """End the connection, and the embedded pool with it."""
        self._closed = True
        self.connection.close()
        if self.store is not None:
            self.store.close()
        if self.pool is not None:
            self.pool.close()


def _check_endpoint(address: str) -> None:
    scheme, separator, rest = address.partition("://")
    if not separator or not rest:
        raise RequestError(
            f"address {address!r} is no endpoint; it looks like ipc:///path/control.sock or tcp://host:port"
        )
    if scheme == "ipc" and not os.path.exists(rest):
        raise ConnectionFailed(f"no coordinator at {address}: {rest} does not exist")


# ---- the process's client

_current: Client | None = None
_settings: dict[str, Any] = {}
_lock = threading.RLock()


def init(
    address: str | None = None,
    slots: int | None = None,
    *,
    store_budget: int | str | None = None,
    python: str | None = None,
    key: str | None = None,
    server_key: str | None = None,
    timeout: float = 30.0,
) -> None:
    """Connect to a standing coordinator, or start an embedded pool. Without it the first use starts one.

    Parameters
    ----------
    address : str, optional
        Control endpoint of a coordinator; ``ANABRANCH_ADDRESS`` when not given; an embedded pool when neither is.
    slots : int, optional
        Tasks that an embedded pool runs at a time; as many as there are cores when not given.
    store_budget : int or str, optional
        Bytes that an embedded pool's store may take (``"2G"``).
    python : str, optional
        Interpreter that runs the tasks of an embedded pool; this one when not given.
    key : str, optional
        File with this program's key, for a coordinator with keys at a tcp address; ``ANABRANCH_KEY`` when not given.
    server_key : str, optional
        File with the coordinator's public key; ``ANABRANCH_SERVER_KEY``, then ``coordinator.pub`` beside `key`.
    timeout : float
        Seconds to wait for an answer.

    Raises
    ------
    ConnectionFailed
        When nothing answers at the address, or the pool does not start; the message says why.
    RequestError
        When another pool is in use already, or a key file is of no use.
    """
    global _current, _settings
    wanted = {
        "address": address,
        "slots": slots,
        "store_budget": store_budget,
        "python": python,
        "key": key,
        "server_key": server_key,
    }
    with _lock:
        if _current is not None and _current.alive:
            if wanted == _settings or not any(value is not None for value in wanted.values()):
                return
            raise RequestError(f"already connected to {_current.address}; call ab.shutdown() first")
        shutdown()
        _current = _connect(**wanted, timeout=timeout)
        _settings = wanted


def _connect(
    address: str | None,
    slots: int | None,
    store_budget: int | str | None,
    python: str | None,
    key: str | None,
    server_key: str | None,
    timeout: float,
) -> Client:
    address = address or os.environ.get("ANABRANCH_ADDRESS") or None
    if inside_task():
        # The pool is there: it runs the task that asks.
        slots = store_budget = python = None
    if address is not None:
        if slots is not None or store_budget is not None or python is not None:
            raise RequestError(f"slots, store_budget and python are for embedded pools; {address} has its own")
        return Client(address, timeout=timeout, credentials=_credentials(address, key, server_key))
    from anabranch.pool import EmbeddedPool

    pool = EmbeddedPool(slots=slots, store_budget=store_budget, python=python, timeout=timeout)
    try:
        return Client(pool.address, pool, timeout)
    except AnabranchError as error:
        error.args = (pool.explain(str(error)),)
        pool.close()
        raise
    except BaseException:
        pool.close()
        raise


def _credentials(address: str, key: str | None, server_key: str | None) -> Credentials | None:
    """Return the keys for an address; those are for tcp, ipc has the modes of files."""
    key = key or os.environ.get("ANABRANCH_KEY")
    if not key or not address.startswith("tcp:"):
        return None
    from anabranch.credentials import load_credentials

    return load_credentials(key, server_key or os.environ.get("ANABRANCH_SERVER_KEY"))


def current() -> Client:
    """Return the process's client; starts an embedded pool when there is none."""
    with _lock:
        if _current is None or not _current.alive:
            init()
        assert _current is not None
        return _current


def shutdown() -> None:
    """End the connection and the embedded pool. Runs that were not detached end with it."""
    global _current, _settings
    with _lock:
        client, _current, _settings = _current, None, {}
    if client is not None:
        client.close()


def _forget_in_child() -> None:
    # Sockets and threads do not cross a fork; the child connects anew when it needs to.
    global _current, _settings, _lock
    if _current is not None and _current.pool is not None:
        _current.pool.forget()
    _abandoned.append(_current)
    _current, _settings, _lock = None, {}, threading.RLock()


#: Clients of a parent process: kept, because ending them would touch sockets that are not this process's.
_abandoned: list[Client | None] = []

os.register_at_fork(after_in_child=_forget_in_child)
atexit.register(shutdown)
