"""The session of a worker: started once, stopped when idle, and what its death, a cancelled run and a timeout cost."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import psutil
import pytest
from spark_standing import PATIENCE, until

import anabranch as ab
from anabranch.binary import find_binary
from anabranch.process_client import current
from anabranch.slots import start_spark
from anabranch.spark import function
from anabranch.v1 import control_pb2

pytestmark = pytest.mark.leaves("children", "descriptors")

X = np.arange(8.0).reshape(4, 2)


def family() -> list[psutil.Process]:
    """The worker for Spark and all below it."""
    pool = current().pool
    if pool is None or pool._spark is None or not psutil.pid_exists(pool._spark.pid):
        return []
    worker = psutil.Process(pool._spark.pid)
    return [worker, *worker.children(recursive=True)]


def name_of(process: psutil.Process) -> str:
    try:
        # The worker reaps what a keeper that was killed has left when it looks for leftovers the next time.
        return "" if process.status() == psutil.STATUS_ZOMBIE else process.name()
    except psutil.NoSuchProcess:
        return ""


def sessions() -> list[psutil.Process]:
    return [process for process in family() if name_of(process) == "java"]


def one(step, name: str = "node", **options) -> tuple[ab.Pipeline, ab.OrNode]:
    node = ab.OrNode(name, step, **options)
    pipeline = ab.Pipeline("one")
    pipeline.add_node(node)
    return pipeline, node


def held(directory: str):
    """A function with a Spark job that waits for a file, and says in another that it has begun."""

    def hold(frame):
        def wait(batches):
            import os

            with open(f"{directory}/begun", "a") as lines:
                lines.write("x\n")
            while not os.path.exists(f"{directory}/gate"):
                time.sleep(0.05)
            yield from batches

        return frame.mapInArrow(wait, frame.schema)

    return function(hold)


def begun(directory: pathlib.Path, count: int) -> Callable[[], bool]:
    def seen() -> bool:
        file = directory / "begun"
        return file.exists() and len(file.read_text().split()) >= count

    return seen


def labels() -> list[str]:
    """What status says of the worker for Spark."""
    status = current().ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest())).status
    return [label for worker in status.workers for label in worker.labels if label.startswith("spark-")]


def active_jobs() -> int:
    """Ask the session's status tracker."""

    def count(frame):
        session = frame.sparkSession
        jobs = len(session.sparkContext.statusTracker().getActiveJobsIds())
        return session.createDataFrame([(jobs,)], "jobs int")

    pipeline, node = one(function(count), "count")
    (entry,) = pipeline.fit(X)[node]
    assert entry.error is None, entry.error
    return entry.output.column("jobs").to_pylist()[0]


class TestOneSession:
    """What one embedded pool does."""

    pytestmark = pytest.mark.usefixtures("spark_pool")

    def test_a_session_starts_once_and_lazily(self):
        pipeline, node = one(function(lambda frame: frame))
        run = pipeline.fit(X, partitions=2)
        assert [entry.error for entry in run[node]] == [None, None]
        (first,) = sessions()
        pipeline.fit(X)
        assert sessions() == [first]

    def test_the_memory_of_the_session_is_bounded_and_said(self):
        pipeline, _ = one(function(lambda frame: frame))
        pipeline.fit(X)
        (session,) = sessions()
        assert "-Xmx768m" in session.cmdline()
        assert labels() == ["spark-master=local[2]", "spark-memory=768M"]

    def test_nothing_of_a_local_session_can_be_reached_from_another_host_or_without_a_secret(self):
        def secured(frame):
            conf = frame.sparkSession.sparkContext.getConf()
            return frame.sparkSession.createDataFrame([(conf.get("spark.authenticate"),)], "said string")

        pipeline, node = one(function(secured))
        assert pipeline.fit(X)[node].only().output.column("said").to_pylist() == ["true"]
        listening = []
        for process in family():
            with contextlib.suppress(psutil.NoSuchProcess):
                listening += [
                    (name_of(process), one.laddr.ip)
                    for one in process.net_connections("inet")
                    if one.status == psutil.CONN_LISTEN
                ]
        assert listening
        assert {ip.removeprefix("::ffff:") for _, ip in listening} <= {"127.0.0.1", "::1"}, listening

    def test_a_session_that_is_killed_costs_an_attempt_and_no_run(self, tmp_path):
        pipeline, node = one(held(str(tmp_path)))
        run = pipeline.fit(X, wait=False)
        until(begun(tmp_path, 1), "the job")
        (victim,) = sessions()
        victim.kill()
        (tmp_path / "gate").touch()
        run.wait()
        (entry,) = run[node]
        assert entry.error is None, entry.error
        assert entry.attempts == 2
        assert victim not in sessions()

    def test_a_context_that_is_stopped_costs_an_attempt_and_no_run(self, tmp_path):
        """By a program that ends as it did in a notebook; a master that gives an application up does the same."""
        mark = str(tmp_path / "stopped")

        def stops(frame):
            import os

            if not os.path.exists(mark):
                open(mark, "w").close()
                frame.sparkSession.stop()
            return frame

        pipeline, node = one(function(stops))
        (entry,) = pipeline.fit(X)[node]
        assert entry.error is None, entry.error
        assert entry.attempts == 2
        assert len(sessions()) == 1

    def test_a_cancelled_run_cancels_its_job_and_keeps_the_session(self, tmp_path):
        pipeline, _ = one(held(str(tmp_path)))
        run = pipeline.fit(X, wait=False)
        until(begun(tmp_path, 1), "the job")
        before = sessions()
        run.cancel()
        until(lambda: active_jobs() == 0, "no active job")
        assert sessions() == before

    def test_a_timeout_cancels_the_job_and_keeps_the_session(self, tmp_path):
        pipeline, node = one(held(str(tmp_path)), timeout=20)
        run = pipeline.fit(X)
        (entry,) = run[node]
        assert "20" in str(entry.error)
        before = sessions()
        until(lambda: active_jobs() == 0, "no active job")
        assert sessions() == before

    def test_an_error_of_a_stage_is_its_own_failure(self):
        def fails(frame):
            raise LookupError("of the function")

        pipeline, node = one(function(fails))
        (entry,) = pipeline.fit(X)[node]
        assert "of the function" in str(entry.error)
        assert entry.attempts == 1


def test_an_idle_session_stops_and_the_next_task_starts_another(monkeypatch):
    monkeypatch.setenv("ANABRANCH_SPARK_IDLE", "1")
    monkeypatch.setenv("ANABRANCH_SPARK_MASTER", "local[1]")
    ab.shutdown()
    ab.init(slots=1)
    try:
        pipeline, node = one(function(lambda frame: frame))
        start_spark()
        assert family() and not sessions()
        first = pipeline.fit(X)
        until(lambda: not sessions(), "the session's end")
        # What was made outlives it.
        assert first[node][0].output.num_rows == 4
        assert pipeline.fit(X)[node][0].error is None
        processes = family()
    finally:
        ab.shutdown()
    until(lambda: not any(process.is_running() for process in processes), "the end of all processes")
    left = [name for name in os.listdir("/tmp") if name.startswith(f"anabranch-spark-{os.getuid()}-")]
    pids = {str(process.pid) for process in processes}
    assert not [name for name in left if name.rpartition("-")[2] in pids]


def test_a_keeper_that_is_killed_is_replaced_with_its_session(monkeypatch):
    monkeypatch.setenv("ANABRANCH_SPARK_MASTER", "local[1]")
    ab.shutdown()
    ab.init(slots=1)
    try:
        pipeline, node = one(function(lambda frame: frame))
        assert pipeline.fit(X)[node][0].error is None
        (session,) = sessions()
        keeper = session.parent()
        worker, command = keeper.parent(), keeper.cmdline()

        def others():
            found = []
            for one in worker.children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    if one not in (keeper, session) and one.cmdline() == command:
                        found.append(one)
            return found

        keeper.kill()
        until(others, "the next keeper")
        # It has lived too short to be replaced at once; it is all the same.
        others()[0].kill()
        (entry,) = pipeline.fit(X)[node]
        assert entry.error is None, entry.error
        assert sessions() != [session]
        until(lambda: session not in sessions(), "the end of the first session")
    finally:
        ab.shutdown()


def test_a_setting_that_spark_refuses_is_an_error_of_the_task_with_its_words(monkeypatch):
    monkeypatch.setenv("ANABRANCH_SPARK_MASTER", "local[1]")
    monkeypatch.setenv("ANABRANCH_SPARK_CONF", "spark.ui.enabled=false\nspark.serializer=no.such.Serializer")
    ab.shutdown()
    ab.init(slots=1)
    try:
        pipeline, node = one(function(lambda frame: frame))
        (entry,) = pipeline.fit(X)[node]
        assert "the Spark session at --spark-master local[1] cannot be started" in str(entry.error)
        assert "no.such.Serializer" in str(entry.error)
        assert entry.attempts == 1
        assert not sessions()
    finally:
        ab.shutdown()


def test_a_worker_that_is_killed_takes_its_session_with_it(monkeypatch):
    monkeypatch.setenv("ANABRANCH_SPARK_MASTER", "local[1]")
    ab.shutdown()
    ab.init(slots=1)
    try:
        pipeline, node = one(function(lambda frame: frame))
        assert pipeline.fit(X)[node][0].error is None
        worker, *below = family()
        os.kill(worker.pid, signal.SIGKILL)
        until(lambda: not any(process.is_running() for process in below), "the end of all below it")
    finally:
        ab.shutdown()


def worker(*options: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [
            find_binary(), "worker", "--address", "ipc:///nowhere", "--python", sys.executable, "--executor", "spark",
            *options,
        ],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture
def hidden(tmp_path: pathlib.Path) -> Iterator[Callable[[str], str]]:
    """Stand something else in the place of pyspark."""

    def make(text: str) -> str:
        (tmp_path / "pyspark").mkdir()
        (tmp_path / "pyspark" / "__init__.py").write_text(text)
        return f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"

    yield make


def test_a_host_without_java_is_told_how_to_get_it(tmp_path):
    ended = worker(PATH=str(tmp_path), JAVA_HOME="")
    assert ended.returncode == 3, ended.stderr
    assert "needs Java: there is no java on PATH" in ended.stderr
    assert "default-jre-headless" in ended.stderr


def test_an_interpreter_without_pyspark_is_told_how_to_get_it(hidden):
    ended = worker(PYTHONPATH=hidden("raise ImportError('No module named pyspark')"))
    assert ended.returncode == 3, ended.stderr
    assert "pip install 'anabranch[spark]'" in ended.stderr


def test_a_pyspark_that_is_too_old_is_named(hidden):
    ended = worker(PYTHONPATH=hidden("__version__ = '3.5.1'"))
    assert ended.returncode == 3, ended.stderr
    assert "pyspark 3.5.1 is too old, 4.0 or newer is needed" in ended.stderr


def test_a_master_that_does_not_answer_is_named():
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        master = f"spark://127.0.0.1:{unheard.getsockname()[1]}"
        ended = worker("--spark-master", master)
    assert ended.returncode == 3, ended.stderr
    assert f"no Spark master answers at --spark-master {master}" in ended.stderr


@pytest.mark.parametrize("options", [("--spark-memory", "much"), ("--spark-conf", "nothing"), ("--spark-idle", "-1")])
def test_options_that_say_nothing_are_refused(options):
    ended = worker(*options)
    assert ended.returncode == 2
    assert options[0] in ended.stderr


def test_an_embedded_pool_says_what_its_worker_lacks(monkeypatch, tmp_path):
    monkeypatch.setenv("ANABRANCH_SPARK_MASTER", "spark://127.0.0.1:1")
    ab.shutdown()
    ab.init(slots=1)
    try:
        pipeline, _ = one(function(lambda frame: frame))
        with pytest.raises(ab.AnabranchError, match="no Spark master answers at --spark-master spark"):
            pipeline.fit(X)
    finally:
        ab.shutdown()
