"""A full store is an answer, and bytes that are gone are made again, with real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

MIB = 1 << 20

PROLOGUE = """
import ctypes, gc, glob, itertools, os, sys, threading, time
import numpy as np
import anabranch as ab
from anabranch.process_client import current
from anabranch.store import ObjectLost, StoreFull
from anabranch.v1 import control_pb2

MIB = 1 << 20

def status():
    return current().ask(control_pb2.ToCoordinator(status=control_pb2.StatusRequest())).status

def wait_until(condition, what):
    for _ in range(300):
        if condition():
            return
        gc.collect()
        threading.Event().wait(0.1)
    raise AssertionError(what)

def standing():
    return sum(os.stat(p).st_blocks * 512 for p in glob.glob(current().welcome.store + "/seg-*"))
"""

# As a container has it; it goes with the mount namespace of the process.
MOUNT = """
if ctypes.CDLL(None, use_errno=True).mount(b"tmpfs", b"/dev/shm", b"tmpfs", 0, b"size={small}"):
    print("no small tmpfs can be mounted here: " + os.strerror(ctypes.get_errno()))
    sys.exit(77)
"""


def run(code: str, *, small: str | None = None, timeout: float = 120) -> None:
    """Run code in an interpreter of its own; with `small`, where /dev/shm has that size."""
    command = [sys.executable, "-c"]
    program = textwrap.dedent(PROLOGUE)
    if small is not None:
        program += MOUNT.format(small=small)
        # An ordinary user may mount within a user namespace, where the kernel lets it have one.
        command = ["unshare", *(["-m"] if os.geteuid() == 0 else ["-Urm"]), "--propagation", "private", *command]
    program += textwrap.dedent(code)
    done = subprocess.run([*command, program], capture_output=True, text=True, timeout=timeout, env=dict(os.environ))
    if small is not None and (done.returncode == 77 or "unshare failed" in done.stderr):
        pytest.skip((done.stdout + done.stderr).strip())
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_writer_says_who_holds_a_full_store_and_what_to_do():
    run("""
        ab.init(slots=1, store_budget="64M")
        kept = ab.put(np.ones(40 * MIB, np.uint8))
        started = time.monotonic()
        for write in (lambda: ab.put(np.ones(30 * MIB, np.uint8)),):
            try:
                write()
            except StoreFull as error:
                message = str(error)
            else:
                raise AssertionError("it fitted")
            for part in ("30.0 MiB", "of 64.0 MiB", "--store-budget", "client python-", "40.0 MiB"):
                assert part in message, (part, message)
        with ab.Executor() as ex:
            # The arguments of a call, and what a function returns.
            large = 30 * MIB // 8
            for call in (lambda: ex.submit(len, np.ones(large)), lambda: ex.submit(np.ones, large)):
                try:
                    call().result(60)
                except Exception as error:
                    message = f"{type(error).__name__}: {error}"
                else:
                    raise AssertionError("it fitted")
                for part in ("--store-budget", "client python-", "40.0 MiB"):
                    assert part in message, (part, message)
            assert time.monotonic() - started < 30
            assert ex.submit(abs, -3).result(60) == 3
            del kept
            wait_until(lambda: status().store_bytes < MIB, "nothing is released")
            assert len(ex.submit(np.ones, 30 * MIB // 8).result(60)) == 30 * MIB // 8
        """)


def test_a_task_waits_for_room_that_another_makes():
    run("""
        ab.init(slots=2, store_budget="80M")
        marker = current().welcome.store + ".go"
        def hold(array, path):
            import os, time
            while not os.path.exists(path):
                time.sleep(0.02)
            return len(array)
        def make(n):
            import numpy
            return numpy.ones(n, numpy.uint8)
        with ab.Executor() as ex:
            # Both slots have a runtime then, and the pool knows that calls may be long.
            list(ex.map(time.sleep, [1, 1, 1, 1], timeout=60))
            holding = ex.submit(hold, np.ones(40 * MIB, np.uint8), marker)
            wait_until(lambda: status().runs[0].progress[0].running == 1, "the holder does not run")
            wanting = ex.submit(make, 45 * MIB)
            # It has been tried and waits: nothing else runs but the holder.
            wait_until(lambda: status().runs[0].progress[0].running == 1 and not wanting.done(), "it does not wait")
            threading.Event().wait(1)
            assert not wanting.done()
            open(marker, "w").close()
            assert holding.result(60) == 40 * MIB
            assert len(wanting.result(60)) == 45 * MIB
            os.unlink(marker)
        """)


def test_somebody_else_fills_the_file_system_in_the_middle_of_a_run():
    run(
        """
        ab.init(slots=1, store_budget="60M")
        root = "/dev/shm"
        with ab.Executor() as ex:
            first = ex.submit(np.ones, MIB // 8).result(60)
            ab.put(np.ones(MIB, np.uint8))
            filler = '''
        import sys
        with open(sys.argv[1], "wb") as other:
            try:
                while True:
                    other.write(bytes(65536)); other.flush()
            except OSError:
                pass
        '''
            import subprocess, textwrap
            subprocess.run([sys.executable, "-c", textwrap.dedent(filler), root + "/other"], check=False)
            for call in (lambda: ab.put(np.ones(20 * MIB, np.uint8)),
                         lambda: ex.submit(np.ones, 20 * MIB // 8).result(60),
                         lambda: ex.submit(len, np.ones(20 * MIB, np.uint8)).result(60)):
                try:
                    call()
                except Exception as error:
                    message = f"{type(error).__name__}: {error}"
                else:
                    raise AssertionError("it fitted")
                assert "no room for" in message and "of 64.0 MiB are free" in message, message
                assert "--shm-size" in message, message
            # What was mapped and reserved before still takes what fits; nobody dies.
            assert ex.submit(abs, -3).result(60) == 3
            assert (first == 1).all()
            os.unlink(root + "/other")
            assert len(ex.submit(np.ones, 20 * MIB // 8).result(60)) == 20 * MIB // 8
        ab.shutdown()
        assert not [n for n in os.listdir(root) if n.startswith("anabranch")], os.listdir(root)
        """,
        small="64m",
    )


GRAPH = """
import cloudpickle
from sklearn.base import BaseEstimator, TransformerMixin
cloudpickle.register_pickle_by_value(sys.modules["__main__"])

class Grow(TransformerMixin, BaseEstimator):
    # Makes much of little; at each gate that is shut its attempts leave word, and wait.
    def __init__(self, number=0):
        self.number = number
    def fit(self, X, y=None):
        return self
    def transform(self, X):
        import os, time
        attempt = 1
        while os.path.exists(f"{GATES}/began-{self.number}-{attempt}"):
            attempt += 1
        open(f"{GATES}/began-{self.number}-{attempt}", "w").close()
        while not os.path.exists(f"{GATES}/open-{min(attempt, 2)}"):
            time.sleep(0.02)
        return np.full((MIB, 6), self.number, np.uint8)

def total(X):
    return np.array([[int(X.sum())]])

def begin():
    grow = ab.OrNode("grow", Grow(), params={"number": [1, 2, 3]})
    graph = ab.Pipeline(chain=grow >> ab.OrNode("total", total))
    return graph.fit(np.ones((10, 2)), wait=False)

def began(attempt):
    return glob.glob(f"{GATES}/began-*-{attempt}")

def let(attempt):
    open(f"{GATES}/open-{attempt}", "w").close()

def shut():
    for name in os.listdir(GATES):
        os.unlink(f"{GATES}/{name}")

def fill():
    # Another process, which takes what there is to the last page.
    import subprocess
    filler = (
        "import os, sys\\n"
        "other = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)\\n"
        "try:\\n"
        "    while os.write(other, bytes(4096)): pass\\n"
        "except OSError: pass\\n"
    )
    subprocess.run([sys.executable, "-c", filler, OTHER], check=True)
    assert os.statvfs("/dev/shm").f_bavail == 0

def totals(run):
    run.wait(60)
    assert not run.failed, run.failed
    return sorted(int(entry.output[0, 0]) for entry in run["total"])

ab.init(slots=2, store_budget="60M")
OTHER = "/dev/shm/other"
EXPECTED = [6 * MIB, 12 * MIB, 18 * MIB]
"""

EPILOGUE = """
# Nothing of it is left: the next run works, and the pool leaves nothing when it ends.
del run
shut()
let(1), let(2)
assert totals(begin()) == EXPECTED
ab.shutdown()
assert not os.listdir("/dev/shm"), os.listdir("/dev/shm")
"""


def test_a_run_whose_file_system_somebody_fills_says_which_node_had_no_room(tmp_path):
    run(
        f"GATES = {str(tmp_path)!r}\n"
        + GRAPH
        + textwrap.dedent("""
        run = begin()
        wait_until(lambda: began(1), "nothing has begun")
        fill()
        let(1), let(2)
        run.wait(60)
        assert [entry.node for entry in run.failed] == ["grow"] * 3, run.failed
        for entry in run.failed:
            message = str(entry.error)
            # Not killed: writing where there is no page would be a SIGBUS.
            assert entry.error.kind == "store_full", message
            for part in ("node 'grow'", "no room for 6.0 MiB", "of 64.0 MiB are free", "--shm-size", "--store-budget"):
                assert part in message, (part, message)
        assert {entry.state for entry in run["total"]} == {"skipped"}
        os.unlink(OTHER)
        """)
        + EPILOGUE,
        small="64m",
    )


def test_a_run_whose_file_system_somebody_fills_goes_on_when_there_is_room_again(tmp_path):
    run(
        f"GATES = {str(tmp_path)!r}\n"
        + GRAPH
        + textwrap.dedent("""
        run = begin()
        wait_until(lambda: began(1), "nothing has begun")
        fill()
        let(1)
        # One has found no room, and is tried again.
        wait_until(lambda: began(2), "nothing is tried again")
        os.unlink(OTHER)
        let(2)
        assert totals(run) == EXPECTED
        """)
        + EPILOGUE,
        small="64m",
    )


def test_a_file_system_smaller_than_the_budget_is_refused_at_the_start():
    run(
        """
        for budget, parts in (("100M", ("100.0 MiB", "64.0 MiB", "--shm-size", "--store-budget")),
                              (None, ("64.0 MiB", "as containers have by default", "--shm-size"))):
            try:
                ab.init(slots=1, store_budget=budget)
            except ab.AnabranchError as error:
                assert all(part in str(error) for part in parts), error
            else:
                raise AssertionError("it started")
        """,
        small="64m",
    )


def test_what_a_node_made_is_made_again_when_its_segments_vanish(tmp_path):
    run(f"""
        from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
        import cloudpickle
        cloudpickle.register_pickle_by_value(sys.modules["__main__"])
        DONE, GO = {str(tmp_path / "done")!r}, {str(tmp_path / "go")!r}

        class Scale(TransformerMixin, BaseEstimator):
            def fit(self, X, y=None):
                with open(DONE, "a") as log:
                    log.write("fit ")
                self.mean_ = X.mean(axis=0)
                return self
            def transform(self, X):
                return X - self.mean_

        class Slow(ClassifierMixin, BaseEstimator):
            def __init__(self, number=0):
                self.number = number
            def fit(self, X, y=None):
                import os, time
                while not os.path.exists(GO):
                    time.sleep(0.02)
                self.total_ = float(X.sum()) + self.number
                return self
            def predict(self, X):
                return X[:, 0] > 0

        ab.init(slots=1)
        X = np.random.default_rng(0).normal(size=(20_000, 10))
        y = (X[:, 0] > 0).astype(int)
        slow = ab.OrNode("slow", Slow(), params={{"number": [1, 2, 3]}}, retries=1)
        g = ab.Pipeline(chain=ab.OrNode("scale", Scale()) >> slow)
        own = f"{{current().store.writer:016x}}"
        run = g.fit(X, y, wait=False)
        wait_until(lambda: os.path.exists(DONE), "nothing is fitted")
        wait_until(lambda: status().objects > 3, "no output")
        # The first model has its input open.
        threading.Event().wait(0.5)
        gone = [p for p in glob.glob(current().welcome.store + "/seg-*") if own not in p]
        assert gone
        for path in gone:
            os.unlink(path)
        # What it has open stays readable, so the runtime, which wrote it all, goes too.
        import psutil, signal
        runtimes = [p for p in psutil.Process(current().pool.pid).children(recursive=True)
                    if "anabranch.runtime" in " ".join(p.cmdline()) and not p.children()]
        for process in runtimes:
            process.send_signal(signal.SIGKILL)
        open(GO, "w").close()
        run.wait(60)
        assert not run.failed, run.failed
        totals = sorted(round(e.model.total_) for e in run["slow"])
        assert totals == [1, 2, 3], totals
        assert open(DONE).read().split() == ["fit", "fit"], open(DONE).read()
        """)


MAPPED = """
    def block(i, *_):
        return np.full(MIB, i)
    def check(results, count):
        taken = 0
        for place, made in enumerate(results):
            assert made[0] == place and made.sum() == place * MIB
            taken += 1
            del made
            yield place
        assert taken == count, taken
    ab.init(slots=2, store_budget="50M")
"""


def test_a_map_of_more_than_the_store_holds_goes_only_as_far_ahead_as_it_does():
    run(
        MAPPED
        + """
    big = [ab.put(np.full(MIB // 4, i)) for i in range(4)]
    with ab.Executor() as ex:
        # Who takes them at once, and who takes longer than anybody waits for room.
        list(check(ex.map(block, range(60)), 60))
        for place in check(ex.map(block, range(12)), 12):
            threading.Event().wait(0.8 if place in (1, 2, 6) else 0)
        list(check(ex.map(block, range(40), buffersize=2), 40))
        list(check(ex.map(block, range(20), buffersize=15), 20))
        list(check(ex.map(block, range(30), chunksize=2), 30))
        # Arguments in the store.
        list(check(ex.map(block, range(40), itertools.cycle(big)), 40))
        assert status().runs[0].progress[0].running == 0
    del big
    wait_until(lambda: status().store_bytes < MIB, "results are kept")
    """
    )


def test_who_keeps_the_results_of_a_map_that_do_not_fit_is_told():
    run(
        MAPPED
        + """
    with ab.Executor() as ex:
        held = ex.map(block, range(40))
        kept = []
        try:
            for made in held:
                kept.append(made)
        except ab.AnabranchError as error:
            assert "let go of results" in str(error), error
        else:
            raise AssertionError("320 MiB were kept in 50")
        assert len(kept) >= 3 and [made[0] for made in kept] == list(range(len(kept)))
        del kept, made, held
        # And the pool goes on.
        assert ex.submit(abs, -3).result(60) == 3
    """
    )
