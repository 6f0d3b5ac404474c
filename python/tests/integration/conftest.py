"""One embedded pool for all integration tests; every one of them is of the cluster tier."""

from __future__ import annotations

import gc
import pathlib

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
    """The pool, with what the test's module defines pickled by value: workers cannot import tests."""
    cloudpickle.register_pickle_by_value(request.module)
    # A test may have shut the pool down, or lost it.
    ab.init(slots=2)
    yield
    cloudpickle.unregister_pickle_by_value(request.module)
    gc.collect()
