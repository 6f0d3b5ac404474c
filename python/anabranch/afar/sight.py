"""Whether this process sees a coordinator's store."""

from __future__ import annotations

from anabranch.v1 import control_pb2


def sees_store(welcome: control_pb2.ClientWelcome) -> bool:
    """Whether the coordinator's store is in a directory of this process's file system.

    A directory of that name may be another host's, or container's: the random identity in it tells them apart.
    """
    try:
        with open(f"{welcome.store}/identity", encoding="ascii") as file:
            return file.read().strip() == welcome.store_identity
    except (OSError, ValueError):
        return False
