"""Errors come back whole, and cost their own task alone."""

from __future__ import annotations

import os
import pickle
import socket
import sys
import threading
import warnings

import numpy as np
import pytest
from harness import Dependency, RuntimeHarness, single
from sklearn.linear_model import LogisticRegression
from stand_ins import OwnError, RowRecorder, Unpicklable

from anabranch.store import Store
from anabranch.v1 import common_pb2, task_pb2


def test_an_exception(runtime: RuntimeHarness) -> None:
    def inner(value: int) -> None:
        raise ValueError(f"wrong value {value}")

    def outer(value: int) -> None:
        inner(value)

    failure = runtime.fail(call=runtime.call_work(outer, 7))
    assert failure.kind == task_pb2.FAILURE_KIND_EXCEPTION
    assert (failure.type, failure.message) == ("ValueError", "wrong value 7")
    assert "in outer" in failure.traceback and "in inner" in failure.traceback
    assert "anabranch/runtime" not in failure.traceback
    assert failure.traceback.startswith("Traceback") and failure.traceback.rstrip().endswith(
        "ValueError: wrong value 7"
    )
    error = runtime.store.get(failure.exception)
    assert type(error) is ValueError and error.args == ("wrong value 7",)
    assert failure.host == socket.gethostname() and failure.slot == 3


def test_causes_and_notes(runtime: RuntimeHarness) -> None:
    def fail() -> None:
        try:
            {}["missing"]
        except KeyError as error:
            raise RuntimeError("no such thing") from error

    failure = runtime.fail(call=runtime.call_work(fail))
    assert "KeyError: 'missing'" in failure.traceback and "direct cause" in failure.traceback

    def annotated() -> None:
        error = RuntimeError("told")
        error.__notes__ = ["and this besides"]
        raise error

    assert runtime.fail(call=runtime.call_work(annotated)).message == "told\nand this besides"


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, RecursionError])
def test_exits_are_failures_of_the_task(runtime: RuntimeHarness, kind: type[BaseException]) -> None:
    def leave() -> None:
        raise kind("now")

    failure = runtime.fail(call=runtime.call_work(leave))
    assert failure.kind == task_pb2.FAILURE_KIND_EXCEPTION and failure.type == kind.__name__
    assert runtime.succeed(call=runtime.call_work(lambda: 1)).HasField("value")


def test_an_exception_that_cannot_be_pickled_by_itself(runtime: RuntimeHarness) -> None:
    def fail() -> None:
        raise OwnError(7, "text")

    failure = runtime.fail(call=runtime.call_work(fail))
    assert failure.type == "stand_ins.OwnError" and failure.message == "7: text"
    error = runtime.store.get(failure.exception)
    assert type(error) is OwnError and str(error) == "7: text" and error.code == 7

    def fail_and_hold() -> None:
        error = OwnError(7, "text")
        error.lock = threading.Lock()
        raise error

    error = runtime.store.get(runtime.fail(call=runtime.call_work(fail_and_hold)).exception)
    assert vars(error) == {"code": 7}

    def fail_badly() -> None:
        class Hostile(Exception):
            def __str__(self) -> str:
                raise ValueError

        raise Hostile

    failure = runtime.fail(call=runtime.call_work(fail_badly))
    assert "Hostile" in failure.type and "cannot be shown" in failure.message


def test_a_huge_exception_does_not_travel(runtime: RuntimeHarness) -> None:
    def fail() -> None:
        raise ValueError("x" * (1 << 20), "\ud800")

    failure = runtime.fail(call=runtime.call_work(fail))
    assert not failure.HasField("exception") and len(failure.message) <= 1 << 18


def test_a_result_that_cannot_be_pickled(runtime: RuntimeHarness) -> None:
    failure = runtime.fail(call=runtime.call_work(lambda: (i for i in range(3))))
    assert failure.kind == task_pb2.FAILURE_KIND_UNPICKLABLE
    assert "the result of node 'node' cannot be pickled: it is a generator" in failure.message


def test_a_model_that_cannot_be_pickled(runtime: RuntimeHarness) -> None:
    work = task_pb2.FitWork(estimator=runtime.put(Unpicklable()), train=single(runtime.data(np.eye(3))))
    failure = runtime.fail("odd", fit=work)
    assert failure.kind == task_pb2.FAILURE_KIND_UNPICKLABLE
    assert "the model of node 'odd' cannot be pickled: it is a Unpicklable" in failure.message


def test_a_function_that_cannot_be_loaded(runtime: RuntimeHarness) -> None:
    class Gone:
        def __reduce__(self) -> tuple:
            return __import__, ("no_such_module_anywhere",)

    failure = runtime.fail(call=runtime.call_work(Gone()))
    assert failure.kind == task_pb2.FAILURE_KIND_UNPICKLABLE
    assert failure.type == "ModuleNotFoundError"
    assert "the function of node 'node' cannot be loaded" in failure.message
    assert "no_such_module_anywhere" in failure.message and "install it" in failure.message


def test_a_lost_object(runtime: RuntimeHarness) -> None:
    lost = common_pb2.ObjectRef(
        writer=12345, sequence=1, encoding=common_pb2.ENCODING_TENSOR, length=1 << 20, segment=1, offset=0
    )
    failure = runtime.fail(call=runtime.call_work(len, Dependency(0), dependencies=[lost]))
    assert failure.kind == task_pb2.FAILURE_KIND_OBJECT_LOST


def test_a_full_store(client_store: Store) -> None:
    with RuntimeHarness(client_store, store_budget=1 << 20) as runtime:
        failure = runtime.fail(call=runtime.call_work(lambda: np.zeros(1 << 20)))
        assert failure.kind == task_pb2.FAILURE_KIND_STORE_FULL and "budget" in failure.message
        assert runtime.succeed(call=runtime.call_work(lambda: 1)).HasField("value")


def test_the_memory_ceiling(client_store: Store) -> None:
    def hoard() -> None:
        hoarded = []
        while True:
            hoarded.append(bytearray(16 << 20))

    with RuntimeHarness(client_store, memory_bytes=512 << 20) as runtime:
        failure = runtime.fail(call=runtime.call_work(hoard))
        assert failure.kind == task_pb2.FAILURE_KIND_MEMORY
        assert failure.peak_memory_bytes > 100 << 20
        assert "memory ceiling of 512 MiB" in failure.message and "peak" in failure.message
        assert runtime.succeed(call=runtime.call_work(lambda: 1)).HasField("value")


def test_warnings_come_back(runtime: RuntimeHarness) -> None:
    def warn() -> None:
        for _ in range(3):
            warnings.warn("take care", UserWarning, stacklevel=2)
        warnings.warn("soon gone", FutureWarning, stacklevel=2)

    for _ in range(2):
        assert list(runtime.succeed(call=runtime.call_work(warn)).warnings) == [
            "UserWarning: take care",
            "FutureWarning: soon gone",
        ]

    def warn_without_end() -> None:
        for number in range(1000):
            warnings.warn("x" * 5000 + str(number), UserWarning, stacklevel=2)
            warnings.warn(str(number), UserWarning, stacklevel=2)

    found = runtime.succeed(call=runtime.call_work(warn_without_end)).warnings
    assert len(found) == 21 and max(map(len, found)) <= 1000 and "more warnings" in found[-1]


def test_warnings_of_a_failure_are_in_its_output(client_store: Store) -> None:
    def fail() -> None:
        warnings.warn("take care", UserWarning, stacklevel=2)
        raise ValueError

    with RuntimeHarness(client_store) as runtime:
        runtime.fail(call=runtime.call_work(fail))
        assert "UserWarning: take care" in runtime.end()[2]


def test_work_that_this_runtime_has_not(runtime: RuntimeHarness) -> None:
    assert "native functions run in the worker" in runtime.fail(native=task_pb2.NativeWork(function="mean")).message
    failure = runtime.fail()
    assert failure.kind == task_pb2.FAILURE_KIND_INVALID


def test_a_dependency_that_is_not_there(runtime: RuntimeHarness) -> None:
    failure = runtime.fail(call=runtime.call_work(len, Dependency(3)))
    assert failure.kind == task_pb2.FAILURE_KIND_INVALID and "dependency 3 of 0" in failure.message


def test_a_crash_ends_it_by_a_signal_and_says_where(client_store: Store) -> None:
    runtime = RuntimeHarness(client_store)
    runtime.send(task_pb2.ToRuntime(tasks=[runtime.task(call=runtime.call_work(os.abort))]))
    with pytest.raises(EOFError):
        runtime.result()
    status, _, errors = runtime.end()
    assert status == -6 and "Fatal Python error: Aborted" in errors


def test_fit_errors_name_user_code_alone(runtime: RuntimeHarness) -> None:
    X = np.full((10, 2), np.nan)
    work = task_pb2.FitWork(
        estimator=runtime.put(LogisticRegression()), train=single(runtime.data(X, np.arange(10) % 2))
    )
    failure = runtime.fail(fit=work)
    assert failure.type == "ValueError" and "NaN" in failure.message
    assert "sklearn" in failure.traceback and "anabranch/runtime" not in failure.traceback
    assert pickle.loads(pickle.dumps(runtime.store.get(failure.exception)))
    assert "fitting.py" not in failure.traceback and sys.executable not in failure.traceback


def test_what_a_failed_task_wrote_is_released(client_store: Store) -> None:
    """A fit that stored its model and then found no room for its output has written nothing that anyone will name."""

    class Wide(RowRecorder):
        def fit(self, X, y=None):
            self.learned_ = np.zeros(3 << 17)
            return self

        def transform(self, X):
            return np.zeros(1 << 20)

    with RuntimeHarness(client_store, store_budget=8 << 20) as runtime:
        work = task_pb2.FitWork(estimator=runtime.put(Wide()), train=single(runtime.data(np.eye(3))), output=True)
        for _ in range(5):
            assert runtime.fail(fit=work).kind == task_pb2.FAILURE_KIND_STORE_FULL
        work.output = False
        assert runtime.succeed(fit=work).HasField("model")


def test_memory_is_free_again_when_the_failure_is_reported(client_store: Store) -> None:
    def hoard() -> None:
        hoarded = {}
        while True:
            hoarded[len(hoarded)] = str(len(hoarded)) * 10

    with RuntimeHarness(client_store, memory_bytes=200 << 20) as runtime:
        for _ in range(2):
            assert runtime.fail(call=runtime.call_work(hoard)).kind == task_pb2.FAILURE_KIND_MEMORY


def test_warnings_that_cannot_be_shown(runtime: RuntimeHarness) -> None:
    def warn() -> None:
        class Mute(UserWarning):
            shown = 0

            def __str__(self) -> str:
                self.shown += 1
                if self.shown > 1:
                    raise ValueError
                return "once"

        warnings.warn(Mute(), stacklevel=2)

    (text,) = runtime.succeed(call=runtime.call_work(warn)).warnings
    assert text == "Mute: its message cannot be shown"
