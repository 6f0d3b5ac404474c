"""A view that anybody still has reads the same bytes, whatever the pool does meanwhile."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import pickle
import subprocess
import sys
import textwrap
import time
import zlib

import numpy as np
import pandas as pd
import psutil

import anabranch as ab
from anabranch.binary import find_binary

SECONDS = 4


def checksum(array):
    return zlib.crc32(np.ascontiguousarray(array))


def make(seed, size):
    return np.random.default_rng(seed).integers(0, 255, size, dtype=np.uint8)


def keep(array, number):
    """Keep an argument in the runtime, beyond its call, and check all that were kept before."""
    import sys

    kept = sys.__dict__.setdefault("_kept_by_the_test", {})
    wrong = [n for n, (held, known) in kept.items() if zlib.crc32(held) != known]
    kept[number] = (array[1:], zlib.crc32(array[1:]))
    while len(kept) > 8:
        del kept[min(kept)]
    return wrong


def test_views_stay_while_everything_around_is_used_again(pool):
    rng = np.random.default_rng(7)
    held: dict[int, tuple[np.ndarray, int]] = {}
    with ab.Executor() as ex:
        deadline = time.monotonic() + SECONDS
        number = 0
        while time.monotonic() < deadline or number < 20:
            number += 1
            size = int(rng.integers(20_000, 2_000_000))
            results = [ex.submit(make, number * 10 + n, size) for n in range(4)]
            arguments = [ex.submit(keep, make(number * 10 + n, size), number * 10 + n) for n in range(2)]
            arrays = [result.result(60) for result in results]
            for n, array in enumerate(arrays):
                known = checksum(make(number * 10 + n, size))
                assert checksum(array) == known, (number, n)
                if rng.random() < 0.5:
                    held[number * 10 + n] = array[5::3], checksum(make(number * 10 + n, size)[5::3])
            assert [argument.result(60) for argument in arguments] == [[], []]
            del results, arguments, arrays, array
            for key in [int(k) for k in rng.permutation(list(held))[20:]]:
                view, known = held.pop(key)
                assert checksum(view) == known, key
    assert all(checksum(view) == known for view, known in held.values())
    assert len(held) > 5


def test_what_is_made_of_a_view_stays_or_is_a_copy(pool):
    with ab.Executor() as ex:
        view = ex.submit(make, 1, 800_000).result(60)
        frame = pd.DataFrame(view.view(np.float64).reshape(-1, 10), copy=False)
        made = {
            "slice": view[100:],
            "bytes": np.asarray(memoryview(view)[7:]),
            "frame": frame.iloc[:, 3].to_numpy(),
            "copied": copy.deepcopy(view),
            "pickled": pickle.loads(pickle.dumps(view)),
        }
        assert not made["slice"].flags.writeable and made["copied"].flags.writeable
        known = {name: checksum(array) for name, array in made.items()}
        child = os.fork()
        if child == 0:
            os._exit(0 if checksum(view) == checksum(make(1, 800_000)) else 1)
        assert os.waitpid(child, 0)[1] == 0
        del view
        for number in range(30):
            ex.submit(make, number, 800_000).result(60)
        assert {name: checksum(array) for name, array in made.items()} == known


def test_views_outlive_the_pool_and_the_interpreter_ends_with_them():
    code = """
        import numpy as np, anabranch as ab
        from anabranch.process_client import current
        import os
        ab.init(slots=1)
        kept = ab.get(ab.put(np.arange(100_000.0)))
        with ab.Executor() as ex:
            made = ex.submit(np.ones, 100_000).result(60)
        store = current().welcome.store
        ab.shutdown()
        assert not os.path.exists(store)
        assert kept[99_999] == 99_999 and made.sum() == 100_000
        ab.init(slots=1)
        again = ab.get(ab.put(np.arange(50_000.0)))
        """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


STORES = """
import sys, numpy as np, anabranch as ab
from anabranch.process_client import current
ab.init(sys.argv[1])
kept = ab.put(np.ones(40_000_000, np.uint8))
with ab.Executor() as ex:
    made = ex.submit(np.ones, 2_000_000).result(60)
    print(current().welcome.store, flush=True)
    ex.submit(__import__("time").sleep, 600).result()
"""


def test_what_is_killed_all_at_once_is_reclaimed_by_the_next_start(store_directory):
    # In a root of its own: any start on this machine reclaims what is left in the usual one.
    command = [find_binary(), "pool", "--slots", "1", "--store-root", store_directory, "--python", sys.executable]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as pool:
        address = json.loads(pool.stdout.readline())["address"]
        program = [sys.executable, "-c", STORES, address]
        with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as client:
            store = client.stdout.readline().strip()
            # Stopped first: none of them sees another's end, or has children behind our back.
            family = [psutil.Process(client.pid)]
            root = psutil.Process(pool.pid)
            while new := [one for one in [root, *root.children(recursive=True)] if one not in family]:
                family += new
                for process in family:
                    # One that makes children in advance may have ended by itself.
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.suspend()
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
    psutil.wait_procs(family, timeout=20)
    assert store.startswith(store_directory) and os.path.exists(store)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as pool:
        assert json.loads(pool.stdout.readline())["address"]
        assert not os.path.exists(store)
        pool.terminate()
    assert os.listdir(store_directory) == []
