"""A standing cluster of containers: workers come, go and die while runs go on, with the embedded run's results."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from compose import IMAGE, PATIENCE, active, output, result

from anabranch.binary import find_binary


def all_at_work(status):
    return status["workers"] and all(worker["running"] == worker["slots"] for worker in active(status))


def test_the_image_has_no_more_than_it_needs(cluster):
    tools = "gcc cc make ld swift pip"
    said = output("docker", "run", "--rm", "--entrypoint", "sh", IMAGE, "-c", f"id -u; command -v {tools}; true")
    assert said.split() == ["1000"]
    assert int(output("docker", "image", "inspect", "--format", "{{.Size}}", IMAGE)) < 1_250_000_000


def test_a_worker_keeps_to_its_cores_and_to_the_common_store(cluster):
    facts = result(cluster.client("program.py", "facts"))
    # Far more than the 64 MB that a container's own /dev/shm has.
    assert facts["doubled"] and facts["bytes"] > 64 << 20
    assert facts["user"] == 1000
    (worker,) = active(cluster.status())
    limit = json.loads(output("docker", "inspect", cluster.containers("worker")[0]))[0]["HostConfig"]["NanoCpus"]
    assert 0 < worker["slots"] * facts["threads"] * 1_000_000_000 <= limit


def test_work_spreads_over_workers_that_join_a_run(cluster):
    client = cluster.client("program.py", "spread", "4")
    cluster.until(lambda status: any(worker["finished"] for worker in active(status)), "the first worker at work")
    cluster.scale(4)
    busy = result(client)
    even = sum(busy.values()) / 4
    assert len(busy) == 4 and all(abs(seconds - even) <= 0.15 * even for seconds in busy.values()), busy


def test_workers_that_are_scaled_away_finish_what_they_have(cluster, gate, undisturbed):
    cluster.scale(4)
    client = cluster.client("program.py", "digests", gate.path, "cross_validate")
    cluster.until(all_at_work, "four workers at work")
    scaling = cluster.start_scaling(1)
    cluster.until(lambda status: len(active(status)) == 1, "three workers draining")
    gate.open()
    assert result(client)["cross_validate"] == undisturbed["cross_validate"]
    scaling.communicate(timeout=PATIENCE)
    assert len(cluster.containers("worker")) == 1


def test_a_worker_container_is_killed_and_comes_back(cluster, gate, undisturbed):
    cluster.scale(3)
    client = cluster.client("program.py", "digests", gate.path, "fit")
    before = cluster.until(all_at_work, "three workers at work")
    cluster.crash(cluster.containers("worker")[0])
    known = {worker["worker"] for worker in before["workers"]}
    cluster.until(lambda s: len(active(s)) == 3 and {w["worker"] for w in active(s)} - known, "its successor")
    gate.open()
    assert result(client)["fit"] == undisturbed["fit"]


def test_all_workers_are_killed_and_others_come(cluster, gate, undisturbed):
    cluster.scale(2)
    client = cluster.client("program.py", "digests", gate.path, "cross_validate")
    cluster.until(all_at_work, "two workers at work")
    output("docker", "rm", "--force", *cluster.containers("worker"))
    cluster.await_workers(0)
    gate.open()
    assert client.poll() is None
    cluster.scale(2)
    assert result(client)["cross_validate"] == undisturbed["cross_validate"]


def test_two_clients_at_once(cluster, gate, undisturbed):
    cluster.scale(2)
    clients = {kind: cluster.client("program.py", "digests", gate.path, kind) for kind in ("fit", "calls")}
    cluster.until(lambda status: len(status["runs"]) >= 2 and all_at_work(status), "two clients' runs under way")
    gate.open()
    for kind, client in clients.items():
        assert result(client)[kind] == undisturbed[kind]


def test_workers_find_the_coordinator_that_comes_after(cluster, undisturbed):
    cluster.scale(2)
    cluster.compose("stop", "coordinator")
    cluster.compose("start", "coordinator")
    cluster.await_workers(2)
    assert result(cluster.client("program.py", "digests", "0", "fit"))["fit"] == undisturbed["fit"]


@pytest.mark.parametrize("end", ["stop", "crash"])
def test_a_run_ends_with_its_coordinator_and_leaves_nothing(cluster, gate, undisturbed, end):
    cluster.scale(2)
    client = cluster.client("program.py", "follow", gate.path)
    cluster.until(all_at_work, "two workers at work")
    gate.await_word("followed")
    (store,) = [name for name in cluster.stores() if name.startswith("anabranch-")]
    if end == "stop":
        cluster.compose("stop", "coordinator")
    else:
        cluster.crash(cluster.coordinator)
    said = {"stop": ["cancelled", ""], "crash": ["lost", "the coordinator at tcp://coordinator:7700 is gone"]}
    assert result(client) == said[end]
    if end == "stop":
        cluster.compose("start", "coordinator")
    status = cluster.await_workers(2)
    assert not status["runs"] and not status["objects"]
    stores = [name for name in cluster.stores() if name.startswith((".", "anabranch-"))]
    assert len(stores) == 1 and stores != [store]
    gate.open()
    assert result(cluster.client("program.py", "digests", "0", "fit"))["fit"] == undisturbed["fit"]


def test_the_command_line_in_a_container(cluster):
    flags = ["pipeline.py:graph", "--data", "iris.csv", "--target", "target", "--cv", "3", "--json"]
    submitted = result(cluster.client("submit", *flags, "--wait", program="anabranch"))
    embedded = result(cluster.client("run", *flags, program="anabranch", address=""))
    facts = [[(e["node"], e["key"], e["state"], e["scores"]) for e in run["entries"]] for run in (submitted, embedded)]
    assert facts[0] and facts[0] == facts[1]


def test_a_client_outside_needs_a_key_and_no_store(cluster, work, tmp_path):
    before = cluster.status()
    flags = ["pipeline.py:graph", "--data", "iris.csv", "--target", "target", "--cv", "3", "--json"]
    there = ["--address", f"tcp://127.0.0.1:{cluster.port}", "--python", sys.executable, "--wait"]

    def submit(*more: str) -> subprocess.CompletedProcess:
        command = [find_binary(), "submit", *flags, *there, *more]
        return subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=PATIENCE)

    refused = submit()
    assert refused.returncode == 3 and "key" in refused.stderr
    assert cluster.status()["runs"] == before["runs"]
    output("docker", "cp", f"{cluster.coordinator}:/peers", str(tmp_path))
    streamed = submit("--key", str(tmp_path / "peers" / "client.key"))
    assert streamed.returncode == 0, streamed.stderr
    embedded = result(cluster.client("run", *flags, program="anabranch", address=""))
    facts = [
        [(e["node"], e["key"], e["state"], e["scores"]) for e in run["entries"]]
        for run in (json.loads(streamed.stdout), embedded)
    ]
    assert facts[0] and facts[0] == facts[1]
    # What only the client held has gone with it.
    cluster.until(lambda status: len(status["runs"]) == len(before["runs"]) + 1, "the submitted run alone left")


def test_containers_say_whether_they_are_well(cluster):
    container = cluster.containers("worker")[0]
    checks = {
        service: json.loads(output("docker", "inspect", cluster.containers(service)[0]))[0]["Config"]["Healthcheck"]
        for service in ("coordinator", "worker")
    }
    kind, *command = checks["coordinator"]["Test"]
    assert kind == "CMD" and "1 worker" in cluster.inside(*command)
    kind, command = checks["worker"]["Test"]
    assert kind == "CMD-SHELL"
    output("docker", "exec", container, "sh", "-c", command)
    cluster.inside("anabranch", "drain", str(active(cluster.status())[0]["worker"]))
    output("docker", "stop", container)
    cluster.await_workers(0)
    with pytest.raises(AssertionError, match="no active worker on host elsewhere"):
        cluster.inside("anabranch", "status", "--worker", "elsewhere")


def test_spark_stages_run_on_their_worker(cluster):
    """A session takes its time to start, and the client's container has Java's worker do what needs Java."""
    cluster.compose("up", "--detach", "--no-build", "spark-worker")
    try:
        cluster.await_workers(2)
        said = result(cluster.client("spark_program.py", service="spark-client"))
        assert not said["failed"]
        assert said["scores"] == said["expected"]
    finally:
        cluster.compose("rm", "--stop", "--force", "spark-worker")
    cluster.await_workers(1)
