"""What a run does with a graph."""

from __future__ import annotations

import enum


class Mode(enum.IntEnum):
    """What a run does with a graph; the values are those of the protocol. TRAIN is FIT under its founding name."""

    FIT = 1
    TRAIN = 1
    TRANSFORM = 2
    PREDICT = 3
    SCORE = 4
    CROSS_VALIDATE = 5


#: The founding name of `Mode`.
ExecutionType = Mode
