"""What ``--out DIR`` gets: table of scores, predictions, saved paths, the graph's picture, the log."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from types import TracebackType
from typing import Any

from anabranch.cli.request import CommandError
from anabranch.entry import Entry
from anabranch.keys import names_of
from anabranch.path import Path
from anabranch.rendering import render
from anabranch.run import Run

#: Bytes of a saved path's name that are kept, at most.
LONGEST_NAME = 120


class OutputDirectory:
    """Collects files beside the directory and moves them in at the end: nothing stands there half-written.

    Raises
    ------
    CommandError
        When the directory cannot be made or written to.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._lines: list[str] = []
        self._saved: set[str] = set()
        self._draft = ""
        self._parent = os.path.dirname(os.path.abspath(path))
        if os.path.exists(path) and not os.path.isdir(path):
            raise CommandError(f"--out {path}: it is a file; a directory is needed")
        # Known before an hour of work, not after it.
        existing = path if os.path.isdir(path) else self._parent
        while not os.path.exists(existing):
            existing = os.path.dirname(existing)
        try:
            os.rmdir(tempfile.mkdtemp(prefix=".anabranch-out-", dir=existing))
        except OSError as error:
            raise CommandError(f"--out {path}: {existing} cannot be written to: {error.strerror}") from None

    def log(self, line: str) -> None:
        """Add a line to the log."""
        self._lines.append(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {line}")

    def write_run(self, run: Run, document: dict[str, Any]) -> None:
        """Write the table, the document, the picture, and predictions where outputs were kept."""
        frame = run.to_frame()
        self._frame(frame, "scores")
        self._text("run.json", json.dumps(document, indent=2, allow_nan=False, default=str))
        self._text("graph.svg", render(run.graph, "svg"))
        self._text("graph.mmd", render(run.graph, "mermaid"))
        predictions = [part for entry in run if entry.has_output for part in [outputs_of(entry)] if part is not None]
        if predictions:
            import pandas as pd

            self._frame(pd.concat(predictions, ignore_index=True), "predictions")
        for entry in run:
            if entry.error is not None:
                self.log(f"{entry!r}: {entry.error.describe()}\n{entry.error.traceback}")
            for warning in entry.warnings:
                self.log(f"{entry!r}: warning: {warning}")

    def write_predictions(self, frame: Any) -> None:
        """Write a table of predictions that no run made."""
        self._frame(frame, "predictions")

    def write_document(self, document: dict[str, Any]) -> None:
        """Write the JSON document alone."""
        self._text("run.json", json.dumps(document, indent=2, allow_nan=False, default=str))

    def save(self, path: Path, name: str) -> str:
        """Save a path under ``paths/``, in a file of its own, and return the file's name within the directory."""
        directory = os.path.join(self._draft, "paths")
        os.makedirs(directory, exist_ok=True)
        safe = self._unused(file_name(name))
        path.save(os.path.join(directory, safe + ".anabranch"))
        saved = f"paths/{safe}.anabranch"
        if safe != name:
            self.log(f"{saved}: {name}")
        return saved

    def _unused(self, name: str) -> str:
        # Two keys may read alike: a label may hold what looks like another dimension's.
        unused, count = name, 1
        while unused in self._saved:
            count += 1
            unused = f"{name}-{count}"
        self._saved.add(unused)
        return unused

    def _frame(self, frame: Any, name: str) -> None:
        frame.to_csv(os.path.join(self._draft, name + ".csv"), index=False)
        try:
            plain = frame.copy()
            for column in plain.columns:
                if plain[column].dtype == object:
                    plain[column] = [None if value is None or value != value else str(value) for value in plain[column]]
            plain.to_parquet(os.path.join(self._draft, name + ".parquet"), index=False)
        except ImportError:
            self.log(f"{name}.parquet was not written: pyarrow is not installed")

    def _text(self, name: str, text: str) -> None:
        with open(os.path.join(self._draft, name), "w", encoding="utf-8") as file:
            file.write(text + "\n")

    def __enter__(self) -> OutputDirectory:
        try:
            os.makedirs(self._parent, exist_ok=True)
            self._draft = tempfile.mkdtemp(prefix=".anabranch-out-", dir=self._parent)
        except OSError as error:
            raise CommandError(f"--out {self.path}: {error.strerror}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._text("run.log", "\n".join(self._lines))
                self._publish()
        finally:
            shutil.rmtree(self._draft, ignore_errors=True)

    def _publish(self) -> None:
        for folder, _, files in os.walk(self._draft):
            target = os.path.normpath(os.path.join(self.path, os.path.relpath(folder, self._draft)))
            try:
                os.makedirs(target, exist_ok=True)
                for name in files:
                    os.replace(os.path.join(folder, name), os.path.join(target, name))
            except OSError as error:
                raise CommandError(f"--out {self.path}: {error.strerror}") from None


def file_name(name: str) -> str:
    """Return a name as a file may have it: itself when it is short and plain, else one with a digest of it."""
    safe = "".join(c if c.isalnum() or c in "-_=." else "_" for c in name)
    if safe == name and len(safe.encode()) <= LONGEST_NAME:
        return safe
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    # File systems count bytes, and a letter may be several.
    return f"{safe.encode()[:LONGEST_NAME].decode(errors='ignore')}-{digest}"


def outputs_of(entry: Entry) -> Any:
    """Return an output as a data frame: node, key columns, row ids, values; None for what is no table."""
    data = entry.data
    frame = values_frame(data.X)
    if frame is None:
        return None
    if data.row_ids is not None:
        frame.insert(0, "row", list(data.row_ids))
    for name, label in reversed([(name, entry.key[name]) for name in names_of(entry.key.dimensions).values()]):
        frame.insert(0, name if name not in frame.columns else f"key_{name}", label)
    frame.insert(0, "node" if "node" not in frame.columns else "key_node", entry.node)
    return frame


def values_frame(X: Any) -> Any:
    """Return predictions or transformed data as a data frame; None for what is no table."""
    import numpy as np
    import pandas as pd

    if isinstance(X, pd.DataFrame):
        return X.reset_index(drop=True).copy()
    if hasattr(X, "tocsr"):
        X = X.toarray()
    array = np.asarray(X)
    if array.ndim == 1:
        return pd.DataFrame({"prediction": array})
    if array.ndim != 2:
        return None
    return pd.DataFrame(array, columns=[f"value_{i}" for i in range(array.shape[1])])
