"""The object references that a message has anywhere in it."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.message import Message

from anabranch.v1 import common_pb2, task_pb2

#: Objects of so many bytes may stay in Ray.
LARGE = 1 << 20


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


def staying(task: task_pb2.Task, result: task_pb2.Result) -> set[tuple[int, int]]:
    """Return (writer, sequence) of what need not leave Ray: large, and read by nodes of its run alone.

    What a client holds must not end with a node of Ray's.
    """
    ours = task_pb2.Success()
    if not task.HasField("call"):
        success = result.success
        if not task.keeps_output:
            ours.output.CopyFrom(success.output)
            ours.parts.extend(success.parts)
        if not task.keeps_model:
            ours.model.CopyFrom(success.model)
    return {(ref.writer, ref.sequence) for ref in references_in(ours) if ref.segment and ref.length >= LARGE}
