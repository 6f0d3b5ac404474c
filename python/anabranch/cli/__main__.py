"""Runs the command of one JSON document."""

import sys

from anabranch.cli.entry import main

sys.exit(main())
