"""Deaths on real processes: each test has a pool of its own, which leaves nothing when it ends."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Iterator

import cloudpickle
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))


def pytest_collection_modifyitems(items):
    here = pathlib.Path(__file__).parent
    for item in items:
        if here in pathlib.Path(item.fspath).parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(autouse=True)
def by_value(request: pytest.FixtureRequest) -> Iterator[None]:
    """What tests define is pickled by value: workers cannot import tests."""
    import workloads

    modules = (request.module, workloads)
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    yield
    for module in modules:
        cloudpickle.unregister_pickle_by_value(module)


@pytest.fixture(scope="session")
def undisturbed() -> dict[str, str]:
    """What each kind of work comes to when nobody disturbs it."""
    from cluster import standing

    import workloads

    cloudpickle.register_pickle_by_value(workloads)
    try:
        with standing() as _:
            return {name: work(0.0) for name, work in workloads.KINDS.items()}
    finally:
        cloudpickle.unregister_pickle_by_value(workloads)
