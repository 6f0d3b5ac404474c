"""Containers of the real image, on a real engine: `.ci/with-docker` has one, `.ci/image` builds."""

from __future__ import annotations

import pathlib
import shutil
import sys
from collections.abc import Iterator

import pytest
from sklearn.datasets import load_iris

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in pathlib.Path(item.fspath).parents:
            item.add_marker(pytest.mark.docker)


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """What client containers see as `/work`, as another user."""
    directory = tmp_path_factory.mktemp("work")
    for file in (
        HERE / "program.py",
        HERE / "spark_program.py",
        HERE / "pipeline.py",
        HERE.parent / "deaths" / "workloads.py",
    ):
        shutil.copy(file, directory)
    load_iris(as_frame=True).frame.to_csv(directory / "iris.csv", index=False)
    directory.chmod(0o755)
    return directory


@pytest.fixture(scope="session")
def session_cluster(work):
    from compose import Cluster, output

    cluster = Cluster(work)
    try:
        yield cluster
    finally:
        cluster.down()
    for what in (["ps", "--all"], ["network", "ls"], ["volume", "ls"]):
        assert cluster.project not in output("docker", *what), f"docker {' '.join(what)}"


@pytest.fixture
def cluster(session_cluster):
    """The cluster with one worker, and nothing of earlier tests under way."""
    session_cluster.scale(1)
    session_cluster.until(
        lambda status: all(run["state"] != "running" for run in status["runs"]), "earlier tests' runs over"
    )
    return session_cluster


@pytest.fixture(scope="session")
def undisturbed(session_cluster) -> dict[str, str]:
    """What each kind of work comes to in an embedded pool of the same image."""
    from compose import result

    kinds = ("cross_validate", "fit", "calls")
    return result(session_cluster.client("program.py", "digests", "0", *kinds, address=""))


class Gate:
    """Tasks whose pace is its `path` wait until it is opened. It stands in the volume, which every worker sees."""

    path = "/store/gate"

    def __init__(self, cluster) -> None:
        self._cluster = cluster
        cluster.inside("sh", "-c", f"mkdir -p {self.path} && touch {self.path}/closed")

    def open(self) -> None:
        """Let through who waits, and who comes."""
        self._cluster.inside("rm", "-f", f"{self.path}/closed")

    def await_word(self, name: str) -> None:
        """Wait for a file that somebody leaves in it."""
        self._cluster.until(lambda _: name in self._cluster.inside("ls", self.path).split(), f"{name} in {self.path}")

    def remove(self) -> None:
        self._cluster.inside("rm", "-rf", self.path)


@pytest.fixture
def gate(cluster) -> Iterator[Gate]:
    gate = Gate(cluster)
    yield gate
    gate.remove()
