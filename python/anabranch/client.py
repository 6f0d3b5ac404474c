"""A connection to a coordinator, the store behind it, and who waits for which run's messages."""

from __future__ import annotations

import os
import random
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from anabranch.connection import Connection, wait_for
from anabranch.errors import AnabranchError, ConnectionFailed, RequestError
from anabranch.references import DataRef, Holdings, Ref
from anabranch.v1 import common_pb2, control_pb2
from anabranch.versions import own_versions

if TYPE_CHECKING:
    from anabranch.afar.store import AfarStore
    from anabranch.afar.transfers import Transfers
    from anabranch.credentials import Credentials
    from anabranch.executor import Executor
    from anabranch.pool import EmbeddedPool
    from anabranch.requirements import Requirements
    from anabranch.store import Store

Push = Callable[[Any], None]
Owner = TypeVar("Owner")


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
        self.store: Store | AfarStore | None = None
        self._others: AfarStore | None = None
        self._transfers: Transfers | None = None
        #: Of a standing cluster, whose workers have not what this process has.
        self.requirements: Requirements | None = None
        #: Those that were made with it and live.
        self.executors: weakref.WeakSet[Executor] = weakref.WeakSet()
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
        from anabranch.afar.sight import sees_store
        from anabranch.afar.store import AfarStore
        from anabranch.store import Store

        writer = random.SystemRandom().randrange(1, 1 << 63)
        hello = control_pb2.ClientHello(versions=own_versions(), writer=writer, name=f"python-{os.getpid()}")
        future = self.connection.request(control_pb2.ToCoordinator(client_hello=hello))
        try:
            reply = wait_for(future, timeout, self.address)
        except ConnectionFailed:
            if future.done():
                raise
            if self.pool is not None:
                raise ConnectionFailed(
                    f"the embedded pool did not start within {timeout:g} s (timeout=): its coordinator does not answer"
                ) from None
            obstacle = self.connection.obstacle or "nothing comes back (is `anabranch coordinator` running there?)"
            raise ConnectionFailed(
                f"no coordinator answers at {self.address} within {timeout:g} s (timeout=): {obstacle}"
            ) from None
        self.welcome = reply.client_welcome
        if not sees_store(self.welcome):
            self.store = AfarStore(self, writer=writer, inline_threshold=self.welcome.inline_threshold)
            self.holdings = Holdings(None)
            self.connection.add_outbox(self.holdings.take)
            return
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
        self.connection.serve_within(future.done, timeout)
        return wait_for(future, timeout, what or f"the coordinator at {self.address}")

    def begin_run(
        self, message: control_pb2.ToCoordinator, own: Callable[[int], Owner], timeout: float | None = 60.0
    ) -> Owner:
        """Submit a run, or open a session, and return what ``own`` makes of its number: what will end it.

        Who is interrupted before that (Ctrl-C) has nothing to end the run by: then it ends when it begins.

        Raises
        ------
        AnabranchError
            As `ask`.
        """
        future = self.connection.request(message)
        try:
            self.connection.serve_within(future.done, timeout)
            answer = wait_for(future, timeout, f"the coordinator at {self.address}")
            return own(answer.run_accepted.run)
        except BaseException:
            future.add_done_callback(self._end_unowned)
            raise

    def _end_unowned(self, answered: Future) -> None:
        if answered.cancelled() or answered.exception() is not None or not self.alive:
            return
        run = answered.result().run_accepted.run
        self.tell(control_pb2.ToCoordinator(cancel_run=control_pb2.CancelRun(run=run)))
        self.tell(control_pb2.ToCoordinator(close_run=control_pb2.CloseRun(run=run)))
        self.unsubscribe(run)

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

    def put(self, value: Any, *, never_inline: bool = False, persistent_id: Callable[[Any], Any] | None = None) -> Ref:
        """Store a value; an `Xy` becomes one object for each of its fields.

        Parameters
        ----------
        value : object
        never_inline, persistent_id
            As of `Store.put`.
        """
        from anabranch.data import Xy

        if isinstance(value, Xy):
            return self.put_data(value)
        store = self._store()
        if self.requirements is None:
            put = store.put(value, never_inline=never_inline, persistent_id=persistent_id)
        else:
            from anabranch.store.pickle5 import named_modules

            self.register_code()
            token = named_modules.set(self.requirements.named)
            try:
                put = store.put(value, never_inline=never_inline, persistent_id=persistent_id)
            finally:
                named_modules.reset(token)
        # Of what was sent the reference says already that it is held.
        return put if isinstance(put, Ref) else self.hold(put)

    def register_code(self) -> None:
        """Have the user's own modules travel by value, where the workers have an interpreter of their own."""
        if self.requirements is not None:
            from anabranch.local_code import register_local_modules

            register_local_modules()

    def check_requirements(self) -> None:
        """Refuse what needs packages that a worker has not; costs nothing when nothing new was stored.

        Raises
        ------
        RequestError
            As of `Requirements.check`.
        """
        if self.requirements is not None:
            self.requirements.check()

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
        # Of the module that has them: an import of names out of a package costs a read of a small value its half.
        from anabranch.store.errors import ObjectLost, StoreError

        lost = self.connection.lost
        if lost is None or self._closed or not self.sees_store:
            try:
                return self._store().get(message, own=own)
            except ObjectLost:
                if not self.sees_store or not message.segment or not self._has_other_stores():
                    raise
            return self._afar_store().get(message, own=own)
        try:
            return self.store.get(message, own=own)
        except StoreError as error:
            raise lost from error

    def _has_other_stores(self) -> bool:
        """Whether there are workers that do not see the coordinator's store."""
        status = self.ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest())).status
        return any(worker.own_store for worker in status.workers)

    def _afar_store(self) -> AfarStore:
        """What reads objects of other hosts' stores."""
        from anabranch.afar.store import AfarStore

        with self._lock:
            if self._others is None:
                self._others = AfarStore(self, writer=self._store().writer, inline_threshold=0)
            return self._others

    @property
    def transfers(self) -> Transfers:
        """Through which bytes travel that this process does not see."""
        from anabranch.afar.transfers import Transfers

        with self._lock:
            if self._transfers is None:
                self._transfers = Transfers(self)
            return self._transfers

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

    def _store(self) -> Store | AfarStore:
        if self.store is None or self.connection.lost is not None:
            raise self.connection.lost or ConnectionFailed(f"the connection to {self.address} was closed")
        return self.store

    @property
    def sees_store(self) -> bool:
        """Whether objects of the coordinator's store are mapped here; they have to be fetched otherwise."""
        from anabranch.store import Store

        return isinstance(self.store, Store)

    @property
    def alive(self) -> bool:
        """Whether requests can be answered."""
        return self.connection.lost is None

    def finish_calls(self) -> None:
        """Wait for the calls of all executors; they take no more."""
        for executor in list(self.executors):
            executor.shutdown()

    def close(self) -> None:
        """End the connection, and the embedded pool with it."""
        self._closed = True
        # Who is interrupted in the midst of this (Ctrl-C) leaves no pool behind.
        try:
            if self.requirements is not None:
                from anabranch.local_code import forget_local_modules

                forget_local_modules()
            self.connection.close()
            if self.store is not None:
                self.store.close()
        finally:
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
