"""Which libraries a fork server imports before it makes a runtime, and how a runtime tells what its tasks needed."""

from __future__ import annotations

import importlib.util
import sys

# What any estimator's task needs, by the name under which the worker asks for it.
GROUPS = {
    "estimators": (
        "numpy",
        "scipy.sparse",
        "threadpoolctl",
        "joblib",
        "sklearn.base",
        "sklearn.pipeline",
        "sklearn.metrics",
        "anabranch.runtime.fitting",
        "anabranch.runtime.applying",
        "anabranch.runtime.combining",
        "anabranch.runtime.splitting",
        "anabranch.runtime.scoring",
    )
}

# What plain functions import is their own affair, but for what is slow to import and known to stand a fork.
_OF_ANY_TASK = frozenset({"numpy", "scipy", "pandas", "sklearn", "joblib", "threadpoolctl"})
_DEPTH = 2


class LoadedLibraries:
    """Watches ``sys.modules`` for installed modules that tasks bring in, public ones, two names deep.

    A module beside the user's program is none of them: it may change, and importing it may do anything.
    """

    def __init__(self) -> None:
        self._known = set(sys.modules)
        self._news: list[str] = []

    def look(self, of_estimators: bool) -> None:
        """Note what the task that has just ended has imported.

        Parameters
        ----------
        of_estimators : bool
            It fitted or applied something: every installed package that it needed counts.
        """
        if len(sys.modules) == len(self._known):
            return
        new = [name for name in list(sys.modules) if name not in self._known]
        self._known.update(new)
        for name in new:
            parts = name.split(".")
            if len(parts) > _DEPTH or any(part.startswith("_") for part in parts):
                continue
            if parts[0] in _OF_ANY_TASK or (of_estimators and _is_installed(parts[0])):
                self._news.append(name)

    def take_news(self) -> list[str]:
        """Return what has been noted since the last call."""
        if not self._news:
            return []
        news, self._news = self._news, []
        return news


def _is_installed(package: str) -> bool:
    if package in sys.stdlib_module_names or package == "anabranch":
        return False
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return False
    origin = spec.origin if spec is not None else None
    return origin is not None and ("/site-packages/" in origin or "/dist-packages/" in origin)
