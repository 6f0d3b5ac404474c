"""A node's entries by key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from anabranch.entry import Entry
from anabranch.errors import RequestError
from anabranch.keys import Dimension, Key, Label, resolve
from anabranch.records import FIT, Record

if TYPE_CHECKING:
    from anabranch.run import Run


class Relation(Sequence[Entry]):
    """Entries in the order of their keys: len, iteration, indexing, and filtering by key.

    Attributes
    ----------
    dimensions : tuple of Dimension
        Those that any key has.
    """

    def __init__(self, entries: Iterable[Entry], name: str) -> None:
        self._entries = sorted(entries, key=lambda entry: entry.key.sort_key)
        self._name = name
        self.dimensions: tuple[Dimension, ...] = tuple(
            sorted({dimension for entry in self._entries for dimension in entry.key.dimensions})
        )

    def where(self, key: Mapping[str, Label] | None = None, /, **labels: Label) -> Relation:
        """Return the entries whose keys have these labels.

        Parameters
        ----------
        key : mapping, optional
            For names that are no Python names: ``where({"{minmax, scale}": "scale"})``.
        **labels
            Label by name of dimension, short or full.

        Raises
        ------
        RequestError
            When no key has such a dimension, or the name is ambiguous; the message lists the names that there are.
        """
        wanted: dict[Dimension, Label] = {}
        for name, label in {**(key or {}), **labels}.items():
            dimension = resolve(name, self.dimensions)
            if dimension is None:
                known = ", ".join(own.full_name for own in self.dimensions) or "none"
                raise RequestError(f"{self._name} has no dimension {name!r}; its dimensions: {known}")
            wanted[dimension] = label
        found = [e for e in self._entries if all(_same(e.key.label(d), label) for d, label in wanted.items())]
        return Relation(found, self._name)

    @property
    def keys(self) -> list[Key]:
        """The keys, in order."""
        return [entry.key for entry in self._entries]

    @property
    def failed(self) -> Relation:
        """The entries that failed."""
        return Relation((entry for entry in self._entries if entry.state == "failed"), self._name)

    def only(self) -> Entry:
        """Return the one entry.

        Raises
        ------
        RequestError
            When there is none, or several; the message shows their keys.
        """
        if len(self._entries) == 1:
            return self._entries[0]
        keys = "; ".join(str(entry.key) or "(no key)" for entry in self._entries[:8]) or "none"
        more = "; …" if len(self._entries) > 8 else ""
        raise RequestError(f"{self._name} has {len(self._entries)} entries, one was expected: {keys}{more}")

    def to_frame(self) -> Any:
        """Return a pandas data frame, a row per entry; its columns are those of `Run.to_frame`."""
        from anabranch.frame import to_frame

        return to_frame(self)

    def _repr_html_(self) -> str:
        from anabranch.rendering.html import relation_to_html

        return relation_to_html(self, self._name)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> Relation: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Relation(self._entries[index], self._name)
        try:
            return self._entries[index]
        except IndexError:
            raise IndexError(f"{self._name} has {len(self._entries)} entries, none at {index}") from None

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self._entries[:5])) + (", …" if len(self._entries) > 5 else "")
        return f"Relation({self._name}: {len(self._entries)} entries: {shown})"


def _same(own: Label | None, wanted: Label) -> bool:
    return own is not None and (own == wanted or str(own) == str(wanted))


def relation_of(
    run: Run, node: str, records: Iterable[Record], model_of: Callable[[Record], Record | None]
) -> Relation:
    """Return a node's relation: one entry per key.

    A fit that stands under a key of its own, because it served several outputs (``fit="all"``), shows with each of them
    and not by itself.

    Parameters
    ----------
    records : iterable of Record
        The node's, without internal ones.
    model_of : callable
        Returns the record of the fit whose model a record of another phase was made with.
    """
    by_key: dict[Key, list[Record]] = {}
    for record in records:
        by_key.setdefault(record.key, []).append(record)
    served = {record.id: model_of(record) for group in by_key.values() for record in group if record.phase != FIT}
    used = {model.id for model in served.values() if model is not None}
    entries = []
    for key, group in by_key.items():
        fit = next((record for record in group if record.phase == FIT and record.model is not None), None)
        if fit is None:
            fit = next((served[record.id] for record in group if served.get(record.id) is not None), None)
        elif len(group) == 1 and fit.id in used:
            continue
        entries.append(Entry(run, node, key, group, fit))
    return Relation(entries, f"run[{node!r}]")
