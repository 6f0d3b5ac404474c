"""Other programs that work on a pool: each repeats one kind of work until it is killed, or its coordinator is."""

from __future__ import annotations

import hashlib
import select
import subprocess
import sys

from cluster import PATIENCE, Cluster

CODE = """
import hashlib, sys, cloudpickle, workloads
import anabranch as ab
cloudpickle.register_pickle_by_value(workloads)
address, kind = sys.argv[1:]
try:
    ab.init(address)
    print("at work", flush=True)
    while True:
        print(hashlib.sha256(workloads.KINDS[kind](0.02).encode()).hexdigest(), flush=True)
except ab.ConnectionFailed:
    print("ConnectionFailed", flush=True)
"""


class WorkingClient:
    """A process of the family that does one kind of work, and says what comes of it.

    Parameters
    ----------
    cluster : Cluster
    kind : str
        One of `workloads.KINDS`.
    undisturbed : str
        What that comes to when nobody disturbs it.
    """

    def __init__(self, cluster: Cluster, kind: str, undisturbed: str) -> None:
        self.kind = kind
        self._digest = hashlib.sha256(undisturbed.encode()).hexdigest()
        self._process = cluster.spawn(
            sys.executable, "-c", CODE, cluster.address, kind, stdout=subprocess.PIPE, bufsize=0
        )
        self._said = b""

    def await_work(self) -> bool:
        """Wait until it has begun to work; False when its coordinator was gone before."""
        while b"\n" not in self._said:
            ready, _, _ = select.select([self._output], [], [], PATIENCE)
            assert ready, f"a client has not begun to work ({self.kind})"
            more = self._output.read(4096)
            if not more:
                break
            self._said += more
        return self._said.startswith(b"at work\n")

    def kill(self) -> int:
        """Kill it in the midst of its work; return how often it had done it, each time as it should be."""
        assert self.await_work(), f"a client ended before it worked ({self.kind})"
        self._process.kill()
        return self._done(killed=True)

    def end(self) -> int:
        """Wait for its end after that of its coordinator; return as `kill`."""
        begun = self._said or select.select([self._output], [], [], 0)[0]
        if not begun or not self.await_work():
            # It may look for its coordinator for a while.
            self._process.kill()
            return 0
        return self._done(killed=False)

    def close(self) -> None:
        """End it however it stands."""
        self._process.kill()
        self._process.wait(PATIENCE)
        self._output.close()

    def _done(self, killed: bool) -> int:
        more, _ = self._process.communicate(timeout=PATIENCE)
        lines = [line for line in (self._said + more).decode().splitlines() if line != "at work"]
        if not killed:
            assert self._process.returncode == 0 and lines and lines[-1] == "ConnectionFailed", (
                f"{self.kind}: not told of its coordinator's death, but {lines[-3:]}, {self._process.returncode}"
            )
            lines.pop()
        assert set(lines) <= {self._digest}, f"{self.kind} in another client: repetition {len(lines)} differs"
        return len(lines)

    @property
    def _output(self):
        assert self._process.stdout is not None
        return self._process.stdout
