"""Writes one file of bytes per example message, as the Python package encodes it.

The Swift tests encode the same values and compare. Run it after a change of the messages:

    PYTHONPATH=python python Tests/WireTests/Golden/make_golden.py [DIRECTORY]
"""

from __future__ import annotations

import sys
from pathlib import Path

from golden_control import control_messages
from golden_tasks import task_messages
from google.protobuf.message import Message


def messages() -> dict[str, Message]:
    """Every example by the name of its file."""
    return task_messages() | control_messages()


def main() -> None:
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, message in messages().items():
        (directory / f"{name}.bin").write_bytes(message.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
