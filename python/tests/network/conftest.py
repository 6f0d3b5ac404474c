"""Coordinators on TCP, with keys and without: each test has processes of its own and leaves nothing."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterator

import cloudpickle
import pytest

from anabranch.binary import find_binary
from anabranch.credentials import load_credentials

# The cluster of real processes that the tests of deaths have.
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "deaths"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))


def pytest_collection_modifyitems(items):
    here = pathlib.Path(__file__).parent
    for item in items:
        if here in pathlib.Path(item.fspath).parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(autouse=True)
def by_value(request: pytest.FixtureRequest) -> Iterator[None]:
    """What tests define is pickled by value: workers cannot import tests."""
    cloudpickle.register_pickle_by_value(request.module)
    yield
    cloudpickle.unregister_pickle_by_value(request.module)


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A directory of `anabranch keygen`, and one of another cluster's beside it."""
    root = tmp_path_factory.mktemp("keys")
    for name in ("ours", "others"):
        subprocess.run([find_binary(), "keygen", str(root / name)], check=True, stdout=subprocess.DEVNULL)
    return root / "ours"


@pytest.fixture
def start(keys: pathlib.Path) -> Iterator[Callable]:
    """Start clusters on TCP; they end with the test, which fails when they leave anything."""
    from cluster import Cluster
    from ports import free_ports

    import anabranch as ab

    ab.shutdown()
    with contextlib.ExitStack() as stack:
        stack.callback(ab.shutdown)

        def begin(keyed: bool = True, workers: int = 1, options=(), worker_options=(), log=None, **rest):
            bind = () if "--bind" in options else ("--bind", f"tcp://127.0.0.1:{free_ports(1)[0]}")
            key = ("--key", str(keys / "coordinator.key")) if keyed else ()
            worker_key = ("--key", str(keys / "worker.key")) if keyed else ()
            credentials = load_credentials(str(keys / "client.key")) if keyed else None
            one = Cluster(
                options=(*bind, *key, *options), worker_options=(*worker_key, *worker_options),
                credentials=credentials, log=log, **rest,
            )  # fmt: skip
            stack.callback(one.end)
            for _ in range(workers):
                one.join(slots=1)
            return one

        yield begin
        # Before the clusters end.
        ab.shutdown()
