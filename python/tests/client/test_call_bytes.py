"""Calls laid by hand have the bytes that the protobuf library writes."""

from __future__ import annotations

import pytest

from anabranch.call_bytes import CallBytes, entry, submission
from anabranch.protobuf_bytes import varint
from anabranch.references import Ref
from anabranch.v1 import common_pb2, control_pb2, task_pb2
from anabranch.versions import PROTOCOL

EDGES = [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, (1 << 64) - 1]


@pytest.mark.parametrize("number", EDGES)
def test_varint(number):
    assert b"\x08" + varint(number) == control_pb2.Call(call=number).SerializeToString() or number == 0


@pytest.mark.parametrize("number", EDGES[1:])
@pytest.mark.parametrize("size", [1, 111, 112, 8_192])
@pytest.mark.parametrize("limits", [None, task_pb2.Limits(timeout_ms=7, memory_bytes=1 << 33, threads=2)])
def test_submissions(number, size, limits):
    function = common_pb2.ObjectRef(
        writer=3, sequence=200, encoding=common_pb2.ENCODING_PICKLE5, length=640, segment=2, offset=128
    )
    common = control_pb2.Call(retries=number & 1)
    if limits is not None:
        common.limits.CopyFrom(limits)
    native = control_pb2.Call(native_function="noop", native_parameters=b"{}")
    native.MergeFrom(common)
    arguments = bytes(size)
    by_hand = submission(
        number,
        [
            CallBytes(common, Ref(function, None), 1 << 62).python(number, number, arguments),
            CallBytes(native, None, 1 << 62).bare(number),
            entry(control_pb2.Call(call=5, after=[number])),
        ],
    )
    first = control_pb2.Call(
        call=number,
        work=task_pb2.CallWork(
            function=function,
            arguments=common_pb2.ObjectRef(
                writer=1 << 62,
                sequence=number,
                encoding=common_pb2.ENCODING_PICKLE5,
                length=size,
                inline_bytes=arguments,
            ),
        ),
    )
    first.MergeFrom(common)
    second = control_pb2.Call(call=number)
    second.MergeFrom(native)
    batch = control_pb2.SubmitCalls(run=number, calls=[first, second, control_pb2.Call(call=5, after=[number])])
    message = control_pb2.ToCoordinator(protocol=PROTOCOL, submit_calls=batch)
    assert by_hand == message.SerializeToString()
