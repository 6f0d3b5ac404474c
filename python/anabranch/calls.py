"""Calls of an executor: futures, functions stored once, arguments with references in them."""

from __future__ import annotations

import pickle
import types
import weakref
import zlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any

import cloudpickle

from anabranch.bindings import Bindings
from anabranch.call_future import CallFuture
from anabranch.errors import RequestError, TaskError
from anabranch.failures import CannotCome, Failure
from anabranch.references import IdentityCache, Ref
from anabranch.store.pickle5 import atoms_to_bytes
from anabranch.v1 import common_pb2, task_pb2

if TYPE_CHECKING:
    from anabranch.client import Client

#: Arrays from this size on are stored once and named by reference, in bytes.
LARGE = 64 << 10


class Functions:
    """Functions as objects in the store: plain ones pickled once, other callables once per content.

    A plain function is known by identity and by what its names are bound to: one of ``__main__`` that reads a variable,
    or calls a function, which was bound anew is pickled again, and so is one whose variable was changed in place, where
    that is no larger than 64 KB. Callable objects have state: each submission pickles them, and stores what differs.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._plain = IdentityCache()
        self._others: OrderedDict[bytes, Ref] = OrderedDict()
        # The one that was asked for last, weakly, if it travels by its name alone.
        self._last: tuple[Callable[[], Any], Ref] | None = None

    def reference(self, function: Callable) -> Ref:
        """Return the reference of a function; a call keeps it until it has ended, for the function may end before.

        Raises
        ------
        TypeError
            When it cannot be pickled; the message names it.
        """
        last = self._last
        if last is not None and last[0]() is function and not cloudpickle.list_registry_pickle_by_value():
            return last[1]
        self._client.register_code()
        try:
            reference = self._reference(function)
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            name = getattr(function, "__qualname__", None) or repr(function)
            raise TypeError(f"{name} cannot be sent to the pool: {error}") from error
        self._client.check_requirements()
        return reference

    def _reference(self, function: Callable) -> Ref:
        if isinstance(function, types.FunctionType) or _is_plain_builtin(function):
            bindings = Bindings(function)
            known = self._plain.find(function, bindings)
            if known is None:
                known = self._client.put(function, never_inline=True)
                self._plain.keep(function, known, bindings)
            if bindings.is_empty and self._client.requirements is None:
                self._last = weakref.ref(function), known
            return known
        import hashlib

        content = hashlib.sha256(cloudpickle.dumps(function, protocol=5)).digest()
        known = self._others.get(content)
        if known is None:
            known = self._others[content] = self._client.put(function, never_inline=True)
            while len(self._others) > 64:
                self._others.popitem(last=False)
        return known


def _is_plain_builtin(function: Any) -> bool:
    """Whether a builtin is one of a module: one of an object, such as a dict's `get`, has its state."""
    return isinstance(function, types.BuiltinFunctionType) and (
        function.__self__ is None or isinstance(function.__self__, types.ModuleType)
    )


class ArgumentFailed(Exception):
    """A future among the arguments has ended without a value: the call that needs it ends as it did.

    Attributes
    ----------
    error : BaseException
        What the future raises.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


class Arguments:
    """Arguments of calls as messages: references and futures in them become dependencies."""

    def __init__(self, client: Client, owner: Any) -> None:
        self._client = client
        self._owner = owner
        self._arrays = IdentityCache()
        assert client.store is not None
        self._inline_limit = client.store.inline_threshold

    def plain(self, args: tuple) -> bytes | None:
        """Return the bytes of arguments that are small atoms and have nothing in them to look for, None for others."""
        if not _ATOMS.issuperset(map(type, args)):
            return None
        for arg in args:
            if type(arg) in (str, bytes) and len(arg) > self._inline_limit:
                return None
        data = atoms_to_bytes((args, {}))
        return data if len(data) <= self._inline_limit else None

    def encode(self, args: tuple, kwargs: dict, work: task_pb2.CallWork) -> tuple[list[CallFuture], list[Ref]]:
        """Fill `work`, and return the futures to wait for and the references to keep until the call has ended.

        Raises
        ------
        ArgumentFailed
            When a future among the arguments has no value.
        """
        awaited: list[CallFuture] = []
        kept: list[Ref] = []
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

        arguments = self._client.put((args, kwargs), persistent_id=persistent_id)
        work.arguments.CopyFrom(arguments.message)
        kept.append(arguments)
        self._client.check_requirements()
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
        try:
            Future.result(future)
        except BaseException as error:
            raise ArgumentFailed(error) from None
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


def exception_of(failure: Failure) -> BaseException:
    """Return what a failed call's future raises."""
    if failure.kind == "cancelled":
        return CancelledError(failure.message or "the call was cancelled")
    error = failure.exception()
    if isinstance(error, TaskError) and failure.kind == "unpicklable":
        return CannotCome(failure.describe())
    return error


def chunk_call(function: Callable, chunk: list[tuple]) -> list[Any]:
    """Call a function for each tuple of arguments; what `Executor.map` sends for a chunk."""
    return [function(*arguments) for arguments in chunk]
