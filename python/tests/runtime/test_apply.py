"""Models over new rows, and their scores, equal scikit-learn's own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from harness import RuntimeHarness, edges, single
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, check_scoring, f1_score, make_scorer
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from stand_ins import InPlaceModel, InPlaceScaler, MeanOfLists, Predicts

from anabranch.v1 import task_pb2

RNG = np.random.default_rng(1)
X = RNG.normal(size=(200, 5))
Y = (X[:, 0] + RNG.normal(size=200) > 0).astype(int)
WEIGHTS = RNG.uniform(0.5, 2.0, 200)


def apply_work(runtime: RuntimeHarness, model, input_: task_pb2.Input, **fields) -> task_pb2.ApplyWork:
    return task_pb2.ApplyWork(model=runtime.put(model), input=input_, **fields)


def scores(runtime: RuntimeHarness, model, input_: task_pb2.Input, scorers=None) -> dict[str, float]:
    work = apply_work(runtime, model, input_, score=True)
    if scorers is not None:
        work.scorers.CopyFrom(runtime.put(scorers))
    success = runtime.succeed(apply=work)
    assert not success.HasField("output")
    return {score.name: score.value for score in success.scores}


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_output_methods(runtime: RuntimeHarness, method: str) -> None:
    model = LogisticRegression().fit(X, Y)
    data = runtime.data(X, Y, row_ids=np.arange(200))
    success = runtime.succeed(apply=apply_work(runtime, model, single(data), output=True, output_method=method))
    np.testing.assert_array_equal(runtime.opened(success.output).X, getattr(model, method)(X))
    assert success.output.y == data.y and success.output.row_ids == data.row_ids
    assert not success.HasField("model")


def test_transform_is_the_default(runtime: RuntimeHarness) -> None:
    model = StandardScaler().fit(X)
    success = runtime.succeed(apply=apply_work(runtime, model, single(runtime.data(X)), output=True))
    np.testing.assert_array_equal(runtime.opened(success.output).X, model.transform(X))


def test_positions_stay_with_the_rows(runtime: RuntimeHarness) -> None:
    data = runtime.data(X)
    data.positions.CopyFrom(runtime.put(np.arange(200)))
    success = runtime.succeed(apply=apply_work(runtime, StandardScaler().fit(X), single(data), output=True))
    assert success.output.positions == data.positions


def test_the_estimators_own_score(runtime: RuntimeHarness) -> None:
    model = LogisticRegression().fit(X, Y)
    assert scores(runtime, model, single(runtime.data(X, Y))) == {"score": model.score(X, Y)}
    weighted = scores(runtime, model, single(runtime.data(X, Y, WEIGHTS)))
    assert weighted == {"score": model.score(X, Y, sample_weight=WEIGHTS)}
    # As scikit-learn's cross_validate does it: weights are for the fit.
    assert scores(runtime, model, single(runtime.data(X, Y, WEIGHTS)), {"score": None}) == {"score": model.score(X, Y)}


def test_scorers(runtime: RuntimeHarness) -> None:
    model = LogisticRegression().fit(X, Y)
    scorers = {
        "accuracy": "accuracy",
        "roc_auc": "roc_auc",
        "f1": make_scorer(f1_score, average="macro"),
        "negative": lambda estimator, X, y: -accuracy_score(y, estimator.predict(X)),
        "log": "neg_log_loss",
    }
    found = scores(runtime, model, single(runtime.data(X, Y)), scorers)
    assert list(found) == list(scorers)
    for name, scorer in scorers.items():
        assert found[name] == check_scoring(model, scoring=scorer)(model, X, Y)
    several = scores(runtime, model, single(runtime.data(X, Y)), lambda estimator, X, y: {"a": 1, "b": np.float32(2)})
    assert several == {"a": 1.0, "b": 2.0}
    assert scores(runtime, model, single(runtime.data(X, Y)), "accuracy") == {"score": model.score(X, Y)}


def test_scores_without_y(runtime: RuntimeHarness) -> None:
    model = KMeans(2, n_init=1, random_state=0).fit(X)
    assert scores(runtime, model, single(runtime.data(X))) == {"score": model.score(X)}
    work = apply_work(runtime, LinearRegression().fit(X, Y), single(runtime.data(X)), score=True)
    failure = runtime.fail("line", apply=work)
    assert failure.kind == task_pb2.FAILURE_KIND_INVALID and "node 'line' needs y to be scored" in failure.message
    assert (failure.type, failure.traceback) == ("", "")


def test_what_cannot_be_scored(runtime: RuntimeHarness) -> None:
    work = apply_work(runtime, StandardScaler().fit(X), single(runtime.data(X, Y)), score=True)
    failure = runtime.fail("scale", apply=work)
    assert "node 'scale': StandardScaler has no score method" in failure.message
    work.scorers.CopyFrom(runtime.put({"odd": lambda estimator, X, y: "no number"}))
    assert "the scorer 'odd' returned a str" in runtime.fail(apply=work).message


def test_a_method_that_is_not_there(runtime: RuntimeHarness) -> None:
    work = apply_work(
        runtime, LinearRegression().fit(X, Y), single(runtime.data(X)), output=True, output_method="predict_proba"
    )
    failure = runtime.fail("line", apply=work)
    assert failure.kind == task_pb2.FAILURE_KIND_INVALID
    assert "node 'line': LinearRegression has no method 'predict_proba'" in failure.message


def test_an_and_nodes_model(runtime: RuntimeHarness) -> None:
    inputs = [X[:, 0], X[:, 1]]
    model = MeanOfLists().fit(inputs, Y)
    y = runtime.put(Y)
    data = [runtime.data(item) for item in inputs]
    for item in data:
        item.y.object.CopyFrom(y)
    work = apply_work(runtime, model, edges(*data), output=True, output_method="predict")
    success = runtime.succeed(apply=work)
    np.testing.assert_array_equal(runtime.opened(success.output).X, model.predict(inputs))
    assert success.output.y.object == y


def test_predictions_and_texts_reach_a_model_as_it_was_fitted(runtime: RuntimeHarness) -> None:
    labels = np.array([f"class{i % 3}" for i in range(200)])
    encoder = OneHotEncoder().fit(labels.reshape(-1, 1))
    success = runtime.succeed(apply=apply_work(runtime, encoder, single(runtime.data(labels)), output=True))
    assert (runtime.store.get(success.output.x.object) != encoder.transform(labels.reshape(-1, 1))).nnz == 0
    line = LinearRegression().fit(X[:, :1], Y)
    work = apply_work(runtime, line, single(runtime.data(X[:, 0])), output=True, output_method="predict")
    np.testing.assert_array_equal(runtime.opened(runtime.succeed(apply=work).output).X, line.predict(X[:, :1]))


@pytest.mark.parametrize("model", [InPlaceScaler().fit(X.copy()), InPlaceModel().fit(X)], ids=["input", "model"])
def test_models_that_write_get_copies(runtime: RuntimeHarness, model) -> None:
    large = RNG.normal(size=(2000, 5))
    work = apply_work(runtime, model, single(runtime.data(large)), output=True)
    expected = large * 2 if isinstance(model, InPlaceScaler) else large + 1
    for _ in range(2):
        result = runtime.run(apply=work)
        assert result.usage.readonly_retries == 1
        np.testing.assert_array_equal(runtime.opened(result.success.output).X, expected)


def test_output_of_frames(runtime: RuntimeHarness) -> None:
    frame = pd.DataFrame(X, columns=list("abcde"))
    model = StandardScaler().set_output(transform="pandas").fit(frame)
    success = runtime.succeed(apply=apply_work(runtime, model, single(runtime.data(frame)), output=True))
    pd.testing.assert_frame_equal(runtime.store.get(success.output.x.object), model.transform(frame))


def test_a_model_is_loaded_once(runtime: RuntimeHarness) -> None:
    model = LogisticRegression().fit(X, Y)
    work = apply_work(runtime, model, single(runtime.data(X)), output=True, output_method="predict")
    first, second = (runtime.run(apply=work).usage for _ in range(2))
    assert second.bytes_in < first.bytes_in


def test_a_predictor_without_a_score_is_scored_by_its_predictions(runtime: RuntimeHarness) -> None:
    labels, numbers = runtime.data(X, Y), runtime.data(X, X[:, 0])
    assert scores(runtime, Predicts(Y), single(labels)) == {"score": 1.0}
    assert scores(runtime, Predicts(1 - Y), single(labels)) == {"score": 0.0}
    assert scores(runtime, Predicts(X[:, 0]), single(numbers)) == {"score": 1.0}
    assert scores(runtime, Predicts(Y), single(labels), {"f1": "f1", "accuracy": "accuracy"}) == {
        "f1": 1.0,
        "accuracy": 1.0,
    }
    assert scores(runtime, Predicts(X[:, 0]), single(numbers), "r2") == {"score": 1.0}
