"""Fits equal scikit-learn's own, bit for bit, and change nothing that is shared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from harness import RuntimeHarness, edges, gathered, single
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from stand_ins import InPlaceScaler, MeanOfLists, NoTags, RowRecorder

from anabranch import nodes
from anabranch.v1 import common_pb2, task_pb2

RNG = np.random.default_rng(0)
X = RNG.normal(size=(240, 6))
Y = (X[:, 0] + RNG.normal(size=240) > 0).astype(int)
WEIGHTS = RNG.uniform(0.5, 2.0, 240)


def fit_work(runtime: RuntimeHarness, estimator, train: task_pb2.Input, **fields) -> task_pb2.FitWork:
    return task_pb2.FitWork(estimator=runtime.put(estimator), train=train, **fields)


def fitted(runtime: RuntimeHarness, estimator, train: task_pb2.Input, node: str = "node", **fields):
    return runtime.store.get(runtime.succeed(node, fit=fit_work(runtime, estimator, train, **fields)).model)


def same_state(left, right) -> None:
    """Learned attributes are equal to the bit."""
    assert type(left) is type(right)
    names = [name for name in vars(right) if name.endswith("_") and not name.startswith("_")]
    for name in names:
        ours, theirs = getattr(left, name), getattr(right, name)
        if isinstance(theirs, (np.ndarray, float, int, str)) and np.asarray(theirs).dtype != object:
            np.testing.assert_array_equal(ours, theirs, err_msg=name)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        DecisionTreeClassifier(random_state=0),
        RandomForestClassifier(8, random_state=0, n_jobs=1),
        GradientBoostingClassifier(n_estimators=5, random_state=0),
        KNeighborsClassifier(),
        GaussianNB(),
        make_pipeline(StandardScaler(), PCA(3), LogisticRegression()),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_predictors(runtime: RuntimeHarness, estimator, order: str) -> None:
    ordered = np.asarray(X, order=order)
    success = runtime.succeed(
        fit=fit_work(runtime, estimator, single(runtime.data(ordered, Y)), output=True, output_method="predict_proba")
    )
    expected = clone(estimator).fit(ordered, Y)
    same_state(runtime.store.get(success.model), expected)
    np.testing.assert_array_equal(runtime.opened(success.output).X, expected.predict_proba(ordered))
    assert not success.parts and not success.scores


@pytest.mark.parametrize("estimator", [StandardScaler(), PCA(3, random_state=0)], ids=["scaler", "pca"])
def test_transformers(runtime: RuntimeHarness, estimator) -> None:
    data = runtime.data(X, Y, WEIGHTS, groups=np.arange(240) % 3, row_ids=np.arange(240))
    success = runtime.succeed(fit=fit_work(runtime, estimator, single(data), output=True))
    weights = {"sample_weight": WEIGHTS} if isinstance(estimator, StandardScaler) else {}
    np.testing.assert_array_equal(runtime.opened(success.output).X, clone(estimator).fit_transform(X, Y, **weights))
    # What belongs to the rows is the input's own, by reference.
    for field in ("y", "sample_weight", "groups", "row_ids"):
        assert getattr(success.output, field) == getattr(data, field)


def test_no_output_is_made_that_nobody_reads(runtime: RuntimeHarness) -> None:
    success = runtime.succeed(fit=fit_work(runtime, StandardScaler(), single(runtime.data(X))))
    assert success.HasField("model") and not success.HasField("output")


def test_frames_keep_their_names(runtime: RuntimeHarness) -> None:
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": [f"k{i % 3}" for i in range(240)]})
    transform = ColumnTransformer([("n", StandardScaler(), ["a", "b"]), ("c", OneHotEncoder(), ["c"])])
    estimator = Pipeline([("t", transform), ("m", LogisticRegression())])
    series = pd.Series(Y, name="target")
    model = fitted(runtime, estimator, single(runtime.data(frame, series)))
    expected = clone(estimator).fit(frame, series)
    np.testing.assert_array_equal(model.predict_proba(frame), expected.predict_proba(frame))
    assert list(model.feature_names_in_) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: X,
        lambda: np.asfortranarray(X),
        lambda: pd.DataFrame(X, columns=list("abcdef")),
        lambda: sparse.csr_matrix(np.where(X > 0, X, 0)),
    ],
    ids=["C", "Fortran", "pandas", "sparse"],
)
def test_views_of_rows_equal_scikit_learns_cut(runtime: RuntimeHarness, make) -> None:
    base = make()
    rows = RNG.permutation(240)[:150]
    data = runtime.data(base, Y)
    for view in (data.x, data.y):
        view.rows.CopyFrom(runtime.put(rows))
    model = fitted(runtime, LogisticRegression(), single(data))
    cut = base.take(rows, axis=0) if isinstance(base, pd.DataFrame) else base[rows]
    same_state(model, LogisticRegression().fit(cut, Y[rows]))


def test_text_and_lists(runtime: RuntimeHarness) -> None:
    texts = [f"word{i % 5} and word{i % 7}" for i in range(240)]
    estimator = make_pipeline(CountVectorizer(), LogisticRegression())
    for documents in (texts, np.array(texts, dtype=object), np.array(texts)):
        data = runtime.data(documents, Y)
        rows = np.arange(0, 240, 2)
        for view in (data.x, data.y):
            view.rows.CopyFrom(runtime.put(rows))
        model = fitted(runtime, estimator, single(data))
        expected = clone(estimator).fit(texts[::2], Y[::2])
        np.testing.assert_array_equal(model.predict_proba(texts), expected.predict_proba(texts))


def test_polars_and_arrow(runtime: RuntimeHarness) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    data = runtime.data(frame, Y)
    rows = np.arange(10, 200)
    for view in (data.x, data.y):
        view.rows.CopyFrom(runtime.put(rows))
    same_state(fitted(runtime, LogisticRegression(), single(data)), LogisticRegression().fit(X[rows, :2], Y[rows]))


def test_what_is_shared_never_changes(runtime: RuntimeHarness) -> None:
    """The cached estimator is cloned for every fit, with and without variants."""
    settings = runtime.put([{"C": 0.1}, {"C": 10.0, "fit_intercept": False}])
    work = fit_work(runtime, LogisticRegression(), single(runtime.data(X, Y)))
    models = []
    for index in (0, 1, None, 0):
        chosen = task_pb2.FitWork()
        chosen.CopyFrom(work)
        if index is not None:
            chosen.variant.CopyFrom(task_pb2.Variant(list=settings, index=index))
        models.append(runtime.store.get(runtime.succeed(fit=chosen).model))
    for model, parameters in zip(models, [{"C": 0.1}, {"C": 10.0, "fit_intercept": False}, {}, {"C": 0.1}]):
        same_state(model, LogisticRegression(**parameters).fit(X, Y))
        assert model.get_params() == LogisticRegression(**parameters).get_params()


def test_variants_replace_steps(runtime: RuntimeHarness) -> None:
    estimator = Pipeline([("scale", StandardScaler()), ("model", LogisticRegression())])
    tree = DecisionTreeClassifier(random_state=0)
    settings = [{"scale": "passthrough"}, {"model": tree, "model__max_depth": 2}, {"model": tree}]
    listed = runtime.put(settings)
    for index, setting in enumerate(settings):
        model = fitted(
            runtime,
            estimator,
            single(runtime.data(X, Y)),
            variant=task_pb2.Variant(list=listed, index=index),
        )
        expected = clone(estimator).set_params(**clone(setting, safe=False)).fit(X, Y)
        np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    # The tree among the settings has not learned the depth of another candidate.
    assert model.get_params()["model__max_depth"] is None


def test_a_variant_that_does_not_exist(runtime: RuntimeHarness) -> None:
    work = fit_work(runtime, LogisticRegression(), single(runtime.data(X, Y)))
    work.variant.CopyFrom(task_pb2.Variant(list=runtime.put([{}]), index=5))
    failure = runtime.fail("tree", fit=work)
    assert failure.kind == task_pb2.FAILURE_KIND_INVALID and "node 'tree' has no variant 5" in failure.message


def test_seeds_seed_what_is_unseeded(runtime: RuntimeHarness) -> None:
    forest = make_pipeline(PCA(4), RandomForestClassifier(5, n_jobs=1))
    train = single(runtime.data(X, Y))

    def forests(seed: int, node: str) -> list:
        model = fitted(runtime, forest, train, node=node, has_seed=True, seed=seed)
        return [model.get_params()[name] for name in ("pca__random_state", "randomforestclassifier__random_state")]

    first = forests(7, "forest")
    assert (
        first == forests(7, "forest") == forests(7, "forest:inner-fit") and None not in first and len(set(first)) == 2
    )
    assert first != forests(8, "forest") and first != forests(7, "other")
    seeded = fitted(runtime, DecisionTreeClassifier(random_state=5), train, has_seed=True, seed=7)
    assert seeded.random_state == 5
    unseeded = fitted(runtime, DecisionTreeClassifier(), train)
    assert unseeded.random_state is None


def test_seeds_end_with_their_task(runtime: RuntimeHarness) -> None:
    def drawn() -> tuple[float, float]:
        import random

        return float(np.random.rand()), random.random()

    def draw() -> tuple[float, float]:
        return runtime.store.get(runtime.succeed(call=runtime.call_work(drawn)).value)

    train = single(runtime.data(X, Y))
    draws = set()
    for _ in range(3):
        fitted(runtime, DecisionTreeClassifier(), train, has_seed=True, seed=7)
        draws.add(draw())
    assert len({first for first, _ in draws}) == 3 and len({second for _, second in draws}) == 3


def test_seeds_of_global_generators(runtime: RuntimeHarness) -> None:
    class Global(RowRecorder):
        def fit(self, X, y=None):
            import random

            self.drawn_ = (float(np.random.rand()), random.random())
            return self

    train = single(runtime.data(X))
    first, again = (fitted(runtime, Global(), train, has_seed=True, seed=1).drawn_ for _ in range(2))
    assert first == again != fitted(runtime, Global(), train, has_seed=True, seed=2).drawn_


def test_weights_reach_every_fit_that_takes_them(runtime: RuntimeHarness) -> None:
    train = single(runtime.data(X, Y, WEIGHTS))
    same_state(fitted(runtime, LogisticRegression(), train), LogisticRegression().fit(X, Y, sample_weight=WEIGHTS))
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    model = fitted(runtime, pipeline, train)
    expected = clone(pipeline).fit(X, Y, logisticregression__sample_weight=WEIGHTS)
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


def test_weights_that_are_not_taken_are_a_warning(runtime: RuntimeHarness) -> None:
    train = single(runtime.data(X, Y, WEIGHTS))
    work = fit_work(runtime, KNeighborsClassifier(), train, output_method="predict")
    (warning,) = runtime.succeed("near", fit=work).warnings
    assert "node 'near': KNeighborsClassifier takes no sample weights" in warning
    assert not runtime.succeed(fit=fit_work(runtime, PCA(2), train)).warnings


def test_all_fits_one_model_of_all_rows(runtime: RuntimeHarness) -> None:
    parts = [runtime.data(X[i::3], Y[i::3], WEIGHTS[i::3]) for i in range(3)]
    work = fit_work(
        runtime,
        LogisticRegression(),
        gathered(*parts),
        method=task_pb2.FIT_METHOD_ALL,
        output=True,
        output_method="predict",
    )
    success = runtime.succeed(fit=work)
    rows = np.concatenate([np.arange(240)[i::3] for i in range(3)])
    expected = LogisticRegression().fit(X[rows], Y[rows], sample_weight=WEIGHTS[rows])
    same_state(runtime.store.get(success.model), expected)
    output = runtime.opened(success.output)
    np.testing.assert_array_equal(output.X, expected.predict(X[rows]))
    np.testing.assert_array_equal(output.y, Y[rows])


@pytest.mark.parametrize("kind", ["pandas", "sparse", "list"])
def test_all_over_other_kinds(runtime: RuntimeHarness, kind: str) -> None:
    make = {
        "pandas": lambda part: pd.DataFrame(part, columns=list("abcdef")),
        "sparse": sparse.csr_matrix,
        "list": lambda part: part.tolist(),
    }[kind]
    parts = [runtime.data(make(X[i * 80 : (i + 1) * 80]), Y[i * 80 : (i + 1) * 80].tolist()) for i in range(3)]
    model = fitted(runtime, LogisticRegression(), gathered(*parts), method=task_pb2.FIT_METHOD_ALL)
    same_state(model, LogisticRegression().fit(make(X), Y))


def test_sequential_is_partial_fit_in_order(runtime: RuntimeHarness) -> None:
    order = np.argsort(Y, kind="stable")  # the first part has one class alone
    parts = [order[i * 60 : (i + 1) * 60] for i in range(4)]
    data = [runtime.data(X[rows], Y[rows]) for rows in parts]
    work = fit_work(
        runtime,
        SGDClassifier(random_state=0),
        gathered(*data),
        method=task_pb2.FIT_METHOD_SEQUENTIAL,
        output=True,
        output_method="predict",
    )
    success = runtime.succeed(fit=work)
    expected = SGDClassifier(random_state=0)
    for rows in parts:
        expected.partial_fit(X[rows], Y[rows], classes=[0, 1])
    same_state(runtime.store.get(success.model), expected)
    np.testing.assert_array_equal(runtime.opened(success.output).X, expected.predict(X[order]))

    scaler = fitted(runtime, StandardScaler(), gathered(*data), method=task_pb2.FIT_METHOD_SEQUENTIAL)
    running = StandardScaler()
    for rows in parts:
        running.partial_fit(X[rows], Y[rows])
    same_state(scaler, running)


def test_sequential_needs_partial_fit(runtime: RuntimeHarness) -> None:
    work = fit_work(runtime, PCA(2), gathered(runtime.data(X)), method=task_pb2.FIT_METHOD_SEQUENTIAL)
    failure = runtime.fail("pca", fit=work)
    assert failure.kind == task_pb2.FAILURE_KIND_INVALID
    assert "node 'pca' has fit=\"sequential\", and PCA has no partial_fit" in failure.message


def test_an_and_nodes_estimator_gets_lists(runtime: RuntimeHarness) -> None:
    y = runtime.put(Y)
    data = [runtime.data(X[:, :1]), runtime.data(X[:, 1:3])]
    for item in data:
        item.y.object.CopyFrom(y)
    model = fitted(runtime, MeanOfLists(), edges(*data))
    assert model.width_ == [(240, 1), (240, 2)]
    other = runtime.data(X, 1 - Y)
    failure = runtime.fail("mean", fit=fit_work(runtime, MeanOfLists(), edges(data[0], other)))
    assert failure.kind == task_pb2.FAILURE_KIND_INVALID and "node 'mean' cannot tell its y" in failure.message


def test_estimators_of_no_convention(runtime: RuntimeHarness) -> None:
    success = runtime.succeed(
        fit=fit_work(runtime, NoTags(), single(runtime.data(X, Y)), output=True, output_method="predict")
    )
    assert runtime.opened(success.output).X.tolist() == [240] * 240


def test_missing_y_is_named(runtime: RuntimeHarness) -> None:
    failure = runtime.fail("tree", fit=fit_work(runtime, DecisionTreeClassifier(), single(runtime.data(X))))
    assert failure.kind == task_pb2.FAILURE_KIND_INVALID and "node 'tree' needs y" in failure.message


def test_predictions_reach_the_next_estimator_as_a_column(runtime: RuntimeHarness) -> None:
    numbers = single(runtime.data(X[:, 0], Y))
    model = fitted(runtime, LogisticRegression(), numbers)
    same_state(model, LogisticRegression().fit(X[:, :1], Y))
    labels = np.array([f"class{i % 3}" for i in range(240)])
    encoder = fitted(runtime, make_pipeline(OneHotEncoder(), LogisticRegression()), single(runtime.data(labels, Y)))
    assert encoder.n_features_in_ == 1


def test_estimators_that_write_to_their_input_get_a_copy(runtime: RuntimeHarness) -> None:
    base = np.arange(1000, dtype=float).reshape(500, 2)
    for form, input_ in [("whole", single(runtime.data(base))), ("frame", single(runtime.data(pd.DataFrame(base))))]:
        for attempt in range(2):
            work = fit_work(runtime, InPlaceScaler(), input_, output=True)
            result = runtime.run(fit=work)
            assert result.HasField("success"), result.failure.traceback
            if form == "whole":
                assert result.usage.readonly_retries == 1, attempt
                assert result.usage.bytes_copied >= base.nbytes
            model = runtime.store.get(result.success.model)
            assert model.sum_ == pytest.approx(2 * base.sum())
    # The data in the store is as it was.
    np.testing.assert_array_equal(runtime.view(common_pb2.View(object=input_.items[0].edges[0].x.object)), base)


def test_regressors(runtime: RuntimeHarness) -> None:
    same_state(
        fitted(runtime, LinearRegression(), single(runtime.data(X, X[:, 0]))), LinearRegression().fit(X, X[:, 0])
    )


def test_an_estimator_over_lists_gets_predictions_as_they_are(runtime: RuntimeHarness) -> None:
    y = runtime.put(Y)
    data = [runtime.data(1 - Y), runtime.data(Y)]
    for item in data:
        item.y.object.CopyFrom(y)
    success = runtime.succeed(fit=fit_work(runtime, nodes.Best(), edges(*data), output=True, output_method="predict"))
    assert runtime.store.get(success.model).best_ == 1
    output = runtime.opened(success.output)
    assert output.X.shape == (240,) and output.X.tolist() == Y.tolist()
