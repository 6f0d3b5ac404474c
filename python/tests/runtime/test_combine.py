"""Functions: how they are called, what passes through, what must be returned, and how predictions are scored."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from harness import LIST_OF_EDGES, RuntimeHarness, edges, gathered, single
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import roc_auc_score

from anabranch import nodes
from anabranch.data import Xy
from anabranch.v1 import common_pb2, task_pb2

RNG = np.random.default_rng(2)
X = RNG.normal(size=(100, 4))
Y = (X[:, 0] > 0).astype(int)


def work(runtime: RuntimeHarness, function, input_: task_pb2.Input, **fields) -> task_pb2.CombineWork:
    return task_pb2.CombineWork(function=runtime.put(function), input=input_, **{"output": True, **fields})


def output(runtime: RuntimeHarness, function, input_: task_pb2.Input) -> common_pb2.Data:
    return runtime.succeed("node", combine=work(runtime, function, input_)).output


def sharing(runtime: RuntimeHarness, *xs, y=None, row_ids=None) -> list[common_pb2.Data]:
    """Data of different X over the same y and row ids, as branches of one graph have them."""
    columns = {"y": y, "row_ids": row_ids}
    refs = {field: runtime.put(value) for field, value in columns.items() if value is not None}
    made = []
    for x in xs:
        data = runtime.data(x)
        for field, ref in refs.items():
            getattr(data, field).object.CopyFrom(ref)
        made.append(data)
    return made


def annotated(data: Xy):
    return data.X * len(data.y)


class Declared:
    takes_xy = True

    def __call__(self, data):
        return data.X * len(data.y)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda X: X + 1, X + 1),
        (lambda X, y: X * y[:, None], X * Y[:, None]),
        (lambda X, y=None: X * y[:, None], X * Y[:, None]),
        (lambda X, factor=3: X * factor, X * 3),
        (annotated, X * 100),
        (Declared(), X * 100),
        (np.abs, np.abs(X)),
        (lambda X: (X + 1, 1 - Y), X + 1),
    ],
    ids=["X", "X, y", "X, y=None", "X, option", "annotated", "declared", "ufunc", "pair"],
)
def test_how_an_or_nodes_function_is_called(runtime: RuntimeHarness, function, expected) -> None:
    data = runtime.data(X, Y)
    made = output(runtime, function, single(data))
    np.testing.assert_array_equal(runtime.opened(made).X, expected)


def test_what_is_not_returned_passes_through(runtime: RuntimeHarness) -> None:
    data = runtime.data(X, Y, np.ones(100), np.arange(100) % 5, np.arange(100))
    made = output(runtime, lambda X: X * 2, single(data))
    for field in ("y", "sample_weight", "groups", "row_ids"):
        assert getattr(made, field) == getattr(data, field)
    changed = output(runtime, lambda X: Xy(X * 2, y=1 - Y), single(data))
    np.testing.assert_array_equal(runtime.opened(changed).y, 1 - Y)
    assert changed.sample_weight == data.sample_weight


def test_what_is_handed_back_is_not_stored_again(runtime: RuntimeHarness) -> None:
    data = runtime.data(X, pd.Series(Y))
    made = output(runtime, lambda inputs: inputs[0], edges(data))
    assert made == data
    rows = runtime.put(np.arange(50))
    for view in (data.x, data.y):
        view.rows.CopyFrom(rows)
    assert output(runtime, lambda i: i[0], edges(data)) == data


def test_a_column_that_was_written_to_is_stored(runtime: RuntimeHarness) -> None:
    def change(inputs):
        y = inputs[0].y
        y.iloc[0] = 77
        return Xy(inputs[0].X, y)

    data = runtime.data(X, pd.Series(Y))
    made = output(runtime, change, edges(data))
    assert made.x == data.x and made.y != data.y
    assert runtime.store.get(made.y.object).iloc[0] == 77 and runtime.store.get(data.y.object).iloc[0] == Y[0]


def test_a_function_that_needs_y(runtime: RuntimeHarness) -> None:
    failure = runtime.fail("select", combine=work(runtime, lambda X, y: X, single(runtime.data(X))))
    assert failure.kind == task_pb2.FAILURE_KIND_INVALID and "node 'select' needs y" in failure.message


def test_rows_that_no_longer_fit(runtime: RuntimeHarness) -> None:
    failure = runtime.fail("drop", combine=work(runtime, lambda X: X[:10], single(runtime.data(X, Y))))
    assert failure.kind == task_pb2.FAILURE_KIND_INVALID
    assert "node 'drop': X has 10 rows, the y passed through have 100" in failure.message
    failure = runtime.fail("drop", combine=work(runtime, lambda X: (X[:10], Y[:9]), single(runtime.data(X, Y))))
    assert "X has 10 rows, the y returned have 9" in failure.message
    made = output(runtime, lambda X, y: (X[:10], y[:10]), single(runtime.data(X, Y)))
    assert runtime.opened(made).y.tolist() == Y[:10].tolist()


def test_nothing_returned(runtime: RuntimeHarness) -> None:
    failure = runtime.fail("side", combine=work(runtime, lambda X: None, single(runtime.data(X))))
    assert "node 'side' returned None" in failure.message


def test_and_functions_get_a_list_in_edge_order(runtime: RuntimeHarness) -> None:
    data = sharing(runtime, X[:, :1], X[:, 1:], y=Y)
    made = output(runtime, nodes.ColumnConcat(), edges(*data))
    np.testing.assert_array_equal(runtime.opened(made).X, X)
    assert made.y == data[0].y


def test_gathered_functions_get_lists_in_key_order(runtime: RuntimeHarness) -> None:
    parts = [runtime.data(X[i : i + 25], Y[i : i + 25]) for i in range(0, 100, 25)]
    made = runtime.opened(output(runtime, nodes.RowConcat(), gathered(*parts)))
    np.testing.assert_array_equal(made.X, X)
    np.testing.assert_array_equal(made.y, Y)
    both = task_pb2.Input(form=LIST_OF_EDGES, items=[task_pb2.InputItem(edges=[part, part]) for part in parts])
    shapes = runtime.opened(
        output(runtime, lambda items: Xy(np.array([[len(item), len(item[0].X)] for item in items]), Y[:4]), both)
    )
    assert shapes.X.tolist() == [[2, 25]] * 4


def test_the_y_rule(runtime: RuntimeHarness) -> None:
    """The same view on all inputs passes through; otherwise the function returns y, or the node is named."""

    def first(inputs):
        return inputs[0].X

    same = sharing(runtime, X, X + 1, y=Y)
    assert output(runtime, first, edges(*same)).y == same[0].y
    # Equal rows of the same object are the same view, however their indices came to be.
    for data in same:
        for view in (data.x, data.y):
            view.rows.CopyFrom(runtime.put(np.arange(10, 60)))
    assert output(runtime, first, edges(*same)).y.object == same[0].y.object
    whole, all_rows = sharing(runtime, X, X, y=Y)
    all_rows.y.rows.CopyFrom(runtime.put(np.arange(100)))
    assert output(runtime, first, edges(whole, all_rows)).HasField("y")
    other_rows = sharing(runtime, X, X, y=Y)
    other_rows[1].y.rows.CopyFrom(runtime.put(np.arange(99, -1, -1)))
    different = [runtime.data(X, Y), runtime.data(X, Y)]
    without = [runtime.data(X, Y), runtime.data(X)]
    for inputs, reason in [(other_rows, "differ"), (different, "differ"), (without, "1 of its 2 inputs have none")]:
        failure = runtime.fail("join", combine=work(runtime, first, edges(*inputs)))
        assert failure.kind == task_pb2.FAILURE_KIND_INVALID
        assert "node 'join' must return y together with X" in failure.message and reason in failure.message
        returned = output(runtime, lambda inputs: (inputs[0].X, inputs[0].y), edges(*inputs))
        assert returned.y == inputs[0].y
    assert not output(runtime, first, edges(runtime.data(X), runtime.data(X))).HasField("y")


def test_row_ids_that_differ_are_dropped(runtime: RuntimeHarness) -> None:
    data = [runtime.data(X, row_ids=np.arange(100)), runtime.data(X, row_ids=np.arange(100))]
    assert not output(runtime, lambda inputs: inputs[0].X, edges(*data)).HasField("row_ids")


def test_variants_of_functions(runtime: RuntimeHarness) -> None:
    votes = [np.array([0, 1, 1, 0]), np.array([1, 1, 0, 0])]
    data = sharing(runtime, *votes, y=np.array([0, 1, 1, 0]))
    listed = runtime.put([{"weights": (3, 1)}, {"weights": (1, 3)}])
    for index in range(2):
        variant = task_pb2.Variant(list=listed, index=index)
        made = runtime.succeed(combine=work(runtime, nodes.Vote(), edges(*data), variant=variant)).output
        assert runtime.opened(made).X.tolist() == votes[index].tolist()
    failure = runtime.fail("f", combine=work(runtime, lambda inputs: inputs[0], edges(*data), variant=variant))
    assert "node 'f' has variants, and function has no set_params" in failure.message


def test_scores_of_predictions(runtime: RuntimeHarness) -> None:
    predictions = [LogisticRegression(C=c).fit(X[:50], Y[:50]).predict(X) for c in (0.001, 1, 100)]
    data = sharing(runtime, *predictions, y=Y)
    success = runtime.succeed(combine=work(runtime, nodes.Vote(), edges(*data), score=True))
    vote = (np.sum(predictions, axis=0) >= 2).astype(int)
    assert [(s.name, s.value) for s in success.scores] == [("score", float(np.mean(vote == Y)))]
    assert success.output.y == data[0].y
    only = runtime.succeed(combine=work(runtime, nodes.Vote(), edges(*data), score=True, output=False))
    assert not only.HasField("output") and only.scores == success.scores


def test_scores_of_numbers_and_probabilities(runtime: RuntimeHarness) -> None:
    target = X[:, 0] * 2 + RNG.normal(size=100)
    model = LinearRegression().fit(X, target)
    scorers = runtime.put({"r2": "r2", "mae": "neg_mean_absolute_error"})
    data = sharing(runtime, model.predict(X), y=target)
    (own,) = runtime.succeed(combine=work(runtime, nodes.Mean(), edges(*data), score=True)).scores
    assert own.value == model.score(X, target)
    found = runtime.succeed(combine=work(runtime, nodes.Mean(), edges(*data), score=True, scorers=scorers)).scores
    assert found[0].value == own.value and found[1].value == -np.mean(np.abs(model.predict(X) - target))

    classifier = LogisticRegression().fit(X[:50], Y[:50])
    chance = classifier.predict_proba(X)
    data = sharing(runtime, chance, y=Y)
    scorers = runtime.put({"auc": "roc_auc", "accuracy": "accuracy", "log": "neg_log_loss"})
    found = runtime.succeed(combine=work(runtime, nodes.Mean(), edges(*data), score=True, scorers=scorers)).scores
    assert found[0].value == roc_auc_score(Y, chance[:, 1]) and found[1].value == classifier.score(X, Y)
    data = sharing(runtime, classifier.decision_function(X), y=Y)
    found = runtime.succeed(
        combine=work(runtime, nodes.Mean(), edges(*data), score=True, scorers=scorers_of(runtime))
    ).scores
    assert found[0].value == roc_auc_score(Y, chance[:, 1]) and found[1].value == classifier.score(X, Y)


def scorers_of(runtime: RuntimeHarness) -> common_pb2.ObjectRef:
    return runtime.put({"auc": "roc_auc", "accuracy": "accuracy"})


def test_labels_have_no_probabilities(runtime: RuntimeHarness) -> None:
    data = sharing(runtime, Y, y=Y)
    scorers = runtime.put({"log": "neg_log_loss"})
    failure = runtime.fail(combine=work(runtime, nodes.Vote(), edges(*data), score=True, scorers=scorers))
    assert failure.kind == task_pb2.FAILURE_KIND_EXCEPTION and "predict_proba" in failure.message


def test_scores_need_y(runtime: RuntimeHarness) -> None:
    failure = runtime.fail("vote", combine=work(runtime, nodes.Vote(), edges(runtime.data(Y)), score=True))
    assert failure.kind == task_pb2.FAILURE_KIND_INVALID and "node 'vote' needs y to be scored" in failure.message


def test_functions_that_write_to_their_input(runtime: RuntimeHarness) -> None:
    def in_place(X):
        X += 1
        return X

    data = runtime.data(X, Y)
    result = runtime.run(combine=work(runtime, in_place, single(data)))
    assert result.usage.readonly_retries == 1
    np.testing.assert_array_equal(runtime.opened(result.success.output).X, X + 1)
    np.testing.assert_array_equal(runtime.opened(data).X, X)


def test_an_input_that_does_not_fit_its_form(runtime: RuntimeHarness) -> None:
    data = runtime.data(X)
    for input_ in (
        task_pb2.Input(),
        task_pb2.Input(items=[task_pb2.InputItem(edges=[data])] * 2),
        task_pb2.Input(items=[task_pb2.InputItem(edges=[data, data])]),
        task_pb2.Input(items=[task_pb2.InputItem()]),
    ):
        failure = runtime.fail(combine=work(runtime, lambda X: X, input_))
        assert failure.kind == task_pb2.FAILURE_KIND_INVALID


def test_rows_of_tables(runtime: RuntimeHarness) -> None:
    import pyarrow

    data = runtime.data(pyarrow.table({"a": X[:, 0], "b": X[:, 1]}), Y)
    rows = np.array([5, 3, 90])
    for view in (data.x, data.y):
        view.rows.CopyFrom(runtime.put(rows))
    made = runtime.opened(output(runtime, lambda table: np.asarray(table["b"]), single(data)))
    np.testing.assert_array_equal(made.X, X[rows, 1])
    np.testing.assert_array_equal(made.y, Y[rows])
    whole = output(runtime, lambda inputs: inputs[0].X, edges(data))
    assert runtime.store.get(whole.x.object).column("a").to_pylist() == X[rows, 0].tolist()


def test_lists_of_inputs_have_no_rows(runtime: RuntimeHarness) -> None:
    parts = sharing(runtime, X, X + 1, X + 2, y=Y)
    made = output(runtime, nodes.Collect(), edges(*parts))
    assert len(runtime.store.get(made.x.object)) == 3 and made.y == parts[0].y


def test_what_kind_of_predictions_they_are(runtime: RuntimeHarness) -> None:
    def own_score(predictions, y) -> float:
        data = sharing(runtime, np.asarray(predictions), y=np.asarray(y))
        return runtime.succeed(combine=work(runtime, lambda i: i[0].X, edges(*data), score=True)).scores[0].value

    counts = [0, 1, 2, 3, 4]
    assert own_score([0.1, 1.2, 1.9, 3.3, 3.9], counts) == pytest.approx(0.984)  # R² of a regressor over counts
    assert own_score([0, 1, 2, 3, 0], counts) == 0.8
    assert own_score(["a", "b", "b"], ["a", "b", "c"]) == pytest.approx(2 / 3)
    assert own_score([0.2, 0.8, 0.4], [0, 1, 1]) == pytest.approx(2 / 3)  # chances
    assert own_score([-2.0, 0.3, 4.0], [0, 1, 1]) == 1.0  # decision values
    assert own_score([[0.2, 0.8], [0.9, 0.1]], [1, 0]) == 1.0
