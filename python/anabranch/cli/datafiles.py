"""Data files as tables: CSV, Parquet, Arrow IPC, NumPy; a directory of them as a list of partitions."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

from anabranch.cli.request import CommandError
from anabranch.tables import column_names, row_count


@dataclasses.dataclass
class Table:
    """X and y of one file, and the column that it is cut by where that is not in X."""

    X: Any
    y: Any = None
    by: Any = None


def read_data(
    path: str, target: str | None, columns: Sequence[str] | None = None, by: str | None = None
) -> list[Table]:
    """Read a file, or the files of a directory in the order of their names.

    Parameters
    ----------
    target : str, optional
        Column that holds y; for NumPy arrays its index.
    columns : sequence of str, optional
        Columns of X; all but the target when not given.
    by : str, optional
        Column that is kept beside X where `columns` leaves it out.

    Raises
    ------
    CommandError
        When a file is missing, unreadable or empty, or has no such column; the message names it.
    """
    return [_table(file, target, columns, by) for file in data_files(path)]


def data_files(path: str) -> list[str]:
    """Return the file itself, or the data files of a directory in the order of their names.

    Raises
    ------
    CommandError
        When there is none.
    """
    try:
        if os.path.isdir(path):
            names = sorted(n for n in os.listdir(path) if not n.startswith((".", "_")) and _suffix(n) in _READERS)
            if not names:
                raise CommandError(f"{path}: the directory holds no data file ({', '.join(_READERS)})")
            return [os.path.join(path, name) for name in names]
        os.stat(path)
    except FileNotFoundError:
        raise CommandError(f"{path}: no such file") from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    return [path]


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _table(path: str, target: str | None, columns: Sequence[str] | None, by: str | None) -> Table:
    reader = _READERS.get(_suffix(path))
    if reader is None:
        raise CommandError(f"{path}: data is read from files that end in {', '.join(_READERS)}")
    try:
        size = os.path.getsize(path)
        content = reader(path) if size else None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None
    except ImportError as error:
        raise CommandError(f"{path}: reading it needs {error.name}, which is not installed") from None
    except Exception as error:
        raise CommandError(f"{path} cannot be read: {' '.join(str(error).split()) or type(error).__name__}") from None
    if content is None:
        raise CommandError(f"{path} is empty")
    table = _parted(path, content, target, columns, by)
    if row_count(table.X) == 0:
        raise CommandError(f"{path} has no rows")
    return table


def _parted(path: str, content: Any, target: str | None, columns: Sequence[str] | None, by: str | None) -> Table:
    if isinstance(content, dict):
        return _parted_arrays(path, content, target)
    names = column_names(content)
    if names is None:
        return _parted_array(path, content, target)
    wanted = list(columns) if columns else [name for name in names if name != target]
    missing = [name for name in [*wanted, *([target] if target is not None else [])] if name not in names]
    if missing:
        raise CommandError(f"{path} has no column {missing[0]!r}; its columns: {', '.join(map(str, names))}")
    if target is None and not columns:
        return Table(content)
    if not wanted:
        raise CommandError(f"{path} has no column besides the target {target!r}")
    beside = content[by] if by in names and by not in (*wanted, target) else None
    return Table(content[wanted], content[target] if target is not None else None, beside)


def _parted_array(path: str, array: Any, target: str | None) -> Table:
    import numpy as np

    if target is None:
        return Table(array)
    if not target.lstrip("-").isdigit() or array.ndim != 2 or not -array.shape[1] <= int(target) < array.shape[1]:
        raise CommandError(
            f"{path} is an array of shape {array.shape} without names: --target is the index of a column"
        )
    return Table(np.delete(array, int(target), axis=1), array[:, int(target)])


def _parted_arrays(path: str, arrays: dict[str, Any], target: str | None) -> Table:
    name = target or ("y" if "y" in arrays else None)
    if name is not None and name not in arrays:
        raise CommandError(f"{path} has no array {name!r}; its arrays: {', '.join(arrays)}")
    rest = [key for key in arrays if key != name]
    if "X" not in rest and len(rest) != 1:
        raise CommandError(f"{path} has the arrays {', '.join(arrays)}; one called X is needed")
    table = Table(arrays["X" if "X" in rest else rest[0]], arrays[name] if name is not None else None)
    if table.y is not None and row_count(table.y) != row_count(table.X):
        raise CommandError(f"{path}: X has {row_count(table.X)} rows, {name} has {row_count(table.y)}")
    return table


def _csv(path: str) -> Any:
    import pandas as pd

    return pd.read_csv(path)


def _parquet(path: str) -> Any:
    import pandas as pd

    return pd.read_parquet(path)


def _arrow(path: str) -> Any:
    import pyarrow as pa

    with pa.memory_map(path) as source:
        try:
            return pa.ipc.open_file(source).read_pandas()
        except pa.ArrowInvalid:
            source.seek(0)
            return pa.ipc.open_stream(source).read_pandas()


def _npy(path: str) -> Any:
    import numpy as np

    return np.load(path, allow_pickle=False)


def _npz(path: str) -> Any:
    import numpy as np

    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


_READERS: dict[str, Callable[[str], Any]] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".pq": _parquet,
    ".arrow": _arrow,
    ".feather": _arrow,
    ".ipc": _arrow,
    ".npy": _npy,
    ".npz": _npz,
}
