"""The pieces of a protobuf message's bytes, for messages that are laid by hand.

Source: the encoding guide of Protocol Buffers.
"""

from __future__ import annotations

_ONE_BYTE = [bytes((number,)) for number in range(128)]
VARINT = 0
LENGTH_DELIMITED = 2


def varint(number: int) -> bytes:
    """Return the variable-length encoding of a number in [0, 2**64)."""
    if number < 1 << 7:
        return _ONE_BYTE[number]
    if number < 1 << 14:
        return bytes((number & 127 | 128, number >> 7))
    if number < 1 << 21:
        return bytes((number & 127 | 128, number >> 7 & 127 | 128, number >> 14))
    return bytes((number & 127 | 128,)) + varint(number >> 7)


def field_key(message: type, field: str, wire_type: int = LENGTH_DELIMITED) -> bytes:
    """Return what stands before a field's value."""
    return varint(message.DESCRIPTOR.fields_by_name[field].number << 3 | wire_type)
