"""Stages of pyspark.ml made without a JVM, for processes that only say what is to run."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

#: By it pyspark's constructors know that there is no JVM beside them.
_REMOTE = "SPARK_CONNECT_MODE_ENABLED"
_SHARED = "PYSPARK_NO_NAMESPACE_SHARE"

_lock = threading.RLock()


@contextlib.contextmanager
def declare() -> Iterator[None]:
    """Make stages of pyspark.ml without Java or a session: ``with ab.spark.declare(): scaler = StandardScaler(…)``.

    Such stages go into nodes and `ab.from_spark` as any others do; in this process they cannot be fitted. For other
    threads, too, pyspark takes itself for a remote client in the meantime.
    """
    with _lock:
        before = {name: os.environ.get(name) for name in (_REMOTE, _SHARED)}
        os.environ[_REMOTE] = "1"
        os.environ.pop(_SHARED, None)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
