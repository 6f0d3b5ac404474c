"""Who has no key, or another, gets nowhere; who has one does not notice."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import stat
import subprocess

import pytest
import zmq
from cluster import PATIENCE

import anabranch as ab
from anabranch.binary import find_binary
from anabranch.credentials import load_credentials

pytestmark = pytest.mark.leaves("children", "descriptors")


def nested(n):
    """A task that submits tasks itself, as a client of its own."""
    with ab.Executor() as ex:
        return sum(ex.map(abs, range(n)))


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ANABRANCH_")}
    return subprocess.run(
        [find_binary(), *arguments], capture_output=True, text=True, timeout=PATIENCE, env={**clean, **environment}
    )


def secrets(keys: pathlib.Path) -> list[str]:
    return re.findall(r'secret-key = "(.{40})"', "".join(path.read_text() for path in sorted(keys.glob("*.key"))))


def test_keygen_makes_files_that_others_cannot_read(keys, tmp_path):
    made = command("keygen", str(tmp_path / "k"))
    assert made.returncode == 0 and not made.stderr
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "k").rglob("*")}
    assert modes.pop("allowed") == 0o700
    assert {name for name, mode in modes.items() if mode == 0o600} == {"coordinator.key", "worker.key", "client.key"}
    assert {name for name, mode in modes.items() if mode == 0o644} == {"coordinator.pub", "worker.pub", "client.pub"}
    assert len(set(secrets(tmp_path / "k"))) == 3
    assert not any(secret in made.stdout for secret in secrets(tmp_path / "k"))
    again = command("keygen", str(tmp_path / "k"))
    assert again.returncode == 2 and "coordinator.key is there already" in again.stderr
    assert command("keygen", str(tmp_path / "k"), "--name", "../x").returncode == 2


def test_an_honest_client_does_not_notice(start, keys, tmp_path):
    cluster = start(log=tmp_path / "log")
    ab.init(cluster.address, key=str(keys / "client.key"))
    with ab.Executor() as ex:
        assert ex.submit(nested, 5).result(PATIENCE) == 10
    status = command("status", "--address", cluster.address, "--key", str(keys / "client.key"))
    assert status.returncode == 0 and "1 worker" in status.stdout
    # Arguments, environments and logs name files, and no more.
    said = (tmp_path / "log").read_bytes()
    for process in cluster.family():
        for place in ("cmdline", "environ"):
            said += pathlib.Path(f"/proc/{process.pid}/{place}").read_bytes()
    assert b"client.key" not in said and b"worker.key" in said
    assert not any(secret.encode() in said for secret in secrets(keys))


STRANGERS = {
    "no key": (None, None, "it wants a key"),
    "a key that is not let in": ("others/client.key", "ours/coordinator.pub", "does not let this key in"),
    "another coordinator's key": ("ours/client.key", "others/coordinator.pub", "its key is not the one in"),
}


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_stranger_is_told_why(start, keys, stranger):
    cluster = start(workers=0)
    key, server_key, reason = STRANGERS[stranger]
    files = [str(keys.parent / file) if file else None for file in (key, server_key)]
    with pytest.raises(ab.ConnectionFailed, match=f"{re.escape(cluster.address)}.*{reason}"):
        ab.init(cluster.address, key=files[0], server_key=files[1], timeout=2)
    flags = [] if key is None else ["--key", files[0], "--server-key", files[1]]
    worker = command("worker", "--address", cluster.address, "--patience", "2", *flags)
    assert worker.returncode == 3 and reason in worker.stderr and cluster.address in worker.stderr
    # Environments name files as flags do.
    twins = {} if key is None else {"ANABRANCH_KEY": files[0], "ANABRANCH_SERVER_KEY": files[1]}
    status = command("status", "--address", cluster.address, **twins)
    assert status.returncode == 3 and reason in status.stderr
    assert not cluster.observe().status().workers


def test_a_coordinator_without_keys_is_told_from_one_with(start, keys):
    cluster = start(keyed=False, workers=0)
    with pytest.raises(ab.ConnectionFailed, match=r"no keys and this process has|it has none"):
        ab.init(cluster.address, key=str(keys / "client.key"), timeout=5)
    ab.init(cluster.address)


def test_a_key_is_let_in_and_shut_out_while_the_coordinator_runs(start, keys, tmp_path):
    directory = tmp_path / "k"
    command("keygen", str(directory))
    shutil.copy(keys / "allowed" / "client.pub", directory / "allowed" / "observer.pub")
    cluster = start(workers=0, options=("--allowed", str(directory / "allowed")))
    server = str(keys / "coordinator.pub")

    def is_let_in(key: pathlib.Path) -> bool:
        asked = command("status", "--address", cluster.address, "--key", str(key), "--server-key", server)
        return {0: True, 3: False}[asked.returncode]

    command("keygen", str(directory), "--name", "late")
    assert is_let_in(directory / "late.key")
    (directory / "allowed" / "late.pub").unlink()
    assert not is_let_in(directory / "late.key")
    # A file that is no key stands in nobody else's way.
    (directory / "allowed" / "broken.pub").write_text("no key")
    assert is_let_in(directory / "client.key")


def test_a_secret_that_others_can_read_is_refused(keys, tmp_path):
    for path in keys.glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
        (tmp_path / path.name).chmod(0o644)
    (tmp_path / "allowed").mkdir()
    key = str(tmp_path / "coordinator.key")
    for refused in (
        command("coordinator", "--bind", "tcp://127.0.0.1:*", "--key", key),
        command("worker", "--address", "tcp://127.0.0.1:9", "--key", key),
        command("status", "--address", "tcp://127.0.0.1:9", "--key", key),
    ):
        assert refused.returncode == 2 and f"{key} has mode 0644" in refused.stderr
    with pytest.raises(ab.RequestError, match=f"{key} has mode 0644"):
        load_credentials(key)
    with pytest.raises(ab.RequestError, match=r"nothing.key: No such file"):
        load_credentials(str(tmp_path / "nothing.key"))


def test_nothing_is_open_to_others_without_keys(start, keys):
    open_bind = command("coordinator", "--bind", "tcp://0.0.0.0:*")
    assert open_bind.returncode == 2 and "--key" in open_bind.stderr and "--insecure" in open_bind.stderr
    cluster = start(keyed=False, workers=0)
    lane = command("worker", "--address", cluster.address, "--lane", "tcp://0.0.0.0:*")
    assert lane.returncode == 3 and "--key" in lane.stderr and "--insecure" in lane.stderr


def test_a_lane_takes_tasks_from_its_coordinator_alone(start, keys):
    cluster = start(worker_options=("--lane", "tcp://127.0.0.1:*"))
    (worker,) = cluster.workers
    ports = [one.laddr.port for one in _listening(worker)]
    assert len(ports) == 1
    context = zmq.Context()
    try:
        pushes = [context.socket(zmq.PUSH) for _ in range(3)]
        others = load_credentials(str(keys.parent / "others" / "coordinator.key"))
        # A plain one, one that claims to be the coordinator with another key, and one that comes as a client.
        pushes[1].curve_server, pushes[1].curve_secretkey = True, others.secret
        pushes[2].curve_serverkey = load_credentials(str(keys / "worker.key")).public
        pushes[2].curve_publickey, pushes[2].curve_secretkey = others.public, others.secret
        for push in pushes:
            push.linger = 0
            push.setsockopt(zmq.IMMEDIATE, 1)
            push.connect(f"tcp://127.0.0.1:{ports[0]}")
            # No connection stands that a message could wait for.
            assert not push.poll(300, zmq.POLLOUT)
        ab.init(cluster.address, key=str(keys / "client.key"))
        with ab.Executor() as ex:
            assert ex.submit(pow, 2, 5).result(PATIENCE) == 32
    finally:
        context.destroy(0)


def _listening(pid: int):
    import psutil

    return [one for one in psutil.Process(pid).net_connections("tcp") if one.status == psutil.CONN_LISTEN]
