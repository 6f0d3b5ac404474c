"""The coordinator's metrics, scraped as Prometheus scrapes them."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import subprocess
import time

import cloudpickle
import pytest
from cluster import PATIENCE, Cluster
from gate import Gate

import anabranch as ab
import workloads
from anabranch.binary import find_binary
from anabranch.process_client import current

pytestmark = pytest.mark.leaves("children", "descriptors")

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (\+Inf|[0-9]+(?:\.[0-9]+)?)")


def parse(text):
    """The samples of a page by name and labels; fails on whatever the text format, version 0.0.4, does not allow."""
    assert text.endswith("\n")
    samples, kinds, current = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = re.fullmatch(rf"# HELP ({_NAME}) (.+)", line)[1]
            assert current not in kinds, f"{current} comes twice"
            kinds[current] = None
        elif line.startswith("# TYPE "):
            name, kind = re.fullmatch(rf"# TYPE ({_NAME}) (counter|gauge|histogram)", line).groups()
            assert name == current and kinds[name] is None
            assert (kind == "counter") == name.endswith("_total"), f"{name} is a {kind}"
            kinds[name] = kind
        else:
            name, labels, value = re.fullmatch(_SAMPLE, line).groups()
            parts = {"histogram": ("_bucket", "_sum", "_count")}.get(kinds[current], ("",))
            assert name in [current + part for part in parts], f"{name} stands under {current}"
            found = _LABEL.findall(labels or "")
            assert ",".join(f'{label}="{text}"' for label, text in found) == (labels or "")
            key = (name, *sorted(found))
            assert key not in samples, f"{key} comes twice"
            samples[key] = float(value)
    assert all(kinds.values())
    for name in (name for name, kind in kinds.items() if kind == "histogram"):
        counts = [value for key, value in samples.items() if key[0] == f"{name}_bucket"]
        assert counts == sorted(counts) and counts[-1] == samples[(f"{name}_count",)]
    return samples


class Scraper:
    """Asks one coordinator for its metrics."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, method: str = "GET", path: str = "/metrics"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path)
            answer = connection.getresponse()
            return answer, answer.read().decode()

    def samples(self):
        answer, text = self.get()
        assert answer.status == 200
        assert answer.getheader("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
        return parse(text)

    def until(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while not condition(samples := self.samples()):
            assert time.monotonic() < deadline, f"{what}: still not so in {samples}"
            time.sleep(0.02)
        return samples


@pytest.fixture
def watched(start):
    """A cluster on TCP without workers, and what scrapes it."""
    cluster: Cluster = start(keyed=False, workers=0, options=("--metrics", "127.0.0.1:0"))
    line = cluster.coordinator.stdout.readline()
    port = int(re.fullmatch(r"metrics http://127\.0\.0\.1:(\d+)/metrics\n", line)[1])
    ab.init(cluster.address)
    return cluster, Scraper(port)


@pytest.fixture
def gate(tmp_path):
    (tmp_path / "gate").mkdir()
    one = Gate(tmp_path / "gate")
    cloudpickle.register_pickle_by_value(workloads)
    yield one
    one.open()
    cloudpickle.unregister_pickle_by_value(workloads)


def tasks(outcome):
    return ("anabranch_tasks_total", ("executor", "python"), ("outcome", outcome))


def test_values_follow_what_happens(watched, gate):
    cluster, scraper = watched
    before = scraper.samples()
    assert before[("anabranch_workers", ("state", "active"))] == 0 == before[tasks("succeeded")]
    assert before[("anabranch_store_budget_bytes",)] > 0
    first = cluster.join(slots=1)
    # What workers have installed is asked by a call, which would count.
    current().requirements = None
    with ab.Executor() as ex:
        assert list(ex.map(abs, range(-20, 0))) == list(range(20, 0, -1))
        with pytest.raises(ZeroDivisionError):
            ex.submit(divmod, 1, 0).result(PATIENCE)
        done = scraper.samples()
        assert done[tasks("succeeded")] == 20 and done[tasks("failed")] == 1
        assert done[("anabranch_slots",)] == 1 and done[("anabranch_sessions",)] == 1
        # A worker that sees the store is on this host, and has its clock.
        assert done[("anabranch_lane_latency_seconds_count",)] == 21
        assert 0 < done[("anabranch_lane_latency_seconds_sum",)] < PATIENCE
        running = ex.submit(workloads.linger, gate.path)
        waiting = [ex.submit(abs, -1) for _ in range(3)]
        gate.await_arrival(first, running)
        held = scraper.until(lambda s: s[("anabranch_slots_busy",)] == 1, "the slot busy")
        left = held[("anabranch_tasks_queued", ("executor", "python"))] + held[("anabranch_calls_pending",)]
        assert held[("anabranch_tasks_running", ("executor", "python"))] + left == 4
        second = cluster.join(slots=1)
        cluster.signal(first, 9)
        gate.await_arrival(second, running)
        retried = scraper.samples()[("anabranch_task_retries_total", ("cause", "worker_lost"))]
        assert retried == 1
        gate.open()
        running.result(PATIENCE)
        assert [one.result(PATIENCE) for one in waiting] == [1, 1, 1]
    after = scraper.until(lambda s: s[("anabranch_sessions",)] == 0, "the session closed")
    # What has been counted stays counted.
    assert after[tasks("succeeded")] == 24 and after[tasks("failed")] == 1 and after[tasks("lost")] == 0
    assert after[("anabranch_tasks_running", ("executor", "python"))] == 0


def test_other_requests_are_refused_plainly(watched):
    _, scraper = watched
    assert scraper.get(path="/")[0].status == 404
    assert scraper.get(method="POST")[0].status == 405
    answer, text = scraper.get(method="HEAD")
    assert answer.status == 200 and text == "" and int(answer.getheader("Content-Length")) > 0
    with socket.create_connection(("127.0.0.1", scraper.port), PATIENCE) as one:
        one.sendall(b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 9000)
        assert b" 431 " in one.recv(100)


def test_junk_and_slow_connections_disturb_no_run(watched):
    cluster, scraper = watched
    cluster.join(slots=1)
    with contextlib.ExitStack() as stack, ab.Executor() as ex:
        for number in range(100):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", scraper.port), PATIENCE))
            # Nothing, half a request, what no request begins with; and some that hear no answer out.
            one.sendall((b"", b"GET /metr", bytes(range(256)), b"GET /metrics HTTP/1.1\r\n\r\n")[number % 4])
        assert list(ex.map(abs, range(-200, 0))) == list(range(200, 0, -1))
        assert scraper.samples()[tasks("succeeded")] == 200


def test_a_slow_connection_ends_in_time(watched):
    _, scraper = watched
    with socket.create_connection(("127.0.0.1", scraper.port), PATIENCE) as one:
        one.sendall(b"GET ")
        # The other side hangs up; nothing else would end this.
        assert one.recv(1) == b""


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("0.0.0.0:0", "--insecure-metrics"),
        ("127.0.0.1", "HOST:PORT"),
        ("127.0.0.1:http", "no port"),
    ],
)
def test_a_wrong_address_is_an_error_that_says_so(address, complaint, tmp_path):
    command = [find_binary(), "coordinator", "--store-root", str(tmp_path), "--metrics", address]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert refused.returncode == 2 and complaint in refused.stderr
    assert not list(tmp_path.iterdir())
