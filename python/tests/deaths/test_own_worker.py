"""The worker program of docs/native.md: built against the modules that the tests were built from, and run."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess

import numpy as np
import pytest
from cluster import Cluster

import anabranch as ab

ROOT = pathlib.Path(__file__).parents[3]
DEBUG = ROOT / ".build" / "debug"
MODULES = (
    "AnabranchCore PipelineGraph Wire ObjectStore Worker CMessages CProcess Logging Collections DequeModule "
    "OrderedCollections HeapModule BitCollections HashTreeCollections SortedCollections InternalCollectionsUtilities "
    "BasicContainers ContainersPreview TrailingElementsModule _RopeModule"
)


def program(place: pathlib.Path) -> pathlib.Path:
    """Build what the documentation shows, as a package of a user's does, from objects that are there."""
    if shutil.which("swiftc") is None or not (DEBUG / "Worker.build").is_dir():
        pytest.skip("no modules to build against: `swift build --build-tests` makes them")
    source = re.search(r"```swift\n(.*?)```", (ROOT / "docs" / "native.md").read_text(), re.DOTALL)
    assert source is not None
    (place / "main.swift").write_text(source[1])
    objects = [str(path) for module in MODULES.split() for path in (DEBUG / f"{module}.build").rglob("*.o")]
    headers = [f"-I{ROOT / 'Sources' / name}" for name in ("CZeroMQ", "CProtobufC", "CMessages/include")]
    built = place / "own-worker"
    command = ["swiftc", f"-I{DEBUG / 'Modules'}", *headers, "-Xcc"]
    command += [f"-fmodule-map-file={DEBUG / 'CProcess.build' / 'module.modulemap'}"]
    done = subprocess.run(
        [*command, "-o", str(built), str(place / "main.swift"), *objects, "-lzmq", "-lprotobuf-c"],
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return built


def test_the_documentations_worker_runs_its_own_function(tmp_path):
    built = program(tmp_path)
    X = np.random.default_rng(0).normal(size=(1_000, 3))
    cluster = Cluster()
    try:
        worker = cluster.spawn(str(built), cluster.address, cwd=tmp_path)
        cluster.workers[worker.pid] = worker
        cluster.observe().until(lambda status: cluster.state(status, worker.pid) == "active", "the worker active")
        ab.shutdown()
        ab.init(cluster.address)
        clip = ab.OrNode("clip", ab.native("clip", low=-0.5, high=0.5))
        run = ab.Pipeline("clipped", clip).fit(X)
        assert not run.failed, run.failed[0].error
        np.testing.assert_array_equal(run[clip][0].output, X.clip(-0.5, 0.5))
    finally:
        ab.shutdown()
        cluster.end()
