"""An embedded pool with a worker for Spark, shared by all tests here: a session takes seconds to start."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator
from typing import Any

import cloudpickle
import pytest
from spark_sessions import local_session

from anabranch.slots import start_spark

HERE = pathlib.Path(__file__).parent

# What these sessions run is new all the time: to compile it well, on threads of the JVM's own, took most of both cores.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.spark)


@pytest.fixture(autouse=True)
def by_value(request: pytest.FixtureRequest) -> Iterator[None]:
    """What tests define is pickled by value: workers cannot import tests."""
    cloudpickle.register_pickle_by_value(request.module)
    yield
    cloudpickle.unregister_pickle_by_value(request.module)


@pytest.fixture
def spark_pool(_pool: None) -> None:
    """An embedded pool whose session has little memory, and few partitions; the one that is there, if any."""
    _begin_pool()


@pytest.fixture(scope="module")
def module_pool(_pool: None) -> None:
    """The same, for fixtures of modules whose tests end no pool."""
    _begin_pool()


@pytest.fixture(scope="session")
def _pool() -> Iterator[None]:
    yield
    _end_shared()


@pytest.fixture(scope="session")
def shared_session() -> Iterator[Any]:
    """A session of this process, beside the pool's."""
    _shared["session"] = made = local_session()
    yield next(made)
    _end_shared()


#: What stands from test to test.
_shared: dict[str, Any] = {}


def _begin_pool() -> None:
    import anabranch as ab
    from anabranch import process_client

    current = process_client._current
    if current is not None and current.alive and current is _shared.get("pool"):
        return
    ab.shutdown()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"MEMORY": "768M", "MASTER": "local[2]", "CONF": "spark.sql.shuffle.partitions=2"}.items():
            patch.setenv(f"ANABRANCH_SPARK_{name}", value)
        ab.init(slots=1)
        start_spark()
    _shared["pool"] = process_client._current


def _end_shared() -> None:
    import anabranch as ab

    if _shared.pop("pool", None) is not None:
        ab.shutdown()
    if (session := _shared.pop("session", None)) is not None:
        for _ in session:
            pass


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Tests of other directories have no pool but their own."""
    if _shared and (nextitem is None or HERE not in nextitem.path.parents):
        _end_shared()
