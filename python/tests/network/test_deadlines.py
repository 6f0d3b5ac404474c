"""Every attempt to connect ends in time, with a message that names the address and what was found there."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time

import pytest
import zmq
from cluster import PATIENCE
from ports import free_ports

import anabranch as ab
from anabranch.binary import find_binary
from anabranch.v1 import control_pb2

#: Seconds that the worker and the Python client are given.
DEADLINE = 1.5


@contextlib.contextmanager
def one_that_answers(**answer):
    """A coordinator that answers everything alike; gives its port."""
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.linger = 0
    port = router.bind_to_random_port("tcp://127.0.0.1")
    over = threading.Event()

    def reply() -> None:
        while not over.is_set():
            if router.poll(20):
                name, body = router.recv_multipart()
                number = control_pb2.ToCoordinator.FromString(body).request
                router.send_multipart([name, control_pb2.FromCoordinator(request=number, **answer).SerializeToString()])

    thread = threading.Thread(target=reply)
    thread.start()
    yield port
    over.set()
    thread.join()
    context.destroy(0)


def another_protocol():
    """A coordinator of a time to come."""
    return one_that_answers(protocol=9)


@contextlib.contextmanager
def nobody():
    yield free_ports(1)[0]


@contextlib.contextmanager
def one_that_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@contextlib.contextmanager
def a_router_that_says_nothing():
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    yield router.bind_to_random_port("tcp://127.0.0.1")
    context.destroy(0)


def another_version():
    """A coordinator of another release, which says so."""
    error = control_pb2.Error(
        code=control_pb2.ERROR_CODE_VERSION_MISMATCH, message="the coordinator has anabranch 99.0"
    )
    return one_that_answers(protocol=1, error=error)


FOUND = {
    nobody: "nobody listens there",
    one_that_says_nothing: "nothing comes? back|hangs up|nothing came back",
    a_router_that_says_nothing: "nothing comes? back|nothing came back",
    another_protocol: "speaks protocol 9",
}


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.__name__)
def test_an_attempt_ends_in_time(found):
    ab.shutdown()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ANABRANCH_")}
    with found() as port:
        address = f"tcp://127.0.0.1:{port}"
        began = time.monotonic()
        with pytest.raises(ab.ConnectionFailed, match=f"{address}.*({FOUND[found]})") as failure:
            ab.init(address, timeout=DEADLINE)
        worker = subprocess.run(
            [find_binary(), "worker", "--address", address, "--patience", str(DEADLINE)],
            capture_output=True, text=True, timeout=PATIENCE, env=clean,
        )  # fmt: skip
        assert time.monotonic() - began < PATIENCE
    assert worker.returncode == 3 and address in worker.stderr
    if found is another_protocol:
        assert "speaks protocol 9" in worker.stderr
    else:
        assert f"within {DEADLINE} s" in worker.stderr and f"within {DEADLINE} s" in str(failure.value)


#: What users type to a coordinator, but for where it is.
COMMANDS = {
    "status": ["status"],
    "top": ["top", "--once"],
    "logs": ["logs", "1"],
    "cancel": ["cancel", "1"],
    "drain": ["drain", "1"],
    "results": ["results", "1", "--python", sys.executable],
    "submit": ["submit", "graph.py:graph", "--data", "data.csv", "--target", "y", "--python", sys.executable],
}

GRAPH = """
import anabranch as ab
from sklearn.dummy import DummyRegressor

graph = ab.Pipeline("one")
graph.add_node(ab.OrNode("dummy", DummyRegressor()))
"""


#: What is found at the address. Those that say nothing at the same time: each command waits for its deadline.
TOGETHER = {
    "silence": [nobody, one_that_says_nothing, a_router_that_says_nothing],
    "another protocol": [another_protocol],
    "another version": [another_version],
}


@pytest.mark.parametrize("found", TOGETHER.values(), ids=TOGETHER)
def test_every_command_ends_in_time(found, tmp_path):
    (tmp_path / "graph.py").write_text(GRAPH)
    (tmp_path / "data.csv").write_text("x,y\n1,2\n3,4\n")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ANABRANCH_")}
    with contextlib.ExitStack() as stack:
        started = []
        for one in found:
            address = f"tcp://127.0.0.1:{stack.enter_context(one())}"
            for name, command in COMMANDS.items():
                process = subprocess.Popen(
                    [find_binary(), *command, "--address", address],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean, cwd=tmp_path,
                )  # fmt: skip
                started.append((one, name, address, stack.enter_context(process)))
        for one, name, address, process in started:
            _, complaint = process.communicate(timeout=PATIENCE)
            assert process.returncode == 3 and address in complaint, (name, process.returncode, complaint)
            assert "Traceback" not in complaint, (name, complaint)
            if one is another_version:
                assert "99.0" in complaint, (name, complaint)
            elif one is another_protocol:
                assert "speaks protocol 9" in complaint, (name, complaint)
            else:
                assert re.search(r"within [0-9.]+ s", complaint), (name, complaint)
                assert re.search(FOUND[one], complaint), (name, complaint)
