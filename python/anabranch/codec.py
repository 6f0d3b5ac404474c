"""Keys between Python and the messages."""

from __future__ import annotations

from anabranch.keys import Dimension, Key, Label
from anabranch.v1 import common_pb2


def key_to_message(key: Key) -> common_pb2.Key:
    """Return the message of a key."""
    return common_pb2.Key(parts=[part_to_message(dimension, label) for dimension, label in key.parts])


def part_to_message(dimension: Dimension, label: Label) -> common_pb2.KeyPart:
    """Return the message of one part of a key."""
    part = common_pb2.KeyPart(
        dimension=common_pb2.Dimension(
            kind=dimension.kind,  # type: ignore[arg-type]
            owner=dimension.owner,
            positional=dimension.positional,
        )
    )
    if isinstance(label, str):
        part.text = label
    else:
        part.integer = label
    return part


def key_from_message(message: common_pb2.Key) -> Key:
    """Return the key of a message."""
    return Key(
        (
            Dimension(int(part.dimension.kind), part.dimension.owner, part.dimension.positional),
            part.text if part.WhichOneof("label") == "text" else part.integer,
        )
        for part in message.parts
    )
