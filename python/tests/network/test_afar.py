"""Clients that do not see the store: what they put and get travels in pieces, and nothing else is different."""

from __future__ import annotations

import gc
import signal

import cloudpickle
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import anabranch as ab
import workloads
from anabranch.pieces import PIECE
from anabranch.store import StoreFull


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch):
    """This process is a client of another host; the workers are where the store is."""
    monkeypatch.setattr("anabranch.afar.sight.sees_store", lambda welcome: False)
    cloudpickle.register_pickle_by_value(workloads)
    yield
    cloudpickle.unregister_pickle_by_value(workloads)


@pytest.fixture
def cluster(start):
    cluster = start(keyed=False, workers=2)
    ab.init(cluster.address)
    return cluster


def objects(cluster) -> int:
    """What is in the store when all that has ended has been given back."""
    gc.collect()
    return cluster.observe().until(lambda s: not s.objects, "an empty store").objects


VALUES = {
    "tensor": np.arange(700_000.0).reshape(-1, 7),
    "fortran": np.asfortranarray(np.arange(700_000.0).reshape(-1, 7)),
    "strided": np.arange(1_400_000.0).reshape(-1, 14)[::2, ::-1],
    "small": np.arange(3),
    "of one piece": np.zeros(PIECE - 64, np.uint8),
    "of a piece and a byte": np.zeros(PIECE - 63, np.uint8),
    "empty": np.zeros((0, 4)),
    "frame": pd.DataFrame({"a": np.arange(300_000), "b": np.arange(300_000) / 7, "c": ["x", "y", "z"] * 100_000}),
    "sparse": scipy.sparse.random(20_000, 400, 0.05, format="csr", random_state=0),
    "text": "x" * 3_000_000,
    "dates": np.arange(400_000).astype("M8[s]"),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_go_there_and_come_back(cluster, name):
    value = VALUES[name]
    ref = ab.put(value)
    got = ab.get(ref)
    assert cloudpickle.dumps(got) == cloudpickle.dumps(ref.get())
    if isinstance(value, np.ndarray):
        assert np.array_equal(got, value) and got.dtype == value.dtype and not got.flags.writeable
        assert got.flags.f_contiguous == np.asarray(value, order="K").flags.f_contiguous
    elif isinstance(value, pd.DataFrame):
        pd.testing.assert_frame_equal(got, value)
    elif scipy.sparse.issparse(value):
        assert (got != value).nnz == 0
    else:
        assert got == value
    # And tasks see what was put.
    with ab.Executor() as executor:
        assert executor.submit(len if isinstance(value, str) else np.shape, ref).result() == (
            len(value) if isinstance(value, str) else value.shape
        )
    del ref, executor
    assert objects(cluster) == 0


def test_arrow_tables_go_there_and_come_back(cluster):
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"a": np.arange(500_000), "b": ["x"] * 500_000})
    for value in (table, table.to_batches()[0]):
        assert ab.get(ab.put(value)).equals(value)


@pytest.mark.parametrize("kind", workloads.KINDS)
def test_results_are_those_of_an_embedded_run(cluster, kind):
    afar = workloads.KINDS[kind](0.0)
    ab.shutdown()
    ab.init(slots=2)
    assert workloads.KINDS[kind](0.0) == afar


def test_what_is_given_back_is_gone_from_the_store(cluster):
    ref = ab.put(np.zeros(1_000_000))
    assert cluster.observe().status().objects
    with ab.Executor() as executor:
        large = executor.submit(np.ones, 500_000)
        assert large.result().sum() == 500_000
    del ref, large, executor
    assert objects(cluster) == 0


def test_what_a_client_held_ends_with_it(cluster):
    kept = ab.put(np.zeros(1_000_000))
    assert kept.nbytes > 8_000_000
    ab.shutdown()
    assert objects(cluster) == 0


def test_a_full_store_is_an_error_that_says_so(start):
    cluster = start(keyed=False, options=("--store-budget", "64M"))
    ab.init(cluster.address)
    with pytest.raises(StoreFull, match="object store is full"):
        ab.put(np.zeros(20_000_000))
    assert ab.get(ab.put(np.arange(1_000_000)))[-1] == 999_999
    assert objects(cluster) == 0


def test_callbacks_may_read_what_has_to_be_fetched_first(cluster):
    read = []
    with ab.Executor() as executor:
        futures = [executor.submit(np.full, 300_000, number) for number in range(4)]
        for future in futures:
            future.add_done_callback(lambda done: read.append(int(done.result()[0])))
            # The thread that waits is the one that receives, and runs the callbacks.
            future.exception()
    assert sorted(read) == [0, 1, 2, 3]


def test_a_worker_dies_in_the_midst_of_what_it_is_sent(cluster, monkeypatch):
    from anabranch.afar import upload

    send, sent = upload._Sink._send, []

    def send_and_kill(sink, data):
        send(sink, data)
        sent.append(len(data))
        if len(sent) in (3, 9):
            # Whichever made the room: one dies first, then the other, and one has come for each.
            cluster.signal(next(iter(cluster.workers)), signal.SIGKILL)
            cluster.join(slots=1, wait=False)

    monkeypatch.setattr(upload._Sink, "_send", send_and_kill)
    values = np.random.default_rng(0).normal(size=20 * PIECE // 8)
    ref = ab.put(values)
    assert len(sent) > 9 and np.array_equal(ref.get(), values)


def test_what_is_lost_on_the_way_is_sent_anew(cluster, monkeypatch):
    from anabranch.afar import upload

    send, removed = upload._Sink._send, []

    def send_and_remove(sink, data):
        send(sink, data)
        if not removed:
            sink._settle()
            removed.extend(cluster.store.glob("seg-*"))
            for segment in removed:
                segment.unlink()

    monkeypatch.setattr(upload._Sink, "_send", send_and_remove)
    values = np.arange(20 * PIECE // 8)
    assert np.array_equal(ab.put(values).get(), values) and removed


def test_no_more_than_a_few_pieces_are_under_way(cluster, monkeypatch):
    from anabranch.afar import transfers

    most, submit = [0], transfers.Transfers.submit

    def counting(self, transfer, call):
        number = submit(self, transfer, call)
        most.append(len(transfer.numbers))
        return number

    monkeypatch.setattr(transfers.Transfers, "submit", counting)
    ref = ab.put(np.zeros(40 * PIECE, np.uint8))
    assert max(most) == transfers.WINDOW
    most[:] = [0]
    ref.get()
    assert max(most) == transfers.WINDOW


def test_where_there_is_no_worker_it_says_so_and_ends(start, monkeypatch, capfd):
    from anabranch.afar import transfers

    cluster = start(keyed=False, workers=0)
    ab.init(cluster.address)
    monkeypatch.setattr(transfers, "LOOK", 0.05)
    monkeypatch.setattr(transfers, "PATIENCE", 0.3)
    with pytest.raises(ab.ConnectionFailed, match="no worker is active"):
        ab.put(np.zeros(1_000_000), progress=True)
    assert "sending 8 MiB to tcp://" in (told := capfd.readouterr().err) and "no worker is active" in told
    cluster.join()
    assert ab.get(ab.put(np.zeros(1_000_000))).sum() == 0


def test_progress_is_told_where_it_is_wanted(cluster, capfd):
    ref = ab.put(np.zeros(1_000_000), progress=True)
    ab.get(ref, progress=True)
    sending, fetching = capfd.readouterr().err.splitlines()
    assert "sending 8 MiB to tcp://" in sending and "8 of 8 MiB" in sending
    assert "fetching 8 MiB from tcp://" in fetching and "8 of 8 MiB" in fetching
    ab.put(np.zeros(1_000_000), progress=False)
    ab.put(1, progress=True)
    assert not capfd.readouterr().err


def double_twice(array):
    with ab.Executor() as executor:
        return executor.submit(np.add, array, array).result() * 2


def test_tasks_submit_tasks_as_ever(cluster):
    with ab.Executor() as executor:
        result = executor.submit(double_twice, np.ones(300_000)).result()
    assert result.sum() == 4 * 300_000
