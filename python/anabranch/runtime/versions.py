"""Versions that a hello carries, read without importing what they are of."""

from __future__ import annotations

import platform
from functools import cache

from anabranch._version import __version__
from anabranch.v1 import task_pb2

PROTOCOL = 1


@cache
def installed_versions() -> task_pb2.Versions:
    """Return the versions of this interpreter's packages; empty for what is not installed."""
    return task_pb2.Versions(
        protocol=PROTOCOL,
        anabranch=__version__,
        python=platform.python_version(),
        cloudpickle=_version("cloudpickle"),
        numpy=_version("numpy"),
        sklearn=_version("scikit-learn"),
    )


def _version(distribution: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
