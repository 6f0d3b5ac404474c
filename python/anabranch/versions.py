"""Versions that the two ends of a connection compare."""

from __future__ import annotations

import platform
import sys

from anabranch.v1 import task_pb2

PROTOCOL = 1


def own_versions() -> task_pb2.Versions:
    """Return this process's versions; libraries are looked up without importing them."""
    from anabranch._version import __version__

    return task_pb2.Versions(
        protocol=PROTOCOL,
        anabranch=__version__,
        python=platform.python_version(),
        cloudpickle=_version_of("cloudpickle"),
        numpy=_version_of("numpy"),
        sklearn=_version_of("scikit-learn", "sklearn"),
    )


def _version_of(distribution: str, module: str | None = None) -> str:
    loaded = sys.modules.get(module or distribution)
    if loaded is not None and hasattr(loaded, "__version__"):
        return str(loaded.__version__)
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
