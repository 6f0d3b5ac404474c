"""Calls as the bytes of their messages, laid by hand.

Building the messages of a small call costs more than everything else that the client does for it. The bytes are those
that the protobuf library would write: tests compare them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from anabranch.protobuf_bytes import VARINT, field_key, varint
from anabranch.v1 import common_pb2, control_pb2, task_pb2
from anabranch.versions import PROTOCOL

if TYPE_CHECKING:
    from anabranch.references import Ref

_FUNCTION = field_key(task_pb2.CallWork, "function")
_ARGUMENTS = field_key(task_pb2.CallWork, "arguments")
_SEQUENCE = field_key(common_pb2.ObjectRef, "sequence", VARINT)
_PICKLE5 = field_key(common_pb2.ObjectRef, "encoding", VARINT) + varint(common_pb2.ENCODING_PICKLE5)
_LENGTH = field_key(common_pb2.ObjectRef, "length", VARINT)
_INLINE = field_key(common_pb2.ObjectRef, "inline_bytes")
_NUMBER = field_key(control_pb2.Call, "call", VARINT)
_WORK = field_key(control_pb2.Call, "work")
_CALLS = field_key(control_pb2.SubmitCalls, "calls")
_RUN = field_key(control_pb2.SubmitCalls, "run", VARINT)
_HEAD = control_pb2.ToCoordinator(protocol=PROTOCOL).SerializeToString() + field_key(
    control_pb2.ToCoordinator, "submit_calls"
)

#: Calls of one function have few lengths of arguments as a rule.
_MOST_SHAPES = 512


class CallBytes:
    """Entries of `SubmitCalls.calls` for one function.

    Parameters
    ----------
    common : Call
        What all calls have alike: limits, retries, a native function; neither `call` nor `work`.
    function : Ref, optional
        Of calls of a Python function.
    writer : int
        Of the arguments.
    name : str
        Of the function, for timelines.
    """

    __slots__ = ("_after", "_before", "_shapes", "_writer", "common", "function", "name")

    def __init__(self, common: control_pb2.Call, function: Ref | None, writer: int, name: str = "") -> None:
        self.function = function
        self.name = name
        self.common = common
        self._after = common.SerializeToString()
        self._writer = common_pb2.ObjectRef(writer=writer).SerializeToString()
        self._before = b""
        self._shapes: dict[tuple[int, int, int], tuple[bytes, bytes, bytes]] = {}
        if function is not None:
            named = function.message.SerializeToString()
            self._before = _FUNCTION + varint(len(named)) + named + _ARGUMENTS

    def python(self, number: int, sequence: int, arguments: bytes) -> bytes:
        """Return a call with arguments that are an object of this sequence, in pickle5, inline."""
        one, two = varint(number), varint(sequence)
        lengths = (len(one), len(two), len(arguments))
        shape = self._shapes.get(lengths)
        if shape is None:
            shape = self._shape(*lengths)
        return b"".join((shape[0], one, shape[1], two, shape[2], arguments, self._after))

    def _shape(self, number: int, sequence: int, arguments: int) -> tuple[bytes, bytes, bytes]:
        """Return what stands before number, sequence and arguments of these lengths: nothing else differs."""
        size = varint(arguments)
        between = b"".join((_PICKLE5, _LENGTH, size, _INLINE, size))
        reference = len(self._writer) + len(_SEQUENCE) + sequence + len(between) + arguments
        before = b"".join((self._before, varint(reference), self._writer, _SEQUENCE))
        work = len(before) + sequence + len(between) + arguments
        before = b"".join((_WORK, varint(work), before))
        call = len(_NUMBER) + number + len(before) + sequence + len(between) + arguments + len(self._after)
        shape = b"".join((_CALLS, varint(call), _NUMBER)), before, between
        if len(self._shapes) >= _MOST_SHAPES:
            self._shapes.clear()
        self._shapes[number, sequence, arguments] = shape
        return shape

    def bare(self, number: int) -> bytes:
        """Return a call of a native function without arguments."""
        call = _NUMBER + varint(number) + self._after
        return _CALLS + varint(len(call)) + call


def entry(call: control_pb2.Call) -> bytes:
    """Return any call as an entry of `SubmitCalls.calls`."""
    data = call.SerializeToString()
    return _CALLS + varint(len(data)) + data


def submission(run: int, entries: Iterable[bytes]) -> bytes:
    """Return the `ToCoordinator` that submits calls to a session."""
    body = b"".join((_RUN, varint(run), *entries))
    return b"".join((_HEAD, varint(len(body)), body))
