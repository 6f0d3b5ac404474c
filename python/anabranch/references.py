"""References to objects in the store, and what this process holds of them."""

from __future__ import annotations

import threading
import weakref
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from anabranch.errors import RequestError
from anabranch.v1 import common_pb2, control_pb2

if TYPE_CHECKING:
    from anabranch.client import Client
    from anabranch.store import Store

_Id = tuple[int, int]


class Holdings:
    """Counts nothing, gives everything back once: each `Ref` is one holding, returned when the `Ref` ends.

    Finalizers run on any thread, at any moment, so that they only append; the connection's thread does the rest.
    An object of which this process still has views (arrays that the user kept) is given back when the last of them
    ends.
    """

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._ended: deque[_Id] = deque()
        self._deferred: Counter[_Id] = Counter()

    def give_back(self, identifier: _Id) -> None:
        """Note that one holding of an object has ended."""
        self._ended.append(identifier)

    @property
    def waiting(self) -> bool:
        """Whether views keep something from being given back: worth another look later."""
        return bool(self._deferred)

    def take(self) -> list[control_pb2.ToCoordinator]:
        """Return the messages that give back what has ended since the last call."""
        if not self._ended and not self._deferred:
            return []
        ended: Counter[_Id] = Counter()
        while self._ended:
            ended[self._ended.popleft()] += 1
        if self._store is not None:
            viewed = {(i.writer, i.sequence) for i in self._store.held()}
            for identifier in [i for i in ended if i in viewed]:
                self._deferred[identifier] += ended.pop(identifier)
            for identifier in [i for i in self._deferred if i not in viewed]:
                ended[identifier] += self._deferred.pop(identifier)
        if not ended:
            return []
        release = control_pb2.ReleaseObjects()
        for (writer, sequence), count in ended.items():
            release.objects.extend([common_pb2.ObjectId(writer=writer, sequence=sequence)] * count)
        return [control_pb2.ToCoordinator(release_objects=release)]


class Ref:
    """A reference to an immutable object in the store; the object lives at least as long as the reference.

    Made by `ab.put`. An argument of `Executor.submit` may be one: the function then gets the value.
    """

    __slots__ = ("__weakref__", "_client", "message")

    def __init__(self, message: common_pb2.ObjectRef, client: Client | None) -> None:
        self.message = message
        self._client = client

    @property
    def id(self) -> _Id:
        """(writer, sequence)."""
        return self.message.writer, self.message.sequence

    @property
    def nbytes(self) -> int:
        """Bytes of the object."""
        return self.message.length

    def get(self) -> Any:
        """Return the value; arrays are read-only views of the store."""
        if self._client is None:
            raise RequestError(f"{self!r} belongs to no connection")
        return self._client.read(self.message)

    def __del__(self) -> None:
        client = self._client
        if client is not None and self.message.segment:
            client.give_back((self.message.writer, self.message.sequence))

    def __reduce__(self) -> Any:
        raise TypeError(
            "a reference is of use in its own process only; pass it as an argument of submit, or pass ab.get(ref)"
        )

    def __repr__(self) -> str:
        return f"Ref({self.message.writer:x}.{self.message.sequence}, {self.message.length} bytes)"


class DataRef(Ref):
    """A reference to an `Xy` whose X, y and the rest are objects of their own, so that a graph reads each in place."""

    __slots__ = ("data", "parts")

    def __init__(self, data: common_pb2.Data, parts: dict[str, Ref], client: Client | None) -> None:
        # Only the parts are held; a composite has no bytes of its own.
        super().__init__(common_pb2.ObjectRef(), client)
        self.data = data
        self.parts = parts

    @property
    def nbytes(self) -> int:
        """Bytes of all fields."""
        return sum(part.nbytes for part in self.parts.values())

    def get(self) -> Any:
        """Return the `Xy`."""
        from anabranch.data import Xy

        return Xy(**{name: part.get() for name, part in self.parts.items()})

    def with_part(self, name: str, part: Ref) -> DataRef:
        """Return the reference of the same `Xy` with one more field, which is another's object."""
        from anabranch.inputs import FIELDS

        data = common_pb2.Data()
        data.CopyFrom(self.data)
        getattr(data, FIELDS[name]).object.CopyFrom(part.message)
        return DataRef(data, {**self.parts, name: part}, self._client)

    def __reduce__(self) -> Any:
        # Reached only where references within are dependencies of a call: they are what crosses.
        from anabranch.data import Xy

        return _make, (Xy, tuple(self.parts), tuple(self.parts.values()))

    def __repr__(self) -> str:
        return f"DataRef({', '.join(f'{name}={part!r}' for name, part in self.parts.items())})"


def _make(kind: type, names: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    return kind(**dict(zip(names, values)))


def put(value: Any, *, progress: bool | None = None) -> Ref:
    """Store a value and return a reference to it.

    Parameters
    ----------
    value : object
        An array, a table, an `Xy`, or anything that can be pickled.
    progress : bool, optional
        Whether to show how far it is, where the value has to be sent to the store; by default as runs do.

    Raises
    ------
    StoreFull
        When the store has no room for it.
    """
    from anabranch.afar.showing import progress_of_transfers
    from anabranch.process_client import current

    with progress_of_transfers(progress):
        return current().put(value)


def get(ref: Ref | list[Ref] | tuple[Ref, ...], *, progress: bool | None = None) -> Any:
    """Return the value of a reference, or the values of a list of them.

    Arrays are read-only views of the store; in a process that does not see the store, copies, which are read-only too.

    Parameters
    ----------
    ref : Ref, or list of Ref
        What `ab.put` returned.
    progress : bool, optional
        Whether to show how far it is, where the value has to be fetched; by default as runs do.
    """
    from anabranch.afar.showing import progress_of_transfers

    with progress_of_transfers(progress):
        if isinstance(ref, (list, tuple)):
            return [get(one, progress=progress) for one in ref]
        if not isinstance(ref, Ref):
            raise RequestError(f"ab.get takes what ab.put returned, not {type(ref).__name__}")
        return ref.get()


class IdentityCache:
    """References of values that were stored once, by identity, for as long as the values live.

    Parameters
    ----------
    capacity : int
        Values that cannot be referenced weakly are kept alive, so many of them at most.
    """

    def __init__(self, capacity: int = 256) -> None:
        self._capacity = capacity
        self._entries: dict[int, tuple[Any, Any, Ref]] = {}
        self._lock = threading.Lock()

    def find(self, value: Any, stamp: Any = None) -> Ref | None:
        """Return what `keep` was given for this very object, None when there is none or its stamp was another."""
        entry = self._entries.get(id(value))
        if entry is None:
            return None
        holder, kept_stamp, ref = entry
        alive = holder() if _is_weak(holder) else holder[0]
        return ref if alive is value and kept_stamp == stamp else None

    def keep(self, value: Any, ref: Ref, stamp: Any = None) -> None:
        """Remember the reference of a value. `stamp` tells a value that was changed in place from itself."""
        identifier = id(value)

        def forget(ended: Any) -> None:
            entry = self._entries.get(identifier)
            if entry is not None and entry[0] is ended:
                self._entries.pop(identifier, None)

        with self._lock:
            try:
                holder: Any = weakref.ref(value, forget)
            except TypeError:
                holder = (value,)
            self._entries[identifier] = (holder, stamp, ref)
            if len(self._entries) > self._capacity:
                self._entries.pop(next(iter(self._entries)))


def _is_weak(holder: Any) -> bool:
    return isinstance(holder, weakref.ref)
