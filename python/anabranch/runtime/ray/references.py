"""The object references that a message has anywhere in it."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.message import Message

from anabranch.v1 import common_pb2


def references_in(message: Message) -> Iterator[common_pb2.ObjectRef]:
    """Yield every `ObjectRef` below ``message``, itself not among them; they may be changed in place."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for part in [value] if isinstance(value, Message) else value:
            if isinstance(part, common_pb2.ObjectRef):
                yield part
            else:
                yield from references_in(part)
