"""The writer of matrices that runs in the JVM (`MatrixSink.java`), compiled there by the Janino that Spark brings.

Spark turns rows into Arrow number by number before a Python worker has them; a matrix needs no Arrow.
"""

from __future__ import annotations

import json
import os
import sys
import zipfile
from importlib import resources
from typing import Any, NamedTuple

from anabranch.spark.sessions import shared_map

_SINKS, _MATRIX = "anabranch.sinks", "matrix"
_CLASS = "anabranch.MatrixSink"


class MatrixPiece(NamedTuple):
    """What it says of rows that it has written; as `far.PIECES`."""

    partition: int
    number: int
    offset: int
    length: int
    rows: int
    first: int | None
    numbers: list[int] | None
    spent: int
    beside: None = None


class MatrixSink:
    """The writer of one session.

    Parameters
    ----------
    session : SparkSession
    directory : str
        For its class, which Spark's executors load.
    """

    def __init__(self, session: Any, directory: str) -> None:
        sinks = shared_map(session._jvm, _SINKS)
        self._made = sinks.get(_MATRIX)
        if self._made is None:
            # Another slot may do the same at this moment: the classes are the same.
            self._made = _compiled(session, f"{directory}/sink-{os.getpid()}.jar")
            sinks.put(_MATRIX, self._made)

    def write(self, frame: Any, kinds: str, address: str, name: str, numbered: bool) -> list[MatrixPiece]:
        """Write the rows of a frame, whose columns are of these kinds, to where the slot at ``address`` says."""
        rows = frame._jdf.queryExecution().toRdd().toJavaRDD()
        said = rows.mapPartitions(self._made.at(address, name, kinds, numbered)).collect()
        # Java writes a list as JSON does, and one text crosses faster than many.
        return [MatrixPiece(*piece) for piece in json.loads(said.toString())]


def matrix_sink(session: Any, directory: str) -> MatrixSink | None:
    """Return the session's writer; None, with a word in the log, where it cannot be made."""
    try:
        return MatrixSink(session, directory)
    except Exception as error:
        print(f"anabranch.spark: matrices leave by Python: {error}", file=sys.stderr, flush=True)
        return None


def complaint(error: Exception, name: str) -> Exception:
    """Return what the writer has found wrong with the rows of a node, if that is why its job has failed."""
    cause = getattr(error, "java_exception", None)
    while cause is not None:
        said = cause.getMessage() or ""
        if cause.getClass().getName() == "java.lang.IllegalArgumentException" and said.startswith(f"{name}: rows have"):
            return ValueError(said)
        cause = cause.getCause()
    return error


def _compiled(session: Any, path: str) -> Any:
    jvm = session._jvm
    compiler = jvm.org.codehaus.janino.SimpleCompiler()
    compiler.setParentClassLoader(jvm.java.lang.Thread.currentThread().getContextClassLoader())
    compiler.cook(resources.files(__package__).joinpath("MatrixSink.java").read_text())
    classes = compiler.getBytecodes()
    with zipfile.ZipFile(path, "w") as jar:
        for name in list(classes.keySet()):
            jar.writestr(f"{name.replace('.', '/')}.class", bytes(classes[name]))
    session.sparkContext._jsc.addJar(path)
    return compiler.getClassLoader().loadClass(_CLASS).newInstance()
