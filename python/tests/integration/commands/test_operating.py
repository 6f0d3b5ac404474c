"""``anabranch status``, ``logs``, ``cancel`` and ``drain`` on a standing cluster."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time

from commanding import call, environment, opened_by_a_writer

from anabranch.binary import find_binary


def test_logs_are_of_a_run_and_of_its_nodes(place, standing):
    flags = ("--data", "iris.csv", "--target", "target", "--address", standing)
    number = str(json.loads(call(place, "submit", "pipe.py:voting", *flags, "--wait", "--json").stdout)["run"])
    line = r"\[task \d+, square, worker \d+\] squared 150\n"
    assert re.fullmatch(line, call(place, "logs", number, "--address", standing).stdout)
    assert re.fullmatch(line, call(place, "logs", number, "square", "--address", standing).stdout)
    assert call(place, "logs", number, "scale", "--address", standing).stdout == ""
    refused = call(place, "logs", number, "sqare", "--address", standing, status=2)
    assert f"run {number} has no node sqare: it has " in refused.stderr and "square" in refused.stderr
    refused = call(place, "logs", "4711", "--address", standing, status=2)
    assert "there is no run 4711" in refused.stderr


def status_of(place, address, *run):
    return json.loads(call(place, "status", *run, "--json", "--address", address).stdout)


def test_cancel_kills_what_runs_and_the_worker_goes_on(place, standing):
    (place / "started").unlink(missing_ok=True)
    os.mkfifo(place / "started")
    flags = ("--data", "iris.csv", "--target", "target", "--address", standing)
    number = call(place, "submit", "pipe.py:deaf", *flags).stdout.strip()
    assert opened_by_a_writer(place / "started", seconds=60)
    assert call(place, "cancel", number, "--address", standing).stdout == f"run {number} is cancelled\n"
    (run,) = status_of(place, standing, number)["runs"]
    assert run["state"] == "cancelled"
    # Both slots are there for others.
    done = call(place, "submit", "pipe.py:model", *flags, "--partitions", "2", "--wait", "--json")
    assert json.loads(done.stdout)["state"] == "succeeded"
    # What has ended is not cancelled any more; what has been cancelled still is.
    again = call(place, "cancel", number, "--address", standing)
    assert again.stdout == f"run {number} is cancelled\n"
    ended = str(json.loads(done.stdout)["run"])
    late = call(place, "cancel", ended, "--address", standing)
    assert late.stdout == f"run {ended} had ended before: succeeded\n"
    late = json.loads(call(place, "cancel", ended, "--json", "--address", standing).stdout)
    assert late == {"run": int(ended), "cancelled": False, "state": "succeeded"}
    refused = call(place, "cancel", "4711", "--address", standing, status=2)
    assert "there is no run 4711" in refused.stderr


def test_a_drained_worker_leaves_and_the_others_stay(place, standing):
    leaver = subprocess.Popen(
        [find_binary(), "worker", "--slots", "1", "--address", standing, "--label", "leaves=yes"],
        env=environment(),
        cwd="/",
    )
    try:
        deadline = time.monotonic() + 60
        while not (found := [w for w in status_of(place, standing)["workers"] if w["labels"] == ["leaves=yes"]]):
            assert time.monotonic() < deadline, "the worker has not joined"
        (one,) = found
        said = call(place, "drain", str(one["worker"]), "--address", standing).stdout
        assert said.startswith(f"worker {one['worker']} gets no new tasks")
        assert leaver.wait(60) == 0
    finally:
        leaver.kill()
        leaver.wait()
    states = {w["worker"]: w["state"] for w in status_of(place, standing)["workers"]}
    assert "active" in states.values() and states.get(one["worker"]) in (None, "left")
    refused = call(place, "drain", "4711", "--address", standing, status=2)
    assert "there is no worker 4711" in refused.stderr
