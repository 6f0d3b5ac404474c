"""Fitted paths in files: a zip with a manifest, readable by any tool, the pickled path, and what Spark has saved."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import platform
import tempfile
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

from anabranch.errors import SaveError
from anabranch.path import Path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FORMAT = 1
_MANIFEST, _PAYLOAD = "manifest.json", "path.joblib"
_SPARK = "spark/"
_LIBRARIES_OF_SPARK = ("pyspark", "pyarrow")
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "pandas", "cloudpickle", "joblib")


def save(path: Path, file: str | os.PathLike) -> str:
    """Write a path and return the file's name. An existing file is replaced whole, or not at all.

    Raises
    ------
    SaveError
        When something in the path cannot be pickled, or the file cannot be written.
    """
    spark = [step for step in path.steps if _is_spark(step.action)]
    members: dict[str, bytes] = {}
    payload = _dump(path, members)
    manifest = {
        "format": FORMAT,
        "graph": path.name,
        "node": path.node,
        "key": dict(path.key),
        "steps": [
            {"name": step.name, "role": step.role.name.lower(), "type": _type_name(step.action)} for step in path.steps
        ],
        "versions": _versions(_LIBRARIES_OF_SPARK if spark else ()),
        "sha256": hashlib.sha256(payload).hexdigest(),
    }
    target = os.fspath(file)
    directory = os.path.dirname(os.path.abspath(target))
    try:
        handle, temporary = tempfile.mkstemp(prefix=".anabranch-", dir=directory)
    except OSError as error:
        raise SaveError(f"cannot write {target}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(_MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False))
            archive.writestr(_PAYLOAD, payload)
            for name, content in members.items():
                archive.writestr(name, content)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, target)
    except OSError as error:
        os.unlink(temporary)
        raise SaveError(f"cannot write {target}: {error.strerror}") from error
    return target


def load(file: str | os.PathLike) -> Path:
    """Read a path that `Path.save` wrote. Like any pickle, a file from someone you do not trust can run code.

    Raises
    ------
    SaveError
        When the file is none of ours, is damaged, or needs what is not installed; the message says which.

    Warns
    -----
    UserWarning
        When libraries that the path was saved with have other versions here.
    """
    source = os.fspath(file)
    try:
        with zipfile.ZipFile(source) as archive:
            manifest = json.loads(archive.read(_MANIFEST))
            payload = archive.read(_PAYLOAD)
            members = {name: archive.read(name) for name in archive.namelist() if name.startswith(_SPARK)}
    except FileNotFoundError:
        raise SaveError(f"{source}: no such file") from None
    except OSError as error:
        raise SaveError(f"cannot read {source}: {error.strerror or error}") from None
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        raise SaveError(f"{source} is not a saved path, or is damaged: {error}") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        written = manifest.get("versions", {}).get("anabranch", "another") if isinstance(manifest, dict) else "another"
        raise SaveError(f"{source} was saved by anabranch {written} in a format that this version does not read")
    if hashlib.sha256(payload).hexdigest() != manifest.get("sha256"):
        raise SaveError(f"{source} is damaged: its contents do not match their checksum")
    differing = _differences(manifest.get("versions", {}))
    try:
        path = _undump(payload, members)
    except Exception as error:
        hint = f"; it was saved with {', '.join(differing)}" if differing else ""
        raise SaveError(f"{source} cannot be loaded here: {type(error).__name__}: {error}{hint}") from error
    if differing:
        warnings.warn(f"{source} was saved with other versions: {', '.join(differing)}", UserWarning, stacklevel=2)
    return path


def _dump(path: Path, members: dict[str, bytes]) -> bytes:
    import cloudpickle
    import joblib

    # Estimators go with joblib; each action is pickled with cloudpickle first, which takes what a script has defined.
    steps = []
    for index, step in enumerate(path.steps):
        try:
            action = step.action
            if _is_spark(action):
                from anabranch.spark.paths import packed

                action = packed(action, _directory(index), members)
            steps.append({**_fields(step), "action": cloudpickle.dumps(action, protocol=5)})
        except Exception as error:
            raise SaveError(f"node {step.name!r}: {type(step.action).__name__} cannot be pickled: {error}") from error
    buffer = io.BytesIO()
    joblib.dump({"name": path.name, "key": path.key.parts, "steps": steps}, buffer)
    return buffer.getvalue()


def _directory(index: int) -> str:
    """Return where the stage of a step stands among a file's members: a directory that Spark can load."""
    return f"{_SPARK}{index}/"


def _is_spark(action: Any) -> bool:
    return type(action).__module__.startswith("anabranch.spark.") and hasattr(action, "description")


def _undump(payload: bytes, members: Mapping[str, bytes]) -> Path:
    import pickle

    import joblib

    from anabranch.keys import Dimension, Key
    from anabranch.path import Step
    from anabranch.roles import Role

    def action(index: int, pickled: bytes) -> Any:
        loaded = pickle.loads(pickled)
        if not _is_spark(loaded):
            return loaded
        from anabranch.spark.paths import unpacked

        return unpacked(loaded, _directory(index), members)

    content = joblib.load(io.BytesIO(payload))
    steps = [
        Step(**{**fields, "action": action(index, fields["action"]), "role": Role(fields["role"])})
        for index, fields in enumerate(content["steps"])
    ]
    return Path(steps, Key((Dimension(*dimension), label) for dimension, label in content["key"]), content["name"])


def _fields(step: Any) -> dict[str, Any]:
    values = {field.name: getattr(step, field.name) for field in dataclasses.fields(step)}
    values["role"] = int(step.role)
    return values


def _type_name(value: Any) -> str:
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"


def _versions(others: Iterable[str] = ()) -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    from anabranch._version import __version__

    found = {"anabranch": __version__, "python": platform.python_version()}
    for library in (*_LIBRARIES, *others):
        if library in found:
            continue
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def _differences(saved: Mapping[str, str]) -> list[str]:
    here = _versions(saved)

    def minor(text: str) -> str:
        return ".".join(text.split(".")[:2])

    return [
        f"{name} {then} (here {here.get(name, 'missing')})"
        for name, then in saved.items()
        if name != "anabranch" and minor(then) != minor(here.get(name, ""))
    ]
