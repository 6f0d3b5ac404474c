"""joblib on the pool: ``with joblib.parallel_config("anabranch"):`` around anything that takes ``n_jobs``.

joblib learns of the backend when both have been imported, in either order, and is not imported before its user does.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import threading
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

#: The name that `joblib.parallel_config` takes.
NAME = "anabranch"


def register() -> None:
    """Make joblib know the backend by its name. ``import anabranch`` does so by itself as soon as joblib is there."""
    import joblib

    joblib.register_parallel_backend(NAME, _backend)


def register_when_imported() -> None:
    """Register now when joblib has been imported, else right after it will be."""
    if "joblib" in sys.modules:
        register()
    else:
        sys.meta_path.insert(0, _JoblibFinder())  # type: ignore[arg-type]


def _backend(**options: Any) -> Any:
    from anabranch.joblib_backend import AnabranchBackend

    return AnabranchBackend(**options)


class _JoblibFinder:
    """A finder on `sys.meta_path` that finds nothing itself: it waits for joblib's import and steps aside.

    Who only asks where joblib is, as `importlib.util.find_spec` does, imports nothing: it waits on.
    """

    def __init__(self) -> None:
        # Threads that ask the other finders.
        self._asking: set[int] = set()

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return joblib's own spec, whose loader registers the backend after it has run; None for all else."""
        thread = threading.get_ident()
        if name != "joblib" or thread in self._asking:
            return None
        self._asking.add(thread)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._asking.discard(thread)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def run_and_register(module: ModuleType) -> None:
            run(module)
            with contextlib.suppress(ValueError):
                sys.meta_path.remove(self)  # type: ignore[arg-type]
            register()

        spec.loader.exec_module = run_and_register  # type: ignore[method-assign]
        return spec
