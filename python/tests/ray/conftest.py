"""A Ray cluster of several nodes on this machine, and a standing pool whose worker drives it."""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Iterator

import cloudpickle
import pytest

# The cluster of real processes that the tests of deaths have.
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "deaths"))


def pytest_collection_modifyitems(items):
    here = pathlib.Path(__file__).parent
    for item in items:
        if here in pathlib.Path(item.fspath).parents:
            item.add_marker(pytest.mark.ray)


@pytest.fixture(autouse=True)
def by_value(request: pytest.FixtureRequest) -> Iterator[None]:
    """What tests define is pickled by value: workers cannot import tests."""
    cloudpickle.register_pickle_by_value(request.module)
    yield
    cloudpickle.unregister_pickle_by_value(request.module)


@pytest.fixture(scope="module")
def nodes(request: pytest.FixtureRequest, monkeypatch_module: pytest.MonkeyPatch) -> Iterator:
    """A head without CPUs, where drivers are, and one node of two CPUs; tests add more and take them away.

    What a module's ``NODE`` says, each node is told.
    """
    import anabranch

    # Before anything of Ray runs: its processes have this environment.
    monkeypatch_module.setenv("PYTHONPATH", str(pathlib.Path(anabranch.__file__).parents[1]))
    monkeypatch_module.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    options = getattr(request.module, "NODE", {})
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **options})
    cluster.add_node(num_cpus=2, **options)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()
    assert not gone_directories(), f"left in /dev/shm by Ray's processes: {gone_directories()}"


def gone_directories() -> list[str]:
    """Directories of Ray's processes that have ended; other clusters of this machine have theirs."""
    found = pathlib.Path("/dev/shm").glob(f"anabranch-ray-{os.getuid()}-*")
    return [path.name for path in found if not os.path.exists(f"/proc/{path.name.split('-')[3]}")]


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture
def pool(nodes, tmp_path: pathlib.Path) -> Iterator:
    """A coordinator and one worker whose tasks run on the Ray cluster; ended and looked over afterwards."""
    from cluster import Cluster

    import anabranch as ab

    ab.shutdown()
    cluster = Cluster(
        lease=10.0, worker_options=("--executor", "ray", "--ray-address", nodes.address), log=tmp_path / "log"
    )
    try:
        cluster.join(slots=2)
        ab.init(cluster.address)
        yield cluster
    finally:
        ab.shutdown()
        cluster.end()
        print((tmp_path / "log").read_text())
