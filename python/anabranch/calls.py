"""Calls of an executor: futures, functions stored once, arguments with references in them."""

from __future__ import annotations

import contextlib
import pickle
import threading
import types
import zlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError
from typing import TYPE_CHECKING, Any

from anabranch.errors import RequestError, TaskError
from anabranch.failures import Failure
from anabranch.references import IdentityCache, Ref
from anabranch.v1 import common_pb2, control_pb2, task_pb2

if TYPE_CHECKING:
    from anabranch.client import Client

#: Arrays from this size on are stored once and named by reference, in bytes.
LARGE = 64 << 10


class CallFuture(Future):
    """The future of one call. Its value is read when someone asks for it, on the asker's thread.

    Attributes
    ----------
    usage : task_pb2.Usage or None
        Where the call's time went (microseconds) and its bytes, once it has ended.
    """

    def __init__(self, number: int, owner: Any) -> None:
        super().__init__()
        self.number = number
        self.owner = owner
        self.ref: Ref | None = None
        self._value: Any = None
        self._was_read = False

    def result(self, timeout: float | None = None) -> Any:
        """Return the call's value, or raise what it raised."""
        ref = super().result(timeout)
        if not isinstance(ref, Ref):
            return ref
        if not self._was_read:
            # A lock for the few futures that several threads read at once, not for every future.
            with self.__dict__.setdefault("_reading", threading.Lock()):
                if not self._was_read:
                    self._value = ref.get()
                    self._was_read = True
        return self._value

    def cancel(self) -> bool:
        """Cancel the call unless it has ended; one that runs is stopped, one that is queued will not run."""
        return self.owner.cancel(self)

    def cancel_quietly(self) -> bool:
        """Mark as cancelled without telling the pool; whether this call did it."""
        with _cancelling:
            if self.done() or not super().cancel():
                return False
            # Whoever waits for the future hears of it at once: no worker will say so.
            self.set_running_or_notify_cancel()
            return True

    def settle(self, outcome: Any, error: BaseException | None) -> None:
        """Give the future its outcome, unless it was cancelled."""
        with contextlib.suppress(InvalidStateError):
            if error is None:
                self.set_result(outcome)
            else:
                self.set_exception(error)


_cancelling = threading.Lock()


class Functions:
    """Functions as objects in the store: plain ones pickled once, other callables once per content.

    A plain function is known by identity and by what its names are bound to: one of ``__main__`` that reads a variable
    which was bound anew is pickled again. What is changed in place is not seen. Callable objects have state: each
    submission pickles them, and stores what differs.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._plain = IdentityCache()
        self._others: OrderedDict[bytes, Ref] = OrderedDict()

    def reference(self, function: Callable) -> Ref:
        """Return the reference of a function; a call keeps it until it has ended, for the function may end before.

        Raises
        ------
        TypeError
            When it cannot be pickled; the message names it.
        """
        try:
            return self._reference(function)
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            name = getattr(function, "__qualname__", None) or repr(function)
            raise TypeError(f"{name} cannot be sent to the pool: {error}") from error

    def _reference(self, function: Callable) -> Ref:
        if isinstance(function, (types.FunctionType, types.BuiltinFunctionType)):
            bindings = _Bindings(function)
            known = self._plain.find(function, bindings)
            if known is None:
                known = self._client.put(function, never_inline=True)
                self._plain.keep(function, known, bindings)
            return known
        import hashlib

        import cloudpickle

        content = hashlib.sha256(cloudpickle.dumps(function, protocol=5)).digest()
        known = self._others.get(content)
        if known is None:
            known = self._others[content] = self._client.put(function, never_inline=True)
            while len(self._others) > 64:
                self._others.popitem(last=False)
        return known


class _Bindings:
    """What a function's names are bound to, compared by identity."""

    __slots__ = ("_values",)

    def __init__(self, function: Any) -> None:
        self._values: tuple[Any, ...] = ()
        cells = getattr(function, "__closure__", None) or ()
        if cells:
            self._values = tuple(cell.cell_contents if _is_set(cell) else _UNSET for cell in cells)
        if getattr(function, "__module__", None) == "__main__" and hasattr(function, "__code__"):
            scope = function.__globals__
            self._values += tuple(scope.get(name, _UNSET) for name in function.__code__.co_names)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Bindings)
            and len(self._values) == len(other._values)
            and all(mine is theirs for mine, theirs in zip(self._values, other._values))
        )

    __hash__ = None  # type: ignore[assignment]


_UNSET = object()


def _is_set(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


class Arguments:
    """Arguments of calls as messages: references and futures in them become dependencies."""

    def __init__(self, client: Client, owner: Any) -> None:
        self._client = client
        self._owner = owner
        self._arrays = IdentityCache()

    def encode(self, args: tuple, kwargs: dict, work: task_pb2.CallWork) -> tuple[list[CallFuture], list[Ref]]:
        """Fill `work`, and return the futures to wait for and the references to keep until the call has ended."""
        awaited: list[CallFuture] = []
        kept: list[Ref] = []
        store = self._client.store
        assert store is not None
        if _plain(args) and not kwargs:
            work.arguments.CopyFrom(store.put((args, kwargs), encoding=common_pb2.ENCODING_PICKLE5))
        else:
            numbers: dict[int, int] = {}

            def persistent_id(value: Any) -> Any:
                ref = self._reference(value)
                if ref is None:
                    return None
                if id(value) not in numbers:
                    numbers[id(value)] = len(work.dependencies)
                    if isinstance(ref, CallFuture):
                        awaited.append(ref)
                        work.dependencies.append(common_pb2.ObjectRef())
                    else:
                        kept.append(ref)
                        work.dependencies.append(ref.message)
                return ("ref", numbers[id(value)])

            work.arguments.CopyFrom(store.put((args, kwargs), persistent_id=persistent_id))
        if work.arguments.segment:
            kept.append(self._client.hold(work.arguments))
        return awaited, kept

    def _reference(self, value: Any) -> Ref | CallFuture | None:
        if isinstance(value, Ref):
            return None if type(value) is not Ref else value
        if isinstance(value, Future):
            return self._future(value)
        nbytes = getattr(value, "nbytes", 0)
        if isinstance(nbytes, int) and nbytes >= LARGE and type(value).__module__ == "numpy":
            return self._array(value)
        return None

    def _future(self, future: Future) -> Ref | CallFuture:
        if not isinstance(future, CallFuture) or future.owner is not self._owner:
            raise RequestError("an argument is a future of another executor; pass its result()")
        if not future.done():
            return future
        # Raises what the call raised, as the dependent one would.
        Future.result(future)
        assert future.ref is not None
        return future.ref

    def _array(self, array: Any) -> Ref | None:
        if array.dtype.hasobject:
            return None
        # Stored once however many calls take it, and again when it was changed in place since.
        contiguous = array.flags.c_contiguous or array.flags.f_contiguous
        if not contiguous:
            return None
        stamp = (array.shape, array.strides, array.dtype.str, zlib.crc32(array.reshape(-1, order="A").view("u1").data))
        known = self._arrays.find(array, stamp)
        if known is None:
            known = self._client.put(array, never_inline=True)
            self._arrays.keep(array, known, stamp)
        return known


_ATOMS = frozenset((type(None), bool, int, float, str, bytes))


def _plain(args: tuple) -> bool:
    return all(type(arg) in _ATOMS and (type(arg) not in (str, bytes) or len(arg) < LARGE) for arg in args)


def settle(future: CallFuture, result: control_pb2.CallResult, client: Client) -> None:
    """Give a future its outcome; called on the connection's thread."""
    future.usage = result.usage
    if result.WhichOneof("outcome") == "value":
        future.ref = Ref(result.value, client)
        outcome: Any = future.ref
        error: BaseException | None = None
    else:
        failure = Failure(result.failure, client)
        outcome, error = None, _exception(failure)
    future.settle(outcome, error)


def _exception(failure: Failure) -> BaseException:
    if failure.kind == "cancelled":
        return CancelledError(failure.message or "the call was cancelled")
    error = failure.exception()
    if isinstance(error, TaskError) and failure.kind == "unpicklable":
        return TypeError(failure.describe()).with_traceback(None)
    return error


def chunk_call(function: Callable, chunk: list[tuple]) -> list[Any]:
    """Call a function for each tuple of arguments; what `Executor.map` sends for a chunk."""
    return [function(*arguments) for arguments in chunk]
