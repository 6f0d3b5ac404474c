"""The Python half of the command line: ``python -m anabranch.cli --request JSON``.

The program parses flags and hands over one JSON document whose fields are named as the flags. Exit status: 0 all keys
succeeded; 1 some failed; 2 the request was wrong; 3 no coordinator or no worker; 130 interrupted.
"""

from __future__ import annotations

from anabranch.cli.entry import main

__all__ = ["main"]
