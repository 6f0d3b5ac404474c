"""DataFrames that a session keeps of what its tasks read, so that Spark takes each object in once.

A fit reads its rows several times, and so do the candidates behind a shared stage, in whichever slot they run. What is
kept is what was read, never what a stage made of it: whoever asks for it has the objects among its inputs, so that
Spark can read any of it again, and nothing is lost with the session but time.

The frames are the JVM's, which all slots share, and are gone with it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from anabranch.spark.sessions import shared_map
from anabranch.v1 import common_pb2

#: Of the JVM's heap so much may be kept; half of it of one frame.
_SHARE = 4
#: Names in the JVM's properties: the frames by key, and when each was used last and how many bytes it has.
_FRAMES, _USES = "anabranch.frames", "anabranch.frames.uses"


def frame_key(places: Iterable[tuple[bytes, bytes | None]], form: Sequence[Any]) -> str:
    """Return the key of a frame.

    Parameters
    ----------
    places : iterable of (bytes, bytes or None)
        References of all objects and of their row indices.
    form : sequence
        What else tells it from others of the same objects.
    """
    ids = []
    digest = hashlib.sha256(repr(form).encode())
    for place in places:
        for data in place:
            digest.update(b"\0" if data is None else len(data).to_bytes(4, "little") + data)
            if data is not None:
                ref = common_pb2.ObjectRef.FromString(data)
                ids.append(_id(ref))
    return f"{'+'.join(dict.fromkeys(ids))}#{digest.hexdigest()[:32]}"


def _id(ref: common_pb2.ObjectRef | common_pb2.ObjectId) -> str:
    return f"{ref.writer:x}.{ref.sequence:x}"


def parsed(text: str) -> dict[str, tuple[int, int]]:
    """Return last use and bytes by key, from what Java writes of the map."""
    found = {}
    for entry in filter(None, text.strip("{}").split(", ")):
        key, _, value = entry.partition("=")
        used, _, count = value.partition(":")
        found[key] = (int(used), int(count))
    return found


def outdated(uses: Mapping[str, tuple[int, int]], wanted: int, limit: int) -> list[str] | None:
    """Return the keys to drop, the longest unused first, for ``wanted`` bytes more; None when these are too many."""
    if wanted > limit // 2:
        return None
    room = limit - wanted - sum(count for _, count in uses.values())
    dropped = []
    for key, (_, count) in sorted(uses.items(), key=lambda item: item[1]):
        if room >= 0:
            break
        dropped.append(key)
        room += count
    return dropped


def of_objects(keys: Iterable[str], ids: Iterable[common_pb2.ObjectId]) -> list[str]:
    """Return the keys of frames of any of these objects."""
    gone = {_id(one) for one in ids}
    return [key for key in keys if gone.intersection(key.partition("#")[0].split("+"))]


class KeptFrames:
    """A slot's side of the frames of one session.

    Parameters
    ----------
    session : SparkSession
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        jvm = session._jvm
        self._frames = shared_map(jvm, _FRAMES)
        self._uses = shared_map(jvm, _USES)
        self._limit = int(jvm.java.lang.Runtime.getRuntime().maxMemory()) // _SHARE

    def frame(self, key: str, count: int, make: Callable[[], Any]) -> Any:
        """Return the frame of a key: the kept one, or a new one, kept where its ``count`` bytes are few."""
        from pyspark.sql.classic.dataframe import DataFrame

        found = self._frames.get(key)
        if found is not None:
            self._use(key, count)
            return DataFrame(found, self._session)
        made = make()
        dropped = outdated(parsed(self._uses.toString()), count, self._limit)
        if dropped is None:
            return made
        self._drop(dropped)
        other = self._frames.putIfAbsent(key, made._jdf)
        self._use(key, count)
        # Filled by the first job that reads it; another slot may have been quicker.
        return made.persist() if other is None else DataFrame(other, self._session)

    def _use(self, key: str, count: int) -> None:
        self._uses.put(key, f"{time.monotonic_ns()}:{count}")

    def forget(self, ids: Iterable[common_pb2.ObjectId]) -> None:
        """Drop what is kept of objects that nobody needs any more."""
        self._drop(of_objects(parsed(self._uses.toString()), ids))

    def _drop(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._uses.remove(key)
            frame = self._frames.remove(key)
            if frame is not None:
                frame.unpersist()
