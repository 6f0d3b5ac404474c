"""The Kubernetes manifests say what the compose file says; their form is checked by `make lint`."""

from __future__ import annotations

import pathlib
import re
import subprocess
from typing import Any

import pytest

yaml = pytest.importorskip("yaml")

DOCKER = pathlib.Path(__file__).parents[2] / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
MANIFESTS = [
    manifest
    for file in sorted((DOCKER / "kubernetes").glob("*.yaml"))
    for manifest in yaml.safe_load_all(file.read_text())
]
PODS = {m["metadata"]["name"]: m["spec"]["template"]["spec"] for m in MANIFESTS if m["kind"] == "Deployment"}


def container(deployment: str) -> dict[str, Any]:
    (only,) = PODS[deployment]["containers"]
    return only


def environment(deployment: str) -> dict[str, str | None]:
    return {variable["name"]: variable.get("value") for variable in container(deployment)["env"]}


def test_the_coordinator_is_the_compose_files():
    compose, ours = COMPOSE["coordinator"], container("anabranch-coordinator")
    assert ours["args"] == compose["command"]
    given = environment("anabranch-coordinator")
    # Its keys are copied into one directory.
    same = {
        name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value)
        for name, value in compose["environment"].items()
        if name != "ANABRANCH_KEY"
    }
    assert same.items() <= given.items()
    assert ours["livenessProbe"]["exec"]["command"] == compose["healthcheck"]["test"][1:]


def test_the_worker_is_the_compose_files():
    compose, ours = COMPOSE["worker"], container("anabranch-worker")
    assert ours["args"] == compose["command"]
    probe = compose["healthcheck"]["test"][1].replace("$$", "$")
    assert ours["readinessProbe"]["exec"]["command"] == ["sh", "-c", probe]
    grace = f"{PODS['anabranch-worker']['terminationGracePeriodSeconds']}s"
    assert grace in compose["stop_grace_period"]
    # A limit, so that it has as many slots as CPUs, and threads never exceed cores.
    assert ours["resources"]["limits"]["cpu"] == "1"
    assert ":-1}" in COMPOSE["worker"]["cpus"]


def test_workers_reach_the_coordinators_service():
    (service,) = [manifest for manifest in MANIFESTS if manifest["kind"] == "Service"]
    name = service["metadata"]["name"]
    ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
    given = environment("anabranch-coordinator")
    assert given["ANABRANCH_ADVERTISE"] == name
    for variable, port in (("BIND", "control"), ("INBOX", "inbox"), ("EVENTS", "events")):
        assert given[f"ANABRANCH_{variable}"] == f"tcp://0.0.0.0:{ports[port]}"
    for worker in ("anabranch-worker", "anabranch-far-worker"):
        assert environment(worker)["ANABRANCH_ADDRESS"] == f"tcp://{name}:{ports['control']}"


def test_workers_share_the_coordinators_store_on_its_node():
    coordinator, worker = PODS["anabranch-coordinator"], PODS["anabranch-worker"]
    store = environment("anabranch-coordinator")["ANABRANCH_STORE_ROOT"]

    def place(pod: dict[str, Any]) -> tuple[str, str]:
        (mount,) = [m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "store"]
        (volume,) = [v for v in pod["volumes"] if v["name"] == "store"]
        return mount["mountPath"], volume["hostPath"]["path"]

    assert place(coordinator) == place(worker) == (store, "/dev/shm/anabranch-store")
    (affinity,) = worker["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert affinity["topologyKey"] == "kubernetes.io/hostname"
    assert affinity["labelSelector"]["matchLabels"] == {"app": "anabranch", "role": "coordinator"}


@pytest.mark.parametrize("name", sorted(PODS))
def test_pods_have_no_privileges(name):
    pod = PODS[name]
    assert pod["securityContext"]["runAsNonRoot"] is True
    for one in [*pod["initContainers"], *pod["containers"]]:
        assert one["securityContext"]["allowPrivilegeEscalation"] is False
        assert one["securityContext"]["capabilities"]["drop"] == ["ALL"]


@pytest.mark.parametrize("name", sorted(PODS))
def test_keys_are_files_that_only_their_user_reads(name, tmp_path):
    """The copying container's script, run with directories of this machine in the places of the volumes."""
    (keys,) = [one for one in PODS[name]["initContainers"] if one["name"] == "keys"]
    volumes = {mount["mountPath"] for mount in keys["volumeMounts"]}
    for volume in volumes:
        (tmp_path / volume.strip("/")).mkdir()
    sources = {
        "/coordinator": ("coordinator.key", "worker.pub", "client.pub"),
        "/peers": ("worker.key", "client.key", "coordinator.pub"),
    }
    for volume in volumes & sources.keys():
        for file in sources[volume]:
            (tmp_path / volume.strip("/") / file).write_text(file)
    script = keys["command"][-1]
    for volume in volumes:
        script = script.replace(f"{volume}/", f"{tmp_path}{volume}/").replace(f" {volume}", f" {tmp_path}{volume}")
    subprocess.run([*keys["command"][:-1], script], check=True)
    place = tmp_path / "keys"
    wanted = environment(name)["ANABRANCH_KEY"]
    own = [wanted] if name != "anabranch-coordinator" else [wanted, container(name)["args"][-1]]
    for path in own:
        assert (tmp_path / path.strip("/")).stat().st_mode & 0o777 == 0o600
    assert (place / "coordinator.pub").exists()
    if name == "anabranch-coordinator":
        assert sorted(path.name for path in (place / "allowed").iterdir()) == ["client.pub", "worker.pub"]
