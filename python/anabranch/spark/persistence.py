"""What models learned, as the files of Spark's own ML persistence."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from anabranch.spark.sessions import shared_map

#: How files were written: as Spark does it, by jobs (`SPARK`), or by its driver alone, in a form of the same content
#: that Spark 4.1 and later keep for themselves (`DRIVER`). The first is for keeping, the second ten times as fast.
SPARK, DRIVER = "spark", "driver"
#: As `SPARK`, of a stage with all that it holds, whatever its class: what files have.
WHOLE = "whole"

#: In a JVM: models by what was saved of them, so that a session loads each once, whichever process asks.
_CACHE = "anabranch.models"
_CACHED_MODELS = 64
#: A larger model is not kept beside those in use.
_CACHED_BYTES = 64 << 20


@dataclasses.dataclass(frozen=True)
class SavedModel:
    """A model's files.

    Attributes
    ----------
    form : {"spark", "driver", "whole"}
    files : dict of str to bytes
        By path in the model's directory.
    """

    form: str
    files: Mapping[str, bytes]

    @functools.cached_property
    def digest(self) -> str:
        """Tells it from any other."""
        found = hashlib.sha256(self.form.encode())
        for path in sorted(self.files):
            found.update(f"\0{path}\0{len(self.files[path])}\0".encode())
            found.update(self.files[path])
        return found.hexdigest()

    @property
    def nbytes(self) -> int:
        """Bytes of all files."""
        return sum(map(len, self.files.values()))


def save_java(model: Any) -> SavedModel:
    """Return what a model with a counterpart in the JVM learned.

    Raises
    ------
    TypeError
        When Spark has no persistence for its class.
    """
    if not hasattr(model, "write"):
        raise TypeError(f"{type(model).__name__} cannot travel: Spark cannot save it")
    with _driver_form() as possible:
        if possible:
            with contextlib.suppress(Exception):
                saved = SavedModel(DRIVER, _written(_write_java(model), DRIVER))
                _remember(saved, model._java_obj)
                return saved
    saved = SavedModel(SPARK, _written(_write_java(model), SPARK))
    _remember(saved, model._java_obj)
    return saved


def load_java(saved: SavedModel, java_class: str) -> Any:
    """Return the model's counterpart in this process's JVM: a copy of its own, which its owner may change."""
    found = _remembered(saved)
    if found is None:
        with _unpacked(saved.files, saved.form) as directory:
            found = _read_java(java_class, directory, saved.form)
        _remember(saved, found)
    return found.copy(_jvm().org.apache.spark.ml.param.ParamMap())


def save_stage(stage: Any) -> dict[str, bytes]:
    """Return the files by which Spark saves a stage or a model: what `load_stage`, and Spark anywhere, reads.

    Raises
    ------
    TypeError
        When its class has no persistence.
    """
    if not hasattr(stage, "write"):
        raise TypeError(f"{type(stage).__name__} has no write(), so that Spark cannot save it")
    return _written(lambda directory: stage.write().overwrite().save(directory), SPARK)


def load_stage(files: Mapping[str, bytes]) -> Any:
    """Return the stage of which these are the files."""
    from pyspark.ml.util import DefaultParamsReader
    from pyspark.sql import SparkSession

    with _unpacked(files, SPARK) as directory:
        return DefaultParamsReader.loadParamsInstance(directory, SparkSession.getActiveSession())  # type: ignore[arg-type]


def _write_java(model: Any) -> Callable[[str], None]:
    def write(directory: str) -> None:
        # Values set in Python reach the JVM when it transforms; what is saved has to have them as well.
        model._transfer_params_to_java()
        model._java_obj.write().overwrite().save(directory)

    return write


def _read_java(java_class: str, directory: str, form: str) -> Any:
    companion: Any = _jvm()
    for name in java_class.split("."):
        companion = getattr(companion, name)
    if form == SPARK:
        return companion.load(directory)
    with _driver_form() as possible:
        if not possible:
            raise RuntimeError("this Spark does not read what a later one has kept of a model; use one version")
        return companion.load(directory)


@contextlib.contextmanager
def _driver_form() -> Iterator[bool]:
    """Have this thread's models written and read by the driver alone; yields whether this Spark can."""
    try:
        state = _jvm().org.apache.spark.ml.util.ReadWriteUtils.localSavingModeState()
        state.set(True)
    except Exception:
        yield False
        return
    try:
        yield True
    finally:
        state.set(False)


def _written(write: Callable[[str], None], form: str) -> dict[str, bytes]:
    """Return the files that something writes into a directory, without the checksums that Hadoop puts beside them."""
    scratch = tempfile.mkdtemp(prefix="anabranch-spark-")
    files: dict[str, bytes] = {}
    try:
        top = os.path.join(scratch, "model")
        write(_address(top, form))
        for directory, _, names in os.walk(top):
            for name in names:
                if name.startswith(".") and name.endswith(".crc"):
                    continue
                path = os.path.join(directory, name)
                with open(path, "rb") as stream:
                    files[os.path.relpath(path, top)] = stream.read()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return files


@contextlib.contextmanager
def _unpacked(files: Mapping[str, bytes], form: str) -> Iterator[str]:
    scratch = tempfile.mkdtemp(prefix="anabranch-spark-")
    try:
        top = os.path.join(scratch, "model")
        for name, content in files.items():
            path = os.path.normpath(os.path.join(top, name))
            if not path.startswith(top + os.sep):
                raise ValueError(f"{name!r} leads out of the model's directory")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as stream:
                stream.write(content)
        yield _address(top, form)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _address(directory: str, form: str) -> str:
    # A cluster's default file system may be another than this host's.
    return directory if form == DRIVER else f"file://{directory}"


def _jvm() -> Any:
    from pyspark.core.context import SparkContext

    context = SparkContext._active_spark_context
    if context is None:
        raise RuntimeError("no Spark session is active in this process")
    return context._jvm


def _models() -> Any:
    """Return the JVM's own map of models by digest."""
    return shared_map(_jvm(), _CACHE)


def _remember(saved: SavedModel, java: Any) -> None:
    if saved.nbytes > _CACHED_BYTES:
        return
    # A cache: whatever keeps it from working, models are loaded from their files.
    with contextlib.suppress(Exception):
        models = _models()
        if models.size() >= _CACHED_MODELS:
            models.clear()
        models.put(saved.digest, java.copy(_jvm().org.apache.spark.ml.param.ParamMap()))


def _remembered(saved: SavedModel) -> Any:
    with contextlib.suppress(Exception):
        return _models().get(saved.digest)
    return None
