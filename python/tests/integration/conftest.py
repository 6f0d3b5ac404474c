"""One embedded pool for all integration tests; every one of them is of the cluster tier."""

from __future__ import annotations

import gc
import pathlib
import sys

import cloudpickle
import pytest

import anabranch as ab


def pytest_collection_modifyitems(items):
    here = pathlib.Path(__file__).parent
    for item in items:
        if here in pathlib.Path(item.fspath).parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def session_pool():
    ab.init(slots=2)
    yield
    ab.shutdown()


@pytest.fixture
def standing_pool(request):
    """Have the pool stand before the test is watched: another may have shut it down, or lost it."""
    if "pool" in request.fixturenames:
        request.getfixturevalue("session_pool")
        ab.init(slots=2)


@pytest.fixture
def pool(session_pool):
    """The pool, with what tests define pickled by value: workers cannot import tests, nor the modules beside them."""
    tests = pathlib.Path(__file__).parents[1]
    modules = [
        module
        for module in list(sys.modules.values())
        if tests in pathlib.Path(getattr(module, "__file__", None) or "/").parents
    ]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    yield
    for module in modules:
        cloudpickle.unregister_pickle_by_value(module)
    gc.collect()


@pytest.fixture(autouse=True)
def on_the_pool():
    """Small searches are for this process, by themselves; these tests are of the pool, but for `test_here.py`."""
    with ab.model_selection.options(where="pool"):
        yield
