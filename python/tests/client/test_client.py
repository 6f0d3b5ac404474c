"""The client's side of the protocol: hello, references, refusals, lost connections."""

from __future__ import annotations

import gc
import os

import numpy as np
import pytest
from scripted_coordinator import ScriptedCoordinator

import anabranch as ab
from anabranch.process_client import current
from anabranch.v1 import control_pb2


def test_objects_come_back(coordinator):
    array = np.arange(10_000.0)
    ref = ab.put(array)
    assert np.array_equal(ab.get(ref), array)
    assert not ab.get(ref).flags.writeable
    assert ab.get([ab.put(3), ab.put("text")]) == [3, "text"]
    with pytest.raises(ab.RequestError, match=r"takes what ab\.put returned"):
        ab.get(3)


def test_each_holding_is_given_back_once(coordinator):
    ref = ab.put(np.arange(10_000.0))
    assert coordinator.wait_for(lambda: sum(coordinator.holdings.values()) == 1)
    assert ref is not None
    ref = None
    assert coordinator.wait_for(lambda: not coordinator.holdings)


def test_a_view_keeps_its_object(coordinator):
    ref = ab.put(np.arange(10_000.0))
    identifier = ref.id
    view = ab.get(ref)[10:20]
    del ref
    gc.collect()
    other = ab.put(np.zeros(10_000))
    assert coordinator.wait_for(lambda: coordinator.holdings[other.id] == 1)
    assert coordinator.holdings[identifier] == 1
    assert view[0] == 10.0
    del view
    gc.collect()
    assert coordinator.wait_for(lambda: coordinator.holdings[identifier] == 0)


def test_xy_is_stored_field_by_field(coordinator):
    X, y = np.zeros((3000, 2)), np.arange(3000)
    ref = ab.put(ab.Xy(X, y))
    assert ref.data.x.object.writer and ref.data.y.object.writer and not ref.data.HasField("groups")
    back = ab.get(ref)
    assert back.X.shape == (3000, 2) and back.y[-1] == 2999


def test_a_reference_does_not_leave_its_process(coordinator):
    import pickle

    with pytest.raises(TypeError, match="of use in its own process only"):
        pickle.dumps(ab.put(3))


def test_nobody_there(tmp_path):
    with pytest.raises(ab.ConnectionFailed, match=r"no coordinator at ipc://.*does not exist"):
        ab.init(f"ipc://{tmp_path}/control.sock")
    with pytest.raises(ab.ConnectionFailed, match=r"no coordinator answers at tcp://127.0.0.1:9 .*within 0.3 s"):
        ab.init("tcp://127.0.0.1:9", timeout=0.3)
    with pytest.raises(ab.RequestError, match="is no endpoint"):
        ab.init("localhost")
    with pytest.raises(ab.RequestError, match="looks like ipc:///path"):
        ab.init("tcp://nowhere", timeout=0.3)


def test_a_silent_coordinator_is_named(tmp_path):
    scripted = ScriptedCoordinator(tmp_path, silent=True)
    try:
        with pytest.raises(ab.ConnectionFailed, match="no coordinator answers at ipc://"):
            ab.init(scripted.address, timeout=0.3)
    finally:
        scripted.close()


def test_another_protocol_is_named(tmp_path):
    scripted = ScriptedCoordinator(tmp_path, protocol=9)
    try:
        with pytest.raises(ab.ConnectionFailed, match="speaks protocol 9, this package speaks 1"):
            ab.init(scripted.address, timeout=10)
    finally:
        scripted.close()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (control_pb2.ERROR_CODE_VERSION_MISMATCH, ab.VersionMismatch),
        (control_pb2.ERROR_CODE_SHUTTING_DOWN, ab.ConnectionFailed),
        (control_pb2.ERROR_CODE_INVALID_REQUEST, ab.RequestError),
    ],
)
def test_refusals_at_hello(coordinator, code, kind):
    coordinator.answers["client_hello"] = control_pb2.FromCoordinator(
        error=control_pb2.Error(code=code, message="numpy 1 here, numpy 2 there")
    )
    with pytest.raises(kind, match="numpy 1 here, numpy 2 there"):
        ab.init()


def test_an_invalid_graph_names_its_node(coordinator):
    from sklearn.preprocessing import StandardScaler

    coordinator.answers["submit_run"] = control_pb2.FromCoordinator(
        error=control_pb2.Error(code=control_pb2.ERROR_CODE_INVALID_GRAPH, message="no", node="scale")
    )
    g = ab.Pipeline("small", ab.OrNode("scale", StandardScaler()))
    with pytest.raises(ab.GraphError) as raised:
        g.fit(np.zeros((3, 2)))
    assert raised.value.node == "scale"


def test_a_lost_coordinator_ends_what_waits(tmp_path):
    scripted = ScriptedCoordinator(tmp_path)
    ab.init(scripted.address)
    try:
        executor = ab.Executor()

        def hold():
            return None

        future = executor.submit(hold)
        assert scripted.wait_for(lambda: "submit_calls" in scripted.received)
        scripted.close()
        with pytest.raises(ab.ConnectionFailed, match="is gone"):
            future.result(10)
        with pytest.raises(ab.ConnectionFailed, match="is gone"):
            executor.submit(hold)
        executor.shutdown()
    finally:
        ab.shutdown()


def test_another_pool_while_one_is_in_use_is_refused(coordinator):
    ab.init()
    ab.init()
    with pytest.raises(ab.RequestError, match=r"already connected to .*; call ab\.shutdown\(\) first"):
        ab.init("tcp://127.0.0.1:9")
    with pytest.raises(ab.RequestError, match="for embedded pools"):
        ab.shutdown()
        ab.init(slots=2)


def test_nothing_is_left_of_a_connection(coordinator):
    ab.init()
    ab.shutdown()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        ab.init()
        ab.put(np.zeros(10_000))
        ab.shutdown()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before
    assert not [name for name in os.listdir(coordinator.store_path) if name.startswith("writer-")][1:]


def test_a_forked_child_connects_anew(coordinator):
    ab.init()
    parent = current()
    child = os.fork()
    if child == 0:
        os._exit(0 if current() is not parent and ab.get(ab.put(5)) == 5 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert ab.get(ab.put(4)) == 4


def test_a_message_that_cannot_leave_at_once_leaves_later(coordinator, monkeypatch):
    import zmq

    ref = ab.put(np.arange(10_000.0))
    identifier = ref.id
    assert coordinator.wait_for(lambda: coordinator.holdings[identifier] == 1)
    send = zmq.Socket.send
    refused = []

    def full_once(socket, *arguments, **options):
        if socket.type == zmq.DEALER and not refused:
            refused.append(arguments[0])
            raise zmq.Again
        return send(socket, *arguments, **options)

    monkeypatch.setattr(zmq.Socket, "send", full_once)
    del ref
    gc.collect()
    # What comes next takes it along.
    ab.put(np.arange(10_000.0))
    assert coordinator.wait_for(lambda: coordinator.holdings[identifier] == 0)
    assert refused


def test_a_request_over_the_limit_of_a_message_is_refused_by_its_name(coordinator, monkeypatch):
    monkeypatch.setattr("anabranch.connection.LARGEST_MESSAGE", 4000)
    assert ab.get(ab.put(1)) == 1
    request = control_pb2.ToCoordinator(cancel_run=control_pb2.CancelRun(run=1))
    request.submit_run.graph.nodes.add(name="n" * 5000)
    with pytest.raises(ab.RequestError, match=r"submit_run.*over the limit of a message, 4000 bytes \(fixed\)"):
        current().ask(request)
    # The connection is as it was.
    assert ab.get(ab.put(2)) == 2


def test_calls_over_the_limit_of_a_message_fail_by_its_name(coordinator, monkeypatch):
    with ab.Executor() as executor:
        assert executor.submit(len, b"").result(60) == 0
        monkeypatch.setattr("anabranch.connection.LARGEST_MESSAGE", 10)
        error = executor.submit(len, b"").exception(60)
        assert isinstance(error, ab.ConnectionFailed) and "over the limit of a message, 10 bytes (fixed)" in str(error)
