"""Keys of references: small sets of (dimension, label) pairs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from anabranch.errors import RequestError

DATA, FOLD, VARIANT, VIA = 1, 2, 3, 4
_KIND_NAMES = {DATA: "data", FOLD: "fold", VARIANT: "variant", VIA: "via"}

Label = int | str


class Dimension(NamedTuple):
    """A direction in which references differ: (kind, owner, positional), ordered as a key's parts are.

    ``positional`` labels are positions of a list: they join within a run and mean nothing in another.
    """

    kind: int
    owner: str
    positional: bool = False

    @property
    def short_name(self) -> str:
        """Serves wherever it is unambiguous: ``fold``, ``carrier``, ``pca``."""
        return "fold" if self.kind == FOLD else self.owner

    @property
    def full_name(self) -> str:
        """Never ambiguous: ``fold:cv``, ``data:carrier``, ``variant:pca``."""
        suffix = "[]" if self.kind == DATA and self.positional else ""
        return f"{_KIND_NAMES[self.kind]}:{self.owner}{suffix}"


PARTITION = Dimension(DATA, "partition", True)


def _label_order(label: Label) -> tuple[int, Label]:
    return (1, label) if isinstance(label, str) else (0, label)


class Key(Mapping[str, Label]):
    """A read-only mapping from names of dimensions to labels.

    A dimension goes by its short name where that is unambiguous within the key, and by its full name everywhere;
    a short name that two dimensions share raises `RequestError` with the full ones.
    """

    __slots__ = ("parts",)

    def __init__(self, parts: Iterable[tuple[Dimension, Label]] = ()) -> None:
        ordered = sorted(parts, key=lambda part: part[0])
        for (left, _), (right, _) in itertools.pairwise(ordered):
            if left == right:
                raise RequestError(f"dimension {left.full_name} occurs twice in a key")
        self.parts: tuple[tuple[Dimension, Label], ...] = tuple(ordered)

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The dimensions, in the order of the key's parts."""
        return tuple(dimension for dimension, _ in self.parts)

    def label(self, dimension: Dimension) -> Label | None:
        """Return the label at exactly this dimension, or None."""
        return next((label for own, label in self.parts if own == dimension), None)

    def agrees(self, other: Key) -> bool:
        """Whether labels are equal on every dimension that both have."""
        labels = dict(other.parts)
        return all(labels.get(dimension, label) == label for dimension, label in self.parts)

    def contains(self, other: Key) -> bool:
        """Whether every part of `other` is one of this key."""
        return set(other.parts) <= set(self.parts)

    def without(self, dimensions: Iterable[Dimension]) -> Key:
        """Return this key without these dimensions."""
        gone = set(dimensions)
        return Key(part for part in self.parts if part[0] not in gone)

    def __getitem__(self, name: str) -> Label:
        dimension = resolve(name, self.dimensions)
        if dimension is None:
            raise KeyError(name)
        return dict(self.parts)[dimension]

    def __iter__(self) -> Iterator[str]:
        return iter(names_of(self.dimensions).values())

    def __len__(self) -> int:
        return len(self.parts)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Key):
            return self.parts == other.parts
        return Mapping.__eq__(self, other)

    def __hash__(self) -> int:
        return hash(self.parts)

    def __lt__(self, other: Key) -> bool:
        return self.sort_key < other.sort_key

    @property
    def sort_key(self) -> tuple:
        """Orders keys part by part, integers before texts."""
        return tuple((dimension, _label_order(label)) for dimension, label in self.parts)

    def __repr__(self) -> str:
        return repr(dict(self.items()))

    def __str__(self) -> str:
        return ",".join(f"{name}={label}" for name, label in self.items())


def names_of(dimensions: Iterable[Dimension]) -> dict[Dimension, str]:
    """Return the name of each dimension: short where no other of them shares it, full otherwise."""
    listed = list(dict.fromkeys(dimensions))
    shorts = [dimension.short_name for dimension in listed]
    return {
        dimension: short if shorts.count(short) == 1 else dimension.full_name
        for dimension, short in zip(listed, shorts)
    }


def resolve(name: str, dimensions: Iterable[Dimension]) -> Dimension | None:
    """Return the dimension that `name` (short or full) means among these, None when there is none.

    Raises
    ------
    RequestError
        When a short name belongs to several dimensions; the message lists their full names.
    """
    listed = list(dict.fromkeys(dimensions))
    full = [dimension for dimension in listed if dimension.full_name == name]
    if full:
        return full[0]
    short = [dimension for dimension in listed if dimension.short_name == name]
    if len(short) > 1:
        choices = ", ".join(dimension.full_name for dimension in short)
        raise RequestError(f"dimension {name!r} is ambiguous: it may be {choices}; use the full name")
    return short[0] if short else None


def parse_key(text: str) -> dict[str, Label]:
    """Read ``name=label,name=label`` as the command line gives it; whole numbers become integers.

    Names may hold commas inside braces (``{minmax, scale}=minmax``).
    """
    parts = [""]
    depth = 0
    for character in text:
        depth += (character == "{") - (character == "}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    labels: dict[str, Label] = {}
    for part in parts:
        name, equals, label = part.rpartition("=")
        if not equals or not name.strip():
            raise RequestError(f"key {text!r}: {part!r} is not name=label")
        label = label.strip()
        labels[name.strip()] = int(label) if label.lstrip("-").isdigit() else label
    return labels
