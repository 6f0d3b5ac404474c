"""What costs an attempt and what is a task's own death, what no node can hold."""

from __future__ import annotations

import os
import pathlib
import signal
import time

import numpy as np
import psutil
import pytest

import anabranch as ab
from anabranch.runtime.ray.capacity import lacking

#: Seconds for whatever a loaded machine takes; nothing is decided by them but that a test fails.
PATIENCE = 90.0


def appeared(path: pathlib.Path, lines: int = 1) -> list[str]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = path.read_text().split() if path.exists() else []
        if len(found) >= lines:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{path.name} has no {lines} lines")


def test_a_task_that_kills_its_process_is_not_tried_again(pool, tmp_path: pathlib.Path):
    def dies(directory: str) -> None:
        with open(f"{directory}/started", "a") as lines:
            lines.write("begun\n")
        os.kill(os.getpid(), signal.SIGKILL)

    with ab.Executor() as executor:
        with pytest.raises(ab.TaskKilled):
            executor.submit(dies, str(tmp_path)).result(PATIENCE)
        assert executor.submit(lambda: 1).result(PATIENCE) == 1
    assert appeared(tmp_path / "started") == ["begun"]


@pytest.mark.leaves("children")  # the node that it adds is the module's
def test_a_host_whose_processes_are_killed_costs_an_attempt(pool, nodes, tmp_path: pathlib.Path):
    def held(directory: str) -> str:
        with open(f"{directory}/started", "a") as lines:
            lines.write(f"{os.getpid()}\n")
        while not os.path.exists(f"{directory}/gate"):
            time.sleep(0.02)
        return "done"

    (victim,) = nodes.worker_nodes
    with ab.Executor() as executor:
        future = executor.submit(held, str(tmp_path))
        (process,) = appeared(tmp_path / "started")
        nodes.add_node(num_cpus=2)
        # Not through Ray: nobody is told. Without the raylet alone, the task would go on, and Ray take its result.
        for one in (victim.all_processes["raylet"][0].process.pid, int(process)):
            os.kill(one, signal.SIGKILL)
        assert len(appeared(tmp_path / "started", 2)) == 2
        (tmp_path / "gate").touch()
        assert future.result(PATIENCE) == "done"
    nodes.remove_node(victim, allow_graceful=False)


def test_what_a_slot_had_under_way_ends_with_it(pool, tmp_path: pathlib.Path):
    def held(directory: str) -> None:
        with open(f"{directory}/started", "a") as lines:
            lines.write(f"{os.getpid()}\n")
        time.sleep(600)

    # Long against the two seconds that a process of Ray's takes to begin, after one that was killed.
    with ab.Executor(timeout=20.0) as executor:
        with pytest.raises(ab.TaskTimeout):
            executor.submit(held, str(tmp_path)).result(PATIENCE)
        (process,) = appeared(tmp_path / "started")
        # Ray may have it wait for the next task, but not go on with this one.
        deadline = time.monotonic() + PATIENCE
        while psutil.pid_exists(int(process)):
            assert time.monotonic() < deadline, "the Ray task goes on"
            time.sleep(0.05)


def test_what_no_node_can_hold_is_refused_with_node_resource_and_what_there_is(pool):
    huge = ab.OrNode("huge", lambda X: X, memory="900G")
    pipeline = ab.Pipeline(chain=huge)
    (failed,) = pipeline.fit(np.ones((3, 2)), wait=False).wait(PATIENCE).failed
    assert "node 'huge' cannot be placed on the Ray cluster" in str(failed.error)
    assert "921600 MiB of memory" in str(failed.error)
    assert "within 10 s" in str(failed.error)


@pytest.mark.parametrize(
    ("wanted", "nodes", "said"),
    [
        ({"CPU": 2.0}, [(2, 0, True)], ""),
        ({"CPU": 8.0}, [(2, 0, True), (4, 0, True), (16, 0, False)], "asks for 8 CPU"),
        ({"CPU": 8.0}, [(2, 0, True), (4, 0, True), (16, 0, False)], "2 nodes has 4 CPU"),
        ({"CPU": 4.0, "memory": 2.0**30}, [(4, 0, True), (1, 2**31, True)], "together"),
        ({"CPU": 1.0}, [(2, 0, False)], "no living node"),
    ],
)
def test_what_is_lacking(wanted, nodes, said):
    described = [{"Alive": alive, "Resources": {"CPU": cpus, "memory": memory}} for cpus, memory, alive in nodes]
    lack = lacking(wanted, described)
    assert said in lack
    assert bool(said) == bool(lack)
