"""What a slot has of a session that it has joined, for as long as that lives."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from anabranch.runtime.spark.kept import KeptFrames
from anabranch.runtime.spark.sink import MatrixSink, matrix_sink

#: A setting of Spark's: ``store`` for executors that see the store, ``arrow`` for what they write to be collected.
EXCHANGE = "spark.anabranch.exchange"

#: Below so many rows a partition is not worth a task of Spark's.
_SMALLEST_PARTITION = 4096
#: From so many bytes on a job is worth all cores, even while other slots have jobs.
_LARGE = 16 << 20


class JoinedSession:
    """A session, and what is made in its JVM once.

    Parameters
    ----------
    session : SparkSession
    generation : int
        Which of the keeper's sessions it is.
    directory : str
        The keeper's.
    threads : int
        The slot's share of this host's cores; 0 where that is not known.
    """

    def __init__(self, session: Any, generation: int, directory: str, threads: int) -> None:
        self.session = session
        self.generation = generation
        self._directory = directory
        self._threads = threads

    def partitions(self, rows: int, nbytes: int) -> int:
        """Return in how many partitions data enters: the same for the same data, whatever else runs."""
        cores = max(1, self.session.sparkContext.defaultParallelism)
        # The other slots' jobs have the rest; each task of a job costs some milliseconds.
        share = min(cores, self._threads) if self._threads and nbytes < _LARGE else cores
        return max(1, min(share, -(-rows // _SMALLEST_PARTITION)))

    @cached_property
    def sees_the_store(self) -> bool:
        """Whether its executors are on this host: those of a local session are, others where the user says so."""
        said = self.session.sparkContext.getConf().get(EXCHANGE)
        return said == "store" if said else self._is_local

    @cached_property
    def frames(self) -> KeptFrames | None:
        """The frames that it keeps; none where executors end before it, for theirs would have to be read again."""
        return KeptFrames(self.session) if self._is_local else None

    @cached_property
    def sink(self) -> MatrixSink | None:
        """Its writer of matrices."""
        return matrix_sink(self.session, self._directory)

    @property
    def _is_local(self) -> bool:
        return self.session.sparkContext.master.startswith("local")
