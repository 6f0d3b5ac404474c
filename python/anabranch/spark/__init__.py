"""Spark ML stages and functions of DataFrames in graphs.

Names are imported when they are first used: looking at a graph of Spark stages needs neither pyspark nor Arrow.
"""

# ruff: noqa: F401
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anabranch.spark.declaration import declare
    from anabranch.spark.evaluation import scorer
    from anabranch.spark.functions import SparkFunction, function
    from anabranch.spark.lowering import from_spark
    from anabranch.spark.search import SparkSearch
    from anabranch.spark.steps import SparkStep, stage

_HOMES = {
    "SparkFunction": "functions",
    "SparkSearch": "search",
    "SparkStep": "steps",
    "declare": "declaration",
    "from_spark": "lowering",
    "function": "functions",
    "scorer": "evaluation",
    "stage": "steps",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'anabranch.spark' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"anabranch.spark.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
