"""A worker that somebody owns ends with its owner, also while it looks for its coordinator."""

from __future__ import annotations

import os
import subprocess

from cluster import PATIENCE

from anabranch.binary import find_binary


def test_a_worker_whose_owner_ends_before_it_has_joined_ends_too(tmp_path):
    """A pool that was closed right after its start waited for its worker, which looked for a coordinator."""
    watched, owner = os.pipe()
    worker = subprocess.Popen(
        [
            find_binary(), "worker", "--address", f"ipc://{tmp_path}/gone/control.sock", "--slots", "1",
            "--patience", str(10 * PATIENCE), "--watch-fd", str(watched),
        ],
        pass_fds=[watched], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(watched)
    try:
        os.close(owner)
        assert worker.wait(PATIENCE) == 0
    finally:
        worker.kill()
        worker.wait()
