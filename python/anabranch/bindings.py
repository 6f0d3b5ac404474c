"""What a function travels with, and what tells that from itself after a change."""

from __future__ import annotations

import contextlib
import dis
import functools
import itertools
import pickle
import types
import weakref
from typing import Any

import cloudpickle

from anabranch.references import Ref

#: Bytes up to which a variable is looked at with every call.
_MOST_BYTES = 64 << 10


class Bindings:
    """What a function travels with: code, defaults, and what its names are bound to.

    Compared by identity, and by content what can be changed in place.

    cloudpickle sends functions and classes that cannot be imported by value, and so the functions and classes of this
    kind that they name, and that those name.
    """

    __slots__ = ("_values",)

    def __init__(self, function: Any) -> None:
        self._values: list[Any] = []
        met: set[int] = set()
        ahead = [function]
        while ahead:
            one = ahead.pop()
            if id(one) in met:
                continue
            met.add(id(one))
            if isinstance(one, type):
                members = {name: _behind(member) for name, member in vars(one).items()}
                behind = [*one.__bases__, *members.values()]
                self._values += [
                    _stamp(member, behind) for name, member in members.items() if not name.startswith("__")
                ]
                ahead += filter(_goes_by_value, behind)
                continue
            if not isinstance(one, types.FunctionType):
                continue
            bound = [cell.cell_contents if _is_set(cell) else _UNSET for cell in one.__closure__ or ()]
            if _goes_by_value(one):
                scope = one.__globals__
                bound += [one.__code__, *(one.__defaults__ or ()), *(one.__kwdefaults__ or {}).values()]
                bound += [scope.get(name, _UNSET) for name in _names(one.__code__)]
            behind = list(bound)
            self._values += [_stamp(value, behind) for value in bound]
            ahead += filter(_goes_by_value, behind)

    @property
    def is_empty(self) -> bool:
        """Whether it travels with nothing: its name is all."""
        return not self._values

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Bindings)
            and len(self._values) == len(other._values)
            and all(
                mine is theirs or (type(mine) is _Content and mine == theirs)
                for mine, theirs in zip(self._values, other._values)
            )
        )

    __hash__ = None  # type: ignore[assignment]


class _Content(bytes):
    """The digest of a value that can be changed in place."""


class _TooLarge(Exception):
    """The value that is looked at is larger than can be looked at with every call."""


class _Digest:
    """A file of pickled bytes that keeps their digest alone, and breaks off after 64 KB, buffers included."""

    def __init__(self) -> None:
        import hashlib

        self._left = _MOST_BYTES
        self._hash = hashlib.sha256()

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self._left -= size
        if self._left < 0:
            raise _TooLarge
        self._hash.update(data)
        return size

    def take_buffer(self, buffer: pickle.PickleBuffer) -> bool:
        """Read an array's bytes where they are: False, as they need not stand in the pickle."""
        self.write(buffer.raw())
        return False

    def digest(self) -> _Content:
        return _Content(self._hash.digest())


class _Stamper(cloudpickle.Pickler):
    """Pickles a value for its digest alone: functions, classes and modules in it are named by identity.

    Parameters
    ----------
    digest : _Digest
    met : list
        Takes the functions and classes: they may have been changed in place as well.
    """

    def __init__(self, digest: _Digest, met: list[Any]) -> None:
        super().__init__(digest, protocol=5, buffer_callback=digest.take_buffer)
        self._met = met

    def persistent_id(self, value: Any) -> int | None:
        if not isinstance(value, _NAMED):
            return None
        self._met.append(value)
        return id(value)


def _stamp(value: Any, met: list[Any]) -> Any:
    """Return what tells a value from itself after a change: its digest, or itself where only its identity counts."""
    if value is _UNSET or isinstance(value, (*_NAMED, *_UNCHANGING)) or _is_large(value):
        return value
    digest = _Digest()
    try:
        _Stamper(digest, met).dump(value)
    except _TooLarge:
        _note_large(value)
        return value
    except Exception:
        # It cannot travel: the function's own pickling says so.
        return value
    return digest.digest()


def _is_large(value: Any) -> bool:
    return _large.get(id(value)) is value or (type(value) in _BARE and _large_bare.get(id(value)) == len(value))


def _note_large(value: Any) -> None:
    """Remember that a value is large: some make all of their bytes before the first can be looked at."""
    if type(value) in _BARE:
        # These cannot be referred to weakly, and are not to be kept alive.
        while len(_large_bare) >= _MOST_LARGE:
            del _large_bare[next(iter(_large_bare))]
        _large_bare[id(value)] = len(value)
    else:
        with contextlib.suppress(TypeError):
            _large[id(value)] = value


def _goes_by_value(value: Any) -> bool:
    """Whether cloudpickle sends a function or class itself, and not only where it is to be imported from."""
    if not isinstance(value, (types.FunctionType, type)):
        return False
    module, name = value.__module__, value.__qualname__
    if module == "__main__" or "<" in name:
        return True
    chosen = cloudpickle.list_registry_pickle_by_value()
    return bool(chosen) and any(module == one or str(module).startswith(f"{one}.") for one in chosen)


def _behind(member: Any) -> Any:
    """Return the function behind a member of a class, where there is one."""
    if isinstance(member, property):
        return member.fget
    return member.__func__ if isinstance(member, (staticmethod, classmethod)) else member


@functools.lru_cache(maxsize=1024)
def _names(code: types.CodeType) -> tuple[str, ...]:
    """Return the names that code looks up, and what is nested in it: comprehensions, lambdas, inner functions."""
    inner = (_names(constant) for constant in code.co_consts if isinstance(constant, types.CodeType))
    # Of globals alone: names of attributes stand beside them.
    own = (one.argval for one in dis.get_instructions(code) if one.opname in _GLOBAL)
    return tuple(dict.fromkeys(itertools.chain(own, *inner)))


_GLOBAL = frozenset(("LOAD_GLOBAL", "LOAD_NAME"))


_UNSET = object()
_large: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
_large_bare: dict[int, int] = {}
_BARE = (dict, list, set, tuple)
_MOST_LARGE = 256
#: What is known by its identity, and followed where it travels by value.
_NAMED = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType)
_UNCHANGING = (type(None), bool, int, float, complex, str, bytes, types.CodeType, types.GetSetDescriptorType, Ref)


def _is_set(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True
