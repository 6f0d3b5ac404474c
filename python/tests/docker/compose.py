"""A cluster of containers, started from the project's own compose file."""

from __future__ import annotations

import json
import os
import pathlib
import socket
import subprocess
import time
import uuid
from collections.abc import Callable
from typing import Any

FILE = pathlib.Path(__file__).parents[3] / "docker" / "compose.yaml"
IMAGE = "anabranch-test"
#: Seconds for whatever a loaded machine takes; nothing is decided by them but that a test fails.
PATIENCE = 90.0


def output(*command: str, environment: dict[str, str] | None = None) -> str:
    """Return what a command prints; it must succeed within `PATIENCE`."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def _compose() -> list[str]:
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True)
    return ["docker", "compose"] if plugin.returncode == 0 else ["docker-compose"]


class Cluster:
    """The services of `compose.yaml` under a project name of their own.

    Parameters
    ----------
    work : pathlib.Path
        The directory that client containers see as `/work`.
    """

    def __init__(self, work: pathlib.Path) -> None:
        self.project = f"anabranch-{uuid.uuid4().hex[:8]}"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._command = [*_compose(), "--project-name", self.project, "--file", str(FILE)]
        self._environment = {
            **os.environ,
            "ANABRANCH_IMAGE": IMAGE,
            "ANABRANCH_SPARK_IMAGE": f"{IMAGE}-spark",
            "ANABRANCH_SPARK_MEMORY": "768M",
            "ANABRANCH_PORT": str(self.port),
            "PWD": str(work),
        }
        self._coordinator = ""

    # ---- services

    def compose(self, *arguments: str) -> str:
        return output(*self._command, *arguments, environment=self._environment)

    def scale(self, workers: int) -> None:
        """Have so many workers, and wait until the coordinator has them."""
        self.start_scaling(workers).communicate(timeout=PATIENCE)
        self.await_workers(workers)

    def start_scaling(self, workers: int) -> subprocess.Popen:
        """Begin to have so many workers; those that go may take their time."""
        return subprocess.Popen(
            [*self._command, "up", "--detach", "--no-build", "--scale", f"worker={workers}"],
            env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def containers(self, service: str) -> list[str]:
        """Ids of a service's containers."""
        return self.compose("ps", "--quiet", service).split()

    def down(self) -> None:
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")

    # ---- what goes on in them

    @property
    def coordinator(self) -> str:
        """The coordinator's container, the same through all its stops and starts."""
        self._coordinator = self._coordinator or self.containers("coordinator")[0]
        return self._coordinator

    def inside(self, *command: str) -> str:
        """Run a command in the coordinator's container."""
        return output("docker", "exec", self.coordinator, *command)

    @staticmethod
    def crash(container: str) -> None:
        """Kill all that runs in a container with SIGKILL, as a lack of memory does; its restart policy holds."""
        output("docker", "exec", "--detach", container, "sh", "-c", "kill -KILL -1")

    def status(self) -> dict[str, Any]:
        return json.loads(self.inside("anabranch", "status", "--json"))

    def until(self, condition: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
        """Wait for a status that is as wanted; while the coordinator is away there is none."""
        deadline, status = time.monotonic() + PATIENCE, None
        while time.monotonic() < deadline:
            try:
                status = self.status()
            except (AssertionError, IndexError):
                time.sleep(0.1)
                continue
            if condition(status):
                return status
        raise AssertionError(f"{what}: still not so in {status}; the logs:\n{self.compose('logs', '--tail', '20')}")

    def await_workers(self, count: int) -> dict[str, Any]:
        """Wait until exactly so many workers are active."""
        return self.until(lambda status: len(active(status)) == count, f"{count} workers")

    def stores(self) -> list[str]:
        """What stands in the volume that all share."""
        return self.inside("ls", "-A", "/store").split()

    # ---- clients

    def client(
        self, *arguments: str, program: str = "python", address: str | None = None, service: str = "client"
    ) -> subprocess.Popen:
        """Start a client container; an empty `address` gives it an embedded pool."""
        options = [] if address is None else ["-e", f"ANABRANCH_ADDRESS={address}"]
        return subprocess.Popen(
            [*self._command, "run", "--rm", "-T", *options, "--entrypoint", program, service, *arguments],
            env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip


def active(status: dict[str, Any]) -> list[dict[str, Any]]:
    """The workers that take tasks."""
    return [worker for worker in status["workers"] if worker["state"] == "active"]


def result(client: subprocess.Popen) -> Any:
    """Return the JSON document that a client prints; it must succeed."""
    out, errors = client.communicate(timeout=PATIENCE)
    # What went wrong first: a summary of failures shows but one line.
    assert client.returncode == 0, f"{(errors.splitlines() or ['no word'])[-1]}\n{errors}"
    return json.loads(out)
