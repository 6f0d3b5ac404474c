"""Folds and splitters: index views, labels, and no test row in any fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from harness import FOLD, PARTITION, RuntimeHarness, edges, gathered, partition_key, single
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneOut,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_predict,
    cross_validate,
)
from sklearn.preprocessing import StandardScaler
from stand_ins import RowRecorder

from anabranch import nodes
from anabranch.data import Xy
from anabranch.v1 import common_pb2, task_pb2

RNG = np.random.default_rng(3)
N = 120
X = np.column_stack([np.arange(N, dtype=float), RNG.normal(size=(N, 3))])
Y = (X[:, 1] + RNG.normal(size=N) > 0).astype(int)
GROUPS = RNG.integers(0, 6, N)
CARRIER = common_pb2.Dimension(kind=common_pb2.DIMENSION_KIND_DATA, owner="carrier")


def folds(runtime: RuntimeHarness, splitter, input_: task_pb2.Input, **fields) -> list[task_pb2.SplitPart]:
    work = task_pb2.SplitWork(input=input_, folds=True, **{"emits": [FOLD], **fields})
    if splitter is not None:
        work.splitter.CopyFrom(runtime.put(splitter))
    return list(runtime.succeed("cv", split=work).parts)


def rows(runtime: RuntimeHarness, data: common_pb2.Data) -> np.ndarray:
    return runtime.opened(data).X[:, 0].astype(int)


@pytest.mark.parametrize(
    "splitter",
    [
        KFold(4),
        KFold(3, shuffle=True, random_state=0),
        StratifiedKFold(4),
        GroupKFold(3),
        ShuffleSplit(3, random_state=0),
        TimeSeriesSplit(3),
        RepeatedKFold(n_splits=2, n_repeats=2, random_state=0),
        LeaveOneOut(),
    ],
    ids=lambda splitter: type(splitter).__name__,
)
def test_folds_are_the_splitters(runtime: RuntimeHarness, splitter) -> None:
    data = runtime.data(X, Y, groups=GROUPS)
    parts = folds(runtime, splitter, single(data))
    expected = list(splitter.split(X, Y, GROUPS if isinstance(splitter, GroupKFold) else None))
    assert len(parts) == len(expected)
    for number, (part, (train, test)) in enumerate(zip(parts, expected)):
        assert [(label.dimension, label.integer) for label in part.parts] == [(FOLD, number)]
        for side, indices in ((part.train, train), (part.test, test)):
            assert side.x.object == data.x.object and side.y.object == data.y.object
            assert side.x.rows == side.y.rows == side.groups.rows == side.positions
            np.testing.assert_array_equal(runtime.store.get(side.positions), indices)
            np.testing.assert_array_equal(runtime.opened(side).y, Y[indices])


def test_numbers_and_pairs(runtime: RuntimeHarness) -> None:
    def tests(splitter, y) -> list[list[int]]:
        return [rows(runtime, part.test).tolist() for part in folds(runtime, splitter, single(runtime.data(X, y)))]

    def expected(splitter) -> list[list[int]]:
        return [test.tolist() for _, test in splitter.split(X, Y)]

    assert tests(None, Y) == expected(StratifiedKFold(5)) == tests(5, Y)
    assert tests(3, X[:, 1]) == expected(KFold(3)) == tests(3, None)
    pairs = [(np.arange(60), np.arange(60, 120)), (np.arange(N) % 2 == 0, np.arange(N) % 2 == 1)]
    assert tests(pairs, Y) == [list(range(60, 120)), list(range(1, 120, 2))]


def test_folds_of_folds_are_views_of_the_base(runtime: RuntimeHarness) -> None:
    data = runtime.data(X, Y, groups=GROUPS)
    outer = folds(runtime, KFold(3, shuffle=True, random_state=0), single(data))[1]
    inner = folds(runtime, KFold(2), single(outer.train))
    train, _ = list(KFold(3, shuffle=True, random_state=0).split(X))[1]
    for part, (inner_train, inner_test) in zip(inner, KFold(2).split(train)):
        assert part.train.x.object == data.x.object
        np.testing.assert_array_equal(rows(runtime, part.train), train[inner_train])
        np.testing.assert_array_equal(rows(runtime, part.test), train[inner_test])
        np.testing.assert_array_equal(runtime.opened(part.test).y, Y[train[inner_test]])
        np.testing.assert_array_equal(runtime.store.get(part.test.positions), inner_test)


def test_a_new_x_over_old_rows(runtime: RuntimeHarness) -> None:
    """Below a transformer X is an object of its own, y still a view: each is cut by its own indices."""
    outer = folds(runtime, KFold(3), single(runtime.data(X, Y)))[0]
    data = common_pb2.Data(x=common_pb2.View(object=runtime.put(runtime.opened(outer.train).X * 2)), y=outer.train.y)
    for part in folds(runtime, KFold(2), single(data)):
        opened = runtime.opened(part.train)
        np.testing.assert_array_equal(Y[(opened.X[:, 0] / 2).astype(int)], opened.y)


def test_folds_across_partitions(runtime: RuntimeHarness) -> None:
    """The splitter sees y and groups as one; its indices are mapped back to each partition."""
    cuts = [slice(0, 50), slice(50, 70), slice(70, 120)]
    data = [runtime.data(X[cut], Y[cut], groups=GROUPS[cut]) for cut in cuts]
    for splitter, groups in ((StratifiedKFold(3), None), (GroupKFold(3), GROUPS)):
        parts = folds(
            runtime,
            splitter,
            gathered(*data),
            emits=[PARTITION, FOLD],
            item_keys=[partition_key(index) for index in range(3)],
        )
        assert len(parts) == 9
        labels = [{label.dimension.owner: label.integer for label in part.parts} for part in parts]
        assert [(label["cv"], label["partition"]) for label in labels] == [(f, p) for f in range(3) for p in range(3)]
        assert [label.dimension for label in parts[0].parts] == [PARTITION, FOLD]
        for number, (train, test) in enumerate(splitter.split(X, Y, groups)):
            mine = parts[3 * number : 3 * number + 3]
            for side, indices in (("train", train), ("test", test)):
                found = np.concatenate([rows(runtime, getattr(part, side)) for part in mine])
                np.testing.assert_array_equal(found, np.sort(indices))
                for part, item in zip(mine, data):
                    assert getattr(part, side).x.object == item.x.object
    first = folds(
        runtime, KFold(3), gathered(*data), emits=[FOLD, PARTITION], item_keys=[partition_key(i) for i in range(3)]
    )
    # A partition that lies wholly in one side keeps its empty other one.
    assert (
        len(runtime.store.get(first[2].test.positions)) == 0 and len(runtime.store.get(first[2].train.positions)) == 50
    )


def test_partitions_of_frames_and_lists(runtime: RuntimeHarness) -> None:
    frames = [pd.DataFrame(X[i::2], columns=list("abcd")) for i in range(2)]
    data = [runtime.data(frame, pd.Series(Y[i::2])) for i, frame in enumerate(frames)]
    parts = folds(
        runtime, None, gathered(*data), emits=[FOLD, PARTITION], item_keys=[partition_key(index) for index in range(2)]
    )
    assert len(parts) == 10


def test_an_unseeded_splitter_agrees_with_itself_within_a_run(runtime: RuntimeHarness) -> None:
    """Edges that are joined are cut one by one: folds that differ would let test rows into fits."""

    def shuffled(**fields) -> list:
        parts = folds(runtime, KFold(3, shuffle=True), single(runtime.data(X, Y)), **fields)
        return [rows(runtime, part.test).tolist() for part in parts]

    first = shuffled()
    assert first == shuffled() and first != [test.tolist() for _, test in KFold(3).split(X)]
    seeded = shuffled(has_seed=True, seed=7)
    assert seeded == shuffled(has_seed=True, seed=7) != shuffled(has_seed=True, seed=8)


def test_too_few_rows(runtime: RuntimeHarness) -> None:
    work = task_pb2.SplitWork(
        splitter=runtime.put(KFold(5)), input=single(runtime.data(X[:3])), folds=True, emits=[FOLD]
    )
    failure = runtime.fail("cv", split=work)
    assert failure.type == "ValueError" and "n_splits=5" in failure.message


def test_dimensions_that_do_not_fit(runtime: RuntimeHarness) -> None:
    for emits in ([], [FOLD, PARTITION]):
        work = task_pb2.SplitWork(input=single(runtime.data(X, Y)), folds=True, emits=emits)
        assert runtime.fail("cv", split=work).kind == task_pb2.FAILURE_KIND_INVALID


def test_no_fit_sees_a_test_row(runtime: RuntimeHarness) -> None:
    data = runtime.data(X, Y)
    recorder = runtime.put(RowRecorder())
    for part in folds(runtime, StratifiedKFold(5), single(data)):
        success = runtime.succeed(fit=task_pb2.FitWork(estimator=recorder, train=single(part.train), output=True))
        seen = set(runtime.store.get(success.model).seen_)
        tested = set(runtime.opened(part.test).X[:, 0])
        assert seen.isdisjoint(tested) and len(seen) + len(tested) == N
        # An inner cross validation over what the fit put out cuts training rows alone.
        for inner in folds(runtime, KFold(2), single(success.output)):
            work = task_pb2.FitWork(estimator=recorder, train=single(inner.train))
            assert set(runtime.store.get(runtime.succeed(fit=work).model).seen_) < seen


@pytest.mark.parametrize("order", ["C", "F"])
def test_scores_equal_cross_validate(runtime: RuntimeHarness, order: str) -> None:
    values = np.asarray(X, order=order)
    model = RandomForestClassifier(5, random_state=0, n_jobs=1)
    scoring = ["accuracy", "roc_auc", "neg_log_loss"]
    expected = cross_validate(model, values, Y, cv=StratifiedKFold(4), scoring=scoring, return_train_score=True)
    estimator, scorers = runtime.put(model), runtime.put({name: name for name in scoring})
    for number, part in enumerate(folds(runtime, StratifiedKFold(4), single(runtime.data(values, Y)))):
        fitted = runtime.succeed(fit=task_pb2.FitWork(estimator=estimator, train=single(part.train))).model
        for side in ("train", "test"):
            work = task_pb2.ApplyWork(model=fitted, input=single(getattr(part, side)), score=True, scorers=scorers)
            for score in runtime.succeed(apply=work).scores:
                assert score.value == expected[f"{side}_{score.name}"][number]


def collect(runtime: RuntimeHarness, data: common_pb2.Data, splitter, method: str, estimator=None) -> task_pb2.Result:
    """Inner fits and predictions of an out-of-fold node, and their collection."""
    payload = runtime.put(estimator or LogisticRegression())
    items = []
    for part in folds(runtime, splitter, single(data)):
        model = runtime.succeed(fit=task_pb2.FitWork(estimator=payload, train=single(part.train))).model
        work = task_pb2.ApplyWork(model=model, input=single(part.test), output=True, output_method=method)
        items.append(task_pb2.InputItem(edges=[part.test, runtime.succeed(apply=work).output]))
    input_ = task_pb2.Input(form=task_pb2.INPUT_FORM_LIST_OF_EDGES, items=items)
    return runtime.run("model:out-of-fold", combine=task_pb2.CombineWork(input=input_, output=True, collect_folds=True))


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
@pytest.mark.parametrize(
    "splitter", [StratifiedKFold(4), KFold(3, shuffle=True, random_state=0)], ids=["kept", "shuffled"]
)
def test_out_of_fold_predictions(runtime: RuntimeHarness, method: str, splitter) -> None:
    data = runtime.data(X, Y, row_ids=np.arange(N))
    output = collect(runtime, data, splitter, method).success.output
    expected = cross_val_predict(LogisticRegression(), X, Y, cv=splitter, method=method)
    np.testing.assert_array_equal(runtime.opened(output).X, expected)
    # The columns are the splitter's input's own: another branch's y is the same view.
    assert output.y == data.y and output.row_ids == data.row_ids


def test_out_of_fold_within_a_fold(runtime: RuntimeHarness) -> None:
    data = runtime.data(X, Y)
    outer = folds(runtime, KFold(3, shuffle=True, random_state=0), single(data))[0].train
    output = collect(runtime, outer, KFold(4), "predict").success.output
    cut = runtime.opened(outer)
    np.testing.assert_array_equal(
        runtime.opened(output).X, cross_val_predict(LogisticRegression(), cut.X, cut.y, cv=KFold(4))
    )
    assert output.y.object == data.y.object
    np.testing.assert_array_equal(runtime.store.get(output.y.rows), runtime.store.get(outer.y.rows))
    joined = task_pb2.Input(form=task_pb2.INPUT_FORM_EDGES, items=[task_pb2.InputItem(edges=[outer, output])])
    work = task_pb2.CombineWork(function=runtime.put(nodes.ColumnConcat()), input=joined, output=True)
    assert runtime.succeed(combine=work).output.y.object == data.y.object


@pytest.mark.parametrize(
    "splitter", [RepeatedKFold(n_splits=2, n_repeats=2), TimeSeriesSplit(3)], ids=["twice", "never"]
)
def test_out_of_fold_needs_every_row_once(runtime: RuntimeHarness, splitter) -> None:
    failure = collect(runtime, runtime.data(X, X[:, 1] > 0), splitter, "predict").failure
    assert failure.kind == task_pb2.FAILURE_KIND_INVALID
    assert (
        "node 'model': out-of-fold predictions need a cross validation that tests every row exactly once"
        in failure.message
    )


def test_folds_of_different_classes(runtime: RuntimeHarness) -> None:
    y = np.repeat([0, 1, 2], 40)
    estimator = LogisticRegression()
    failure = collect(
        runtime, runtime.data(X, np.where(np.arange(N) < 20, 3, y)), KFold(6), "predict_proba", estimator
    ).failure
    assert "its folds predict arrays of different widths" in failure.message


def split(runtime: RuntimeHarness, splitter, data: common_pb2.Data) -> task_pb2.SplitWork:
    return task_pb2.SplitWork(splitter=runtime.put(splitter), input=single(data), emits=[CARRIER])


def by_carrier(data: Xy):
    return {"UA": np.flatnonzero(data.X[:, 0] % 3 == 0), "AA": data.X[:, 0] % 3 == 1, "B6": [2, 5, 8]}


def test_a_splitters_parts_are_views(runtime: RuntimeHarness) -> None:
    data = runtime.data(X, Y)
    parts = runtime.succeed(split=split(runtime, nodes.Splitter(by_carrier, "carrier"), data)).parts
    assert [(part.parts[0].dimension, part.parts[0].text) for part in parts] == [
        (CARRIER, "UA"),
        (CARRIER, "AA"),
        (CARRIER, "B6"),
    ]
    for part, expected in zip(parts, (range(0, N, 3), range(1, N, 3), [2, 5, 8])):
        assert part.train.x.object == data.x.object and not part.HasField("test")
        assert rows(runtime, part.train).tolist() == list(expected)
        np.testing.assert_array_equal(runtime.opened(part.train).y, Y[list(expected)])


def test_group_by(runtime: RuntimeHarness) -> None:
    frame = pd.DataFrame({"carrier": [["UA", "AA", "B6"][i % 3] for i in range(N)], "x": X[:, 1]})
    parts = runtime.succeed(split=split(runtime, nodes.GroupBy("carrier"), runtime.data(frame, Y))).parts
    assert [part.parts[0].text for part in parts] == ["AA", "B6", "UA"]
    numbers = runtime.succeed(split=split(runtime, nodes.GroupBy(0), runtime.data(X[:, :1] % 4))).parts
    assert len(numbers) == 4


def test_parts_that_are_data(runtime: RuntimeHarness) -> None:
    def halves(X, y):
        return {0: (X[:50], y[:50]), np.int64(1): Xy(X[50:], y[50:]), "tail": Xy(X[100:], y[100:])}

    parts = runtime.succeed(split=split(runtime, halves, runtime.data(X, Y))).parts
    assert [part.parts[0].WhichOneof("label") for part in parts] == ["integer", "integer", "text"]
    assert [len(runtime.opened(part.train).X) for part in parts] == [50, 70, 20]
    np.testing.assert_array_equal(runtime.opened(parts[1].train).y, Y[50:])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda X: {}, "returned no part"),
        (lambda X: [("a", [0]), ("a", [1])], "returned the label 'a' twice"),
        (lambda X: {"a": np.array([0, 500])}, "returned rows that X, of 120 rows, does not have"),
        (lambda X: {"a": np.array([True])}, "a mask of 1 rows"),
        (lambda X: X, "a splitter returns a dict"),
        (lambda X: 7, "a splitter returns a dict"),
        (lambda X: {"a": X[:5]}, "X has 5 rows, the y passed through have 120"),
    ],
)
def test_splitters_that_are_wrong(runtime: RuntimeHarness, function, message: str) -> None:
    failure = runtime.fail("by", split=split(runtime, function, runtime.data(X, Y)))
    assert failure.kind == task_pb2.FAILURE_KIND_INVALID
    assert message in failure.message and "node 'by'" in failure.message


def test_very_many_parts_do_not_travel_in_the_answer(runtime: RuntimeHarness) -> None:
    def rows(X):
        return {index: Xy(np.full((100, 8), index)) for index in range(500)}

    success = runtime.succeed(split=split(runtime, rows, runtime.data(X)))
    assert len(success.parts) == 500 and success.ByteSize() < 100_000
    assert runtime.opened(success.parts[499].train).X[0, 0] == 499


def partitioned_folds(runtime: RuntimeHarness, splitter, pieces: list[common_pb2.Data]) -> list[task_pb2.SplitPart]:
    keys = [partition_key(index) for index in range(len(pieces))]
    return folds(runtime, splitter, gathered(*pieces), emits=[FOLD, PARTITION], item_keys=keys)


@pytest.mark.parametrize("kind", ["array", "frame"])
def test_a_side_without_rows_goes_through_models(runtime: RuntimeHarness, kind: str) -> None:
    """KFold over two partitions: each fold's test rows are in one, and the other has nothing to say."""
    make = (lambda part: pd.DataFrame(part, columns=list("abcd"))) if kind == "frame" else np.array
    data = [runtime.data(make(X[cut]), Y[cut]) for cut in (slice(0, 60), slice(60, 120))]
    for number, (first, second) in enumerate(zip(*[iter(partitioned_folds(runtime, KFold(4), data))] * 2)):
        scaler = runtime.succeed(
            fit=task_pb2.FitWork(
                estimator=runtime.put(StandardScaler()),
                train=gathered(first.train, second.train),
                method=task_pb2.FIT_METHOD_ALL,
            )
        ).model
        empty, full = (second, first) if number < 2 else (first, second)
        scaled = [
            runtime.succeed(apply=task_pb2.ApplyWork(model=scaler, input=single(side), output=True)).output
            for side in (empty.test, full.test, full.train)
        ]
        assert runtime.opened(scaled[0]).X.shape == (0, 4) and runtime.opened(scaled[0]).y.shape == (0,)
        model = runtime.succeed(
            fit=task_pb2.FitWork(
                estimator=runtime.put(LogisticRegression()),
                train=gathered(scaled[0], scaled[2]),
                method=task_pb2.FIT_METHOD_ALL,
            )
        ).model
        answers = [
            runtime.succeed(
                apply=task_pb2.ApplyWork(
                    model=model, input=single(side), output=True, output_method="predict_proba", score=True
                )
            )
            for side in scaled[:2]
        ]
        assert runtime.opened(answers[0].output).X.shape == (0, 2) and np.isnan(answers[0].scores[0].value)
        assert runtime.opened(answers[1].output).X.shape == (30, 2) and len(answers[1].scores) == 1


def test_nothing_to_fit_on_is_said(runtime: RuntimeHarness) -> None:
    data = [runtime.data(X[cut], Y[cut]) for cut in (slice(0, 20), slice(20, 120))]
    first = partitioned_folds(runtime, KFold(4), data)[0]
    work = task_pb2.FitWork(estimator=runtime.put(LogisticRegression()), train=single(first.train))
    failure = runtime.fail("tree", fit=work)
    assert failure.kind == task_pb2.FAILURE_KIND_INVALID and "node 'tree' has no rows to fit on" in failure.message
    parts = task_pb2.FitWork(
        estimator=runtime.put(StandardScaler()),
        train=gathered(first.train, runtime.data(X[:50])),
        method=task_pb2.FIT_METHOD_SEQUENTIAL,
    )
    assert runtime.store.get(runtime.succeed(fit=parts).model).n_samples_seen_ == 50


def test_functions_over_no_rows_are_not_scored(runtime: RuntimeHarness) -> None:
    empty = runtime.data(Y[:0], Y[:0])
    work = task_pb2.CombineWork(function=runtime.put(nodes.Vote()), input=edges(empty, empty), output=True, score=True)
    success = runtime.succeed(combine=work)
    assert np.isnan(success.scores[0].value) and runtime.opened(success.output).X.shape == (0,)
