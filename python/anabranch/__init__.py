"""Anabranch: machine-learning pipelines as AND/OR graphs over a pool of workers.

Names are imported when they are first used, so that a process which needs one of them pays for no other.
"""

# ruff: noqa: F401
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from anabranch.joblib import register_when_imported

if TYPE_CHECKING:  # what type checkers and editors see; `_HOMES` is what runs
    from anabranch import joblib, model_selection, nodes, plotting, spark
    from anabranch.data import Xy
    from anabranch.errors import (
        AnabranchError,
        ConnectionFailed,
        GraphError,
        RequestError,
        RunError,
        SaveError,
        TaskCancelled,
        TaskError,
        TaskKilled,
        TaskOutOfMemory,
        TaskTimeout,
        VersionMismatch,
    )
    from anabranch.estimator import GraphEstimator
    from anabranch.execution import execute, execute_pipeline
    from anabranch.executor import Executor
    from anabranch.graph import Pipeline
    from anabranch.keys import Key
    from anabranch.lowering import from_sklearn
    from anabranch.mode import ExecutionType, Mode
    from anabranch.model_selection import (
        GridSearchCV,
        HalvingGridSearchCV,
        HalvingRandomSearchCV,
        RandomizedSearchCV,
    )
    from anabranch.node import AndNode, Node, OrNode, native
    from anabranch.path import Path
    from anabranch.persistence import load
    from anabranch.process_client import init, shutdown
    from anabranch.reading import read
    from anabranch.references import Ref, get, put
    from anabranch.run import Run
    from anabranch.spark import from_spark

_HOMES = {
    "AnabranchError": "errors",
    "AndNode": "node",
    "ConnectionFailed": "errors",
    "Executor": "executor",
    "ExecutionType": "mode",
    "GraphError": "errors",
    "GraphEstimator": "estimator",
    "GridSearchCV": "model_selection",
    "HalvingGridSearchCV": "model_selection",
    "HalvingRandomSearchCV": "model_selection",
    "Key": "keys",
    "Mode": "mode",
    "Node": "node",
    "OrNode": "node",
    "Path": "path",
    "Pipeline": "graph",
    "RandomizedSearchCV": "model_selection",
    "Ref": "references",
    "RequestError": "errors",
    "Run": "run",
    "RunError": "errors",
    "SaveError": "errors",
    "TaskCancelled": "errors",
    "TaskError": "errors",
    "TaskKilled": "errors",
    "TaskOutOfMemory": "errors",
    "TaskTimeout": "errors",
    "VersionMismatch": "errors",
    "Xy": "data",
    "__version__": "_version",
    "execute": "execution",
    "execute_pipeline": "execution",
    "from_sklearn": "lowering",
    "from_spark": "spark",
    "get": "references",
    "init": "process_client",
    "load": "persistence",
    "native": "node",
    "put": "references",
    "read": "reading",
    "shutdown": "process_client",
}

_PACKAGES = ("joblib", "model_selection", "nodes", "plotting", "spark")

__all__ = [*sorted(name for name in _HOMES if not name.startswith("_")), *_PACKAGES]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"anabranch.{name}")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'anabranch' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"anabranch.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


register_when_imported()
