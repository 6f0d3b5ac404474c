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
def pool(session_pool, request):
    """The pool, with what tests define pickled by value: workers cannot import tests, nor the modules beside them."""
    tests = pathlib.Path(__file__).parents[1]
    modules = [
        module
        for module in list(sys.modules.values())
        if tests in pathlib.Path(getattr(module, "__file__", None) or "/").parents
    ]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    # A test may have shut the pool down, or lost it.
    ab.init(slots=2)
    yield
    for module in modules:
        cloudpickle.unregister_pickle_by_value(module)
    gc.collect()
