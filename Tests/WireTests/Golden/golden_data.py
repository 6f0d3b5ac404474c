"""What many example messages have in common: references, data, keys, limits, usage, failures."""

from __future__ import annotations

from anabranch.v1 import common_pb2 as c
from anabranch.v1 import task_pb2 as t

WRITER = 0xA1B2C3D4E5F60718
EPOCH = 0x1122334455667788


def in_segment(sequence: int) -> c.ObjectRef:
    return c.ObjectRef(
        writer=WRITER, sequence=sequence, encoding=c.ENCODING_TENSOR, length=4096, segment=3, offset=64 * sequence
    )


def inline(sequence: int, content: bytes = b"\x80\x05\x00abc") -> c.ObjectRef:
    return c.ObjectRef(
        writer=WRITER, sequence=sequence, encoding=c.ENCODING_PICKLE5, length=len(content), inline_bytes=content
    )


def object_id(sequence: int) -> c.ObjectId:
    return c.ObjectId(writer=WRITER, sequence=sequence)


def full_data() -> c.Data:
    return c.Data(
        x=c.View(object=in_segment(1), rows=inline(2)),
        y=c.View(object=in_segment(3)),
        sample_weight=c.View(object=in_segment(4)),
        groups=c.View(object=in_segment(5), rows=in_segment(6)),
        row_ids=c.View(object=in_segment(7)),
        positions=inline(8),
    )


def plain_data(sequence: int) -> c.Data:
    return c.Data(x=c.View(object=in_segment(sequence)))


def parts() -> list[c.KeyPart]:
    partition = c.Dimension(kind=c.DIMENSION_KIND_DATA, owner="partition", positional=True)
    return [
        c.KeyPart(dimension=c.Dimension(kind=c.DIMENSION_KIND_DATA, owner="carrier"), text="Ærø"),
        c.KeyPart(dimension=partition, integer=0),
        c.KeyPart(dimension=c.Dimension(kind=c.DIMENSION_KIND_FOLD, owner="cv"), integer=-1),
        c.KeyPart(dimension=c.Dimension(kind=c.DIMENSION_KIND_VIA, owner="{minmax, scale}"), text=""),
    ]


def key() -> c.Key:
    return c.Key(parts=parts())


def single(sequence: int) -> t.Input:
    return t.Input(form=t.INPUT_FORM_SINGLE, items=[t.InputItem(edges=[plain_data(sequence)])])


def limits() -> t.Limits:
    return t.Limits(timeout_ms=1500, memory_bytes=1 << 33, threads=2)


def usage() -> t.Usage:
    return t.Usage(
        queue_us=1,
        open_us=2,
        compute_us=300,
        store_us=4,
        bytes_in=5,
        bytes_out=6,
        bytes_copied=7,
        peak_memory_bytes=8,
        readonly_retries=9,
        started_us=1 << 40,
        received_us=(1 << 40) - 10,
        dispatched_us=(1 << 40) - 20,
        arrived_us=(1 << 40) + 400,
        slot=1,
        worker=3,
    )


def earlier() -> list[t.EarlierAttempt]:
    return [t.EarlierAttempt(attempt=1, kind=t.FAILURE_KIND_KILLED, usage=usage())]


def failure() -> t.Failure:
    return t.Failure(
        kind=t.FAILURE_KIND_EXCEPTION,
        type="builtins.ValueError",
        message="Input X contains NaN.",
        traceback='File "a.py", line 1',
        output_tail="last line\n",
        exception=inline(9),
        host="node-1",
        slot=1,
        peak_memory_bytes=123456789,
        node="tree",
        key=key(),
        attempt=2,
        lost=c.ObjectId(writer=0x1F, sequence=8),
    )


def versions() -> t.Versions:
    return t.Versions(
        protocol=1, anabranch="0.1.0", python="3.11.2", cloudpickle="3.1.0", numpy="2.4.0", sklearn="1.9.0"
    )


def logs() -> list[t.SlotLog]:
    return [
        t.SlotLog(task=5, text="fitting…\n", error_stream=True, node="tree", worker=2),
        t.SlotLog(text="before any task\n"),
    ]
