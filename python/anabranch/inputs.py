"""What a run reads: X and what belongs to its rows, stored once and cut into keyed views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any

from anabranch.codec import key_to_message
from anabranch.errors import RequestError
from anabranch.keys import DATA, PARTITION, Dimension, Key, Label
from anabranch.references import DataRef, Ref
from anabranch.tables import column_of, contiguous_cuts, row_count, rows_by_label
from anabranch.v1 import common_pb2, graph_pb2

if TYPE_CHECKING:
    from anabranch.client import Client

#: Fields of `Xy`, and what the messages call them.
FIELDS = {"X": "x", "y": "y", "sample_weight": "sample_weight", "groups": "groups", "row_ids": "row_ids"}


class Inputs:
    """Input entries of one source node, with the references that keep their objects alive."""

    def __init__(self, entries: list[graph_pb2.InputEntry], refs: list[Ref]) -> None:
        self.entries = entries
        self.refs = refs


def as_array(value: Any) -> Any:
    """Return lists as arrays (texts as objects), everything else as it is."""
    if not isinstance(value, (list, tuple)):
        return value
    import numpy as np

    try:
        array = np.asarray(value)
    except ValueError as error:
        raise RequestError(f"a list that is no table: {error}; give an array or a data frame") from None
    return array.astype(object) if array.dtype.kind in "US" else array


def table_inputs(
    client: Client,
    X: Any,
    y: Any = None,
    *,
    partitions: int | None = None,
    by: Any = None,
    sample_weight: Any = None,
    groups: Any = None,
    row_ids: Any = None,
    positional: bool = True,
) -> Inputs:
    """Store a table once and return its keyed views.

    Parameters
    ----------
    X : array, data frame, sparse matrix, list, `Xy` or `Ref`
        Shape (n_samples, n_features).
    y, sample_weight, groups, row_ids : array, shape (n_samples, …), optional
    partitions : int, optional
        Cut into so many contiguous parts, along the dimension ``partition``.
    by : str or array, optional
        Cut into one part per distinct value, along a dimension of the column's name.
    positional : bool
        Whether one whole table has the label ``partition=0``.

    Raises
    ------
    RequestError
        When lengths differ, a column is missing, there are more partitions than rows, or X has no rows.
    """
    from anabranch.data import Xy

    if isinstance(X, Xy):
        given = {"y": y, "sample_weight": sample_weight, "groups": groups, "row_ids": row_ids}
        doubled = [name for name, value in given.items() if value is not None and getattr(X, name) is not None]
        if doubled:
            raise RequestError(f"{doubled[0]} is given twice: in the Xy and beside it")
        fields = {"X": X.X, **{name: getattr(X, name) if value is None else value for name, value in given.items()}}
    else:
        fields = {"X": X, "y": y, "sample_weight": sample_weight, "groups": groups, "row_ids": row_ids}
    if partitions is not None and by is not None:
        raise RequestError("give partitions= or by=, not both")
    if partitions is not None and not isinstance(partitions, Integral):
        raise RequestError(f"partitions={partitions!r}: give a whole number")
    if isinstance(X, DataRef):
        return _cut_stored(client, X, partitions, by, positional)
    values = {name: _value(value) for name, value in fields.items() if value is not None}
    if "X" not in values:
        raise RequestError("X is None: give an array, a data frame or a sparse matrix")
    _check_lengths(values)
    stored: dict[int, Ref] = {}
    parts: dict[str, Ref] = {}
    for name, value in fields.items():
        if value is None:
            continue
        if isinstance(value, Ref):
            parts[name] = value
        else:
            # One object for what is given twice, such as X as its own target.
            parts[name] = stored.setdefault(id(value), None) or client.put(values[name])  # type: ignore[arg-type]
            stored[id(value)] = parts[name]
    return _cut(client, parts, values, partitions, by, positional)


def _cut_stored(client: Client, X: DataRef, partitions: int | None, by: Any, positional: bool) -> Inputs:
    parts = dict(X.parts)
    if partitions is None and by is None:
        return _cut(client, parts, {}, None, None, positional)
    if client.sees_store:
        return _cut(client, parts, {"X": parts["X"].get()}, partitions, by, positional)
    from anabranch.executor import Executor

    # By workers: whatever is cut, it would have to be fetched for that.
    refs, entries = list(parts.values()), []
    with Executor() as executor:
        cuts = executor.submit(_listed_cuts, parts["X"], partitions, by)
        keys = executor.submit(_keys_of, cuts).result()
        for key, rows in [(key, executor.submit(_rows_of, cuts, index)) for index, key in enumerate(keys)]:
            rows.exception()
            assert rows.ref is not None
            refs.append(rows.ref)
            entries.append(_entry(key, parts, rows.ref))
    return Inputs(entries, refs)


def _listed_cuts(X: Any, partitions: int | None, by: Any) -> list[tuple[Key, Any]]:
    return list(_cuts(X, partitions, by))


def _keys_of(cuts: list[tuple[Key, Any]]) -> list[Key]:
    return [key for key, _ in cuts]


def _rows_of(cuts: list[tuple[Key, Any]], index: int) -> Any:
    return cuts[index][1]


def _value(value: Any) -> Any:
    return value.get() if isinstance(value, Ref) else as_array(value)


def _check_lengths(values: Mapping[str, Any]) -> None:
    rows = row_count(values["X"])
    if rows == 0:
        raise RequestError("X has no rows")
    for name, value in values.items():
        if row_count(value) != rows:
            raise RequestError(f"{name} has {row_count(value)} rows, X has {rows}")


def _cut(
    client: Client, parts: dict[str, Ref], values: Mapping[str, Any], partitions: int | None, by: Any, positional: bool
) -> Inputs:
    refs = list(parts.values())
    if partitions is None and by is None:
        key = Key([(PARTITION, 0)]) if positional else Key()
        return Inputs([_entry(key, parts, None)], refs)
    entries = []
    for key, rows in _cuts(values["X"], partitions, by):
        indices = client.put(rows)
        refs.append(indices)
        entries.append(_entry(key, parts, indices))
    return Inputs(entries, refs)


def _cuts(X: Any, partitions: int | None, by: Any) -> Iterable[tuple[Key, Any]]:
    if partitions is not None:
        for index, rows in enumerate(contiguous_cuts(row_count(X), partitions)):
            yield Key([(PARTITION, index)]), rows
        return
    if isinstance(by, (str, int)):
        name, labels = str(by), column_of(X, by)
    else:
        name, labels = str(getattr(by, "name", None) or "group"), as_array(by)
        if row_count(labels) != row_count(X):
            raise RequestError(f"by has {row_count(labels)} labels, X has {row_count(X)} rows")
    dimension = Dimension(DATA, name)
    parts: list[tuple[Label, Any]] = rows_by_label(labels, name)
    for label, rows in parts:
        yield Key([(dimension, label)]), rows


def _entry(key: Key, parts: Mapping[str, Ref], rows: Ref | None) -> graph_pb2.InputEntry:
    data = common_pb2.Data()
    for name, ref in parts.items():
        view = getattr(data, FIELDS[name])
        view.object.CopyFrom(ref.message)
        if rows is not None:
            view.rows.CopyFrom(rows.message)
    return graph_pb2.InputEntry(key=key_to_message(key), data=data)


def list_inputs(client: Client, items: Any, node: str, cache: dict[Any, Any] | None = None) -> Inputs:
    """Return the inputs of a node that was given a list: [X1 … XN] gets the labels ``partition=0`` to ``N-1``.

    Parameters
    ----------
    items : list of `Xy`, `Ref` or arrays; or one of them
    node : str
        For errors.
    cache : dict, optional
        What was stored before, by identity: the same item for several nodes is one reference, and so is an array that
        several items have, such as one y beside different X.
    """
    if not isinstance(items, (list, tuple)):
        items = [items]
    if not items:
        raise RequestError(f"node {node!r}: the list of inputs is empty")
    cache = {} if cache is None else cache
    entries, refs = [], []
    for index, item in enumerate(items):
        data = cache.get(id(item))
        if data is None:
            data = cache[id(item)] = _data_of(client, item, f"node {node!r}, input {index}", cache)
        refs.extend(data.parts.values())
        entries.append(graph_pb2.InputEntry(key=key_to_message(Key([(PARTITION, index)])), data=data.data))
    return Inputs(entries, refs)


def _data_of(client: Client, item: Any, where: str, cache: dict[Any, Any]) -> DataRef:
    from anabranch.data import Xy

    if isinstance(item, DataRef):
        return item
    if isinstance(item, Ref):
        # A plain reference may name a stored Xy (what a task returned): its fields have to be objects of their own.
        value = item.get() if item.message.encoding == common_pb2.ENCODING_PICKLE5 else None
        if not isinstance(value, Xy):
            data = common_pb2.Data()
            data.x.object.CopyFrom(item.message)
            return DataRef(data, {"X": item}, client)
        item = value
    xy = item if isinstance(item, Xy) else Xy(item)
    given = {name: getattr(xy, name) for name in FIELDS if getattr(xy, name) is not None}
    values = {name: as_array(value) for name, value in given.items()}
    if "X" not in values:
        raise RequestError(f"{where}: X is None")
    try:
        _check_lengths({name: _value(value) for name, value in values.items()})
    except RequestError as error:
        raise RequestError(f"{where}: {error}") from None
    for name, value in given.items():
        if not isinstance(value, Ref):
            # With the value, so that no other one gets its identity meanwhile.
            _, known = cache.get(("field", id(value)), (None, None))
            if known is None:
                known = client.put(values[name])
                cache["field", id(value)] = value, known
            values[name] = known
    return client.put_data(Xy(**values))
