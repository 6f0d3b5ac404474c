"""`anabranch top` on a terminal and off it, and what the commands that order things print for programs."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest
from cluster import PATIENCE
from ports import free_ports

import anabranch as ab
from anabranch.binary import find_binary

pytestmark = pytest.mark.leaves("children", "descriptors")


@pytest.fixture
def cluster(start):
    one = start(keyed=False, workers=1)
    ab.init(one.address)
    return one


def anabranch(cluster, *arguments):
    command = [find_binary(), *arguments, "--address", cluster.address]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)


class Screen:
    """`anabranch top` on a pseudo-terminal of 24 lines of 80 cells."""

    def __init__(self, address: str) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            [find_binary(), "top", "--interval", "0.1", "--address", address],
            stdin=self.slave, stdout=self.slave, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self.seen = ""

    def read_until(self, pattern: str) -> None:
        """Wait until something new that it drew has this in it."""
        deadline = time.monotonic() + PATIENCE
        start = len(self.seen)
        while not re.search(pattern, self.seen[start:]):
            assert time.monotonic() < deadline, f"{pattern} does not come in {self.seen!r}"
            if select.select([self.master], [], [], 1)[0]:
                self.seen += os.read(self.master, 65536).decode(errors="replace")

    def wait(self) -> int:
        """Its status; what it draws until then is taken off its hands."""
        deadline = time.monotonic() + PATIENCE
        while (status := self.process.poll()) is None:
            assert time.monotonic() < deadline
            if select.select([self.master], [], [], 0.02)[0]:
                self.seen += os.read(self.master, 65536).decode(errors="replace")
        while select.select([self.master], [], [], 0)[0]:
            self.seen += os.read(self.master, 65536).decode(errors="replace")
        return status

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        self.process.stderr.close()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def screen(cluster):
    with contextlib.closing(Screen(cluster.address)) as one:
        yield one


def assert_restored(screen):
    assert termios.tcgetattr(screen.slave) == screen.before
    # The other screen is left, and the cursor is back.
    assert screen.seen.rstrip().endswith("\x1b[?1049l") and screen.seen.count("\x1b[?25h") == 1


def test_it_draws_until_q_and_leaves_the_terminal_as_it_was(cluster, screen):
    screen.read_until("1 active")
    with ab.Executor() as ex:
        assert list(ex.map(abs, range(-50, 0))) == list(range(50, 0, -1))
        screen.read_until(r"50/50\+")
    second = cluster.join(slots=1)
    # The row of the second worker comes after the head that counts it, perhaps in another read.
    screen.read_until(rf"2 active[^\0]*:{second}\b")
    lines = screen.seen.split("\x1b[H")[-2].split("\n")
    assert len(lines) == 24
    assert all(len(re.sub(r"\x1b\[[?0-9]*[A-Za-z]", "", line.strip("\r"))) <= 80 for line in lines)
    os.write(screen.master, b"q")
    assert screen.wait() == 0
    assert_restored(screen)


@pytest.mark.parametrize("way", ["key", "signal"])
def test_ctrl_c_ends_it_with_130(screen, way):
    screen.read_until("1 active")
    if way == "key":
        os.write(screen.master, b"\x03")
    else:
        screen.process.send_signal(signal.SIGINT)
    assert screen.wait() == 130
    assert_restored(screen)


def test_it_is_drawn_anew_when_the_terminal_grows(screen):
    screen.read_until("1 active")
    fcntl.ioctl(screen.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
    screen.process.send_signal(signal.SIGWINCH)
    screen.read_until(r"\x1b\[H([^\n]*\n){9}q to leave")


def test_without_a_terminal_it_prints_snapshots(cluster):
    once = anabranch(cluster, "top", "--once", "--interval", "0.1")
    assert once.returncode == 0 and "1 active" in once.stdout and "tasks/s" in once.stdout and "\x1b" not in once.stdout
    told = anabranch(cluster, "top", "--once", "--json", "--interval", "0.1")
    (line,) = told.stdout.splitlines()
    snapshot = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", snapshot["time"])
    assert snapshot["tasks_per_second"] == 0 and [w["state"] for w in snapshot["workers"]] == ["active"]
    command = [find_binary(), "top", "--json", "--interval", "0.1", "--address", cluster.address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as process:
        first, second = json.loads(process.stdout.readline()), json.loads(process.stdout.readline())
        assert "tasks_per_second" not in first and second["tasks_per_second"] == 0
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(PATIENCE) == 130


def test_it_goes_on_with_the_next_coordinator(start):
    port = free_ports(1)[0]
    cluster = start(keyed=False, options=("--bind", f"tcp://127.0.0.1:{port}"))
    with contextlib.closing(Screen(cluster.address)) as screen:
        screen.read_until("1 active")
        cluster.stop_coordinator()
        cluster.start_coordinator()
        screen.read_until("none   slots 0/0|1 active")
        cluster.observe().until(lambda s: [w.state for w in s.workers] == ["active"], "the worker back")
        screen.read_until("1 active")
        os.write(screen.master, b"q")
        assert screen.wait() == 0


def test_orders_answer_programs(cluster):
    with ab.Executor() as ex:
        ex.submit(print, "said\nin", end=" two").result(PATIENCE)
        run = cluster.observe().until(lambda s: s.runs, "the session").runs[0].run
        logs = json.loads(anabranch(cluster, "logs", str(run), "--json").stdout)
        assert logs["run"] == run and "".join(entry["text"] for entry in logs["entries"]) == "said\nin two"
        entry = logs["entries"][0]
        assert entry["stream"] == "stdout" and entry["task"] > 0 and entry["worker"] == 1
        label = f"[task {entry['task']}, worker 1]"
        assert anabranch(cluster, "logs", str(run)).stdout == f"{label} said\n{label} in two\n"
        nodeless = anabranch(cluster, "logs", str(run), "print")
        assert nodeless.returncode == 2 and "calls, which have no nodes" in nodeless.stderr
        cancelled = anabranch(cluster, "cancel", str(run), "--json")
        assert cancelled.returncode == 0 and json.loads(cancelled.stdout) == {"run": run, "cancelled": True}
    drained = anabranch(cluster, "drain", "1", "--json")
    assert json.loads(drained.stdout) == {"worker": 1, "draining": True}
    unknown = anabranch(cluster, "cancel", "77", "--json")
    assert unknown.returncode == 2 and not unknown.stdout and "no run 77" in unknown.stderr
