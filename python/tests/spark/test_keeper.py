"""The keeper of a session that cannot start: told once, told to all, and nothing of it left. No JVM runs here."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator

import psutil
import pytest

from anabranch.runtime.spark.keeper import keeper_socket
from anabranch.runtime.spark.link import KeeperLink, SessionRefused

JAVA = """#!/bin/sh
echo 'openjdk version "21.0.1"' >&2
"""
#: In the place of Spark's launcher.
LAUNCHER = """#!/bin/sh
echo launched >> {tries}
echo 'spark.nonsense is no setting' >&2
{end}
"""

Kept = Callable[..., tuple[psutil.Process, KeeperLink]]


def _program(path: pathlib.Path, text: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def kept(tmp_path: pathlib.Path) -> Iterator[Kept]:
    """Start a keeper whose launcher ends by these commands; return it and a slot's link to it."""
    started: list[subprocess.Popen] = []
    links: list[KeeperLink] = []
    # Paths of sockets are short.
    directory = tempfile.mkdtemp(prefix="anabranch-test-")

    def start(end: str, *options: str) -> tuple[psutil.Process, KeeperLink]:
        _program(tmp_path / "java" / "bin" / "java", JAVA)
        _program(tmp_path / "spark" / "bin" / "spark-submit", LAUNCHER.format(tries=tmp_path / "tries", end=end))
        process = subprocess.Popen(
            [sys.executable, "-m", "anabranch.runtime.spark", "--directory", directory, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "JAVA_HOME": str(tmp_path / "java"), "SPARK_HOME": str(tmp_path / "spark")},
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        links.append(KeeperLink(keeper_socket(directory)))
        return psutil.Process(process.pid), links[0]

    yield start
    for link in links:
        link.close()
    for process in started:
        process.communicate()
    assert not os.path.exists(directory)


@pytest.mark.parametrize("end", ["exit 1", "exit 0", "kill -9 $$"])
def test_a_session_that_cannot_start_is_tried_once_for_all_tasks_of_a_while(kept: Kept, tmp_path, end) -> None:
    keeper, link = kept(end)
    told = []
    for _ in range(3):
        with pytest.raises(SessionRefused) as refused:
            link.begin()
        told.append(str(refused.value))
    assert "the Spark session at --spark-master local[*] cannot be started: Java has ended with s" in told[0]
    assert "spark.nonsense is no setting" in told[0]
    assert told == told[:1] * 3
    assert (tmp_path / "tries").read_text().split() == ["launched"]
    # It has been waited for: none is left, not as a zombie either.
    assert keeper.children() == []


def test_a_master_that_has_gone_since_the_worker_started_is_named_before_a_jvm_is_launched(
    kept: Kept, tmp_path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        master = f"spark://127.0.0.1:{server.getsockname()[1]}"
        # It hangs up on the keeper's start: that is an answer.
        accepted = threading.Thread(target=lambda: server.accept()[0].close(), daemon=True)
        accepted.start()
        _, link = kept("exit 1", "--master", master)
        accepted.join()
    with pytest.raises(SessionRefused, match=f"cannot be started: no Spark master answers at --spark-master {master}"):
        link.begin()
    assert not (tmp_path / "tries").exists()


def test_settings_stand_a_line_each_where_there_is_room_for_one_value(kept: Kept, tmp_path) -> None:
    _, link = kept(
        'echo "$@" > ' + f"{tmp_path}/given; exit 1", "--conf", "spark.a=1 2\nspark.b=x=y\n", "--conf", "c=3"
    )
    with pytest.raises(SessionRefused):
        link.begin()
    given = (tmp_path / "given").read_text()
    assert "--conf spark.a=1 2 --conf spark.b=x=y --conf c=3 " in given


def test_a_line_that_is_no_setting_is_refused() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "anabranch.runtime.spark", "--directory", "/nowhere", "--conf", "spark.a=1\nspark.b"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 78
    assert said.stdout == "--spark-conf spark.b: write K=V\n"
