"""Modules of the user's own, which the workers of a standing cluster cannot import: they travel by value."""

from __future__ import annotations

import contextlib
import os
import sys
import sysconfig
from types import ModuleType

import cloudpickle

#: Directories beside those of the program: where a command found its FILE.
_roots: set[str] = set()
_registered: set[str] = set()
_looked_at = 0


def add_root(directory: str) -> None:
    """Have modules in a directory, and in packages below it, travel by value as those beside the program do."""
    global _looked_at
    _roots.add(os.path.realpath(directory))
    _looked_at = 0


def register_local_modules() -> None:
    """Register what is imported by now and is neither installed nor part of Python, by where it stands.

    That is: beside the program, in the working directory, or below them. Compiled modules have no code to send. Costs
    nothing when nothing was imported since the last call.
    """
    global _looked_at
    if len(sys.modules) == _looked_at:
        return
    modules = list(sys.modules.items())
    _looked_at = len(modules)
    roots = _places()
    for name, module in modules:
        top = name.partition(".")[0]
        if top in _registered or top in ("__main__", "anabranch") or top in sys.stdlib_module_names:
            continue
        if not isinstance(module, ModuleType) or not _is_local(module, roots):
            continue
        home = sys.modules.get(top)
        if isinstance(home, ModuleType) and top not in cloudpickle.list_registry_pickle_by_value():
            cloudpickle.register_pickle_by_value(home)
            _registered.add(top)


def forget_local_modules() -> None:
    """Take back what `register_local_modules` has registered."""
    global _looked_at
    chosen = cloudpickle.list_registry_pickle_by_value()
    for name in _registered & set(chosen):
        module = sys.modules.get(name)
        if module is not None:
            cloudpickle.unregister_pickle_by_value(module)
    _registered.clear()
    _looked_at = 0


def _places() -> tuple[str, ...]:
    places = set(_roots)
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    if main:
        places.add(os.path.dirname(os.path.realpath(main)))
    with contextlib.suppress(FileNotFoundError):
        places.add(os.path.realpath(os.getcwd()))
    # Everything is below the root: that says nothing of whose it is.
    return tuple(place.rstrip(os.sep) + os.sep for place in places if place != os.sep)


def _is_local(module: ModuleType, roots: tuple[str, ...]) -> bool:
    file = getattr(module, "__file__", None)
    if not file or not file.endswith(".py"):
        return False
    path = os.path.realpath(file)
    return path.startswith(roots) and not _is_installed(path)


def _is_installed(path: str) -> bool:
    parts = path.split(os.sep)
    return "site-packages" in parts or "dist-packages" in parts or path.startswith(_LIBRARIES)


_LIBRARIES = tuple(
    {
        os.path.realpath(directory) + os.sep
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
        if (directory := sysconfig.get_paths().get(name))
    }
)
