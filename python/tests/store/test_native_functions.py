"""Arrays go from Python to native functions and back, on a real pool; they answer what their twins in Python answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import anabranch as ab

pytestmark = [pytest.mark.cluster, pytest.mark.leaves("children", "descriptors")]

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3000, 6))
Y = (X[:, 0] + X[:, 1] > 0).astype(np.int64)


@pytest.fixture(scope="module", autouse=True)
def pool() -> Iterator[None]:
    ab.init(slots=2)
    yield
    ab.shutdown()


def diamond(join: Any, *branches: Any, **options: Any) -> Any:
    """Fit `branches` side by side, joined by `join`; the relation of what came out."""
    graph = ab.Pipeline()
    last = ab.AndNode("join", join)
    for number, branch in enumerate(branches):
        graph.add_edge(ab.OrNode(f"branch{number}", branch), last)
    return graph.fit(X, Y, **options)["join"]


@pytest.mark.parametrize(
    ("native", "twin", "branches"),
    [
        ("columns.concatenate", ab.nodes.ColumnConcat(), (StandardScaler(), MinMaxScaler())),
        ("vote", ab.nodes.Vote(), (LogisticRegression(), DecisionTreeClassifier(max_depth=2, random_state=0))),
        ("mean", ab.nodes.Mean(), (LogisticRegression(C=1e-3), DecisionTreeClassifier(max_depth=2, random_state=0))),
    ],
)
def test_natives_answer_as_their_twins_do(native: str, twin: Any, branches: tuple[Any, ...]) -> None:
    for partitions in (1, 3):
        pairs = zip(
            diamond(ab.native(native), *branches, partitions=partitions),
            diamond(twin, *branches, partitions=partitions),
        )
        for ours, theirs in pairs:
            assert ours.key == theirs.key and ours.error is None and theirs.error is None
            np.testing.assert_array_equal(ours.output, theirs.output)
            assert ours.output.dtype == theirs.output.dtype and ours.output.flags.c_contiguous


def test_weights_go_along() -> None:
    branches = (LogisticRegression(), DecisionTreeClassifier(max_depth=1), DecisionTreeClassifier(max_depth=2))
    weights = [0.2, 0.3, 0.4]
    ours = diamond(ab.native("vote", weights=weights), *branches)[0]
    np.testing.assert_array_equal(ours.output, diamond(ab.nodes.Vote(weights), *branches)[0].output)


def test_a_native_partition_is_gathered_again() -> None:
    graph = ab.Pipeline()
    cut = ab.OrNode("cut", ab.native("partition", splits="piece", partitions=4))
    scale = ab.OrNode("scale", StandardScaler())
    rows = ab.AndNode("rows", ab.native("rows.concatenate"), over="piece")
    graph.add_edge(cut, scale)
    graph.add_edge(scale, rows)
    run = graph.fit(X, Y, keep_outputs=True)
    expected = [StandardScaler().fit_transform(piece) for piece in np.array_split(X, 4)]
    assert [entry.key["piece"] for entry in run[scale]] == [0, 1, 2, 3]
    for entry, piece in zip(run[scale], expected):
        np.testing.assert_array_equal(entry.output, piece)
    np.testing.assert_array_equal(run[rows][0].output, np.concatenate(expected))


def test_what_is_no_array_is_refused_with_the_node_named() -> None:
    frame = pd.DataFrame({"a": X[:, 0], "text": ["x"] * len(X)})
    graph = ab.Pipeline()
    first, second = (ab.OrNode(name, lambda X: X) for name in ("left", "right"))
    join = ab.AndNode("join", ab.native("columns.concatenate"))
    graph.add_edge(first, join)
    graph.add_edge(second, join)
    error = graph.fit(frame, Y)[join][0].error
    assert error is not None and "join (columns.concatenate)" in str(error) and "no numeric array" in str(error)


def test_views_of_results_outlive_everything_but_their_bytes() -> None:
    """Held views stay as they are while regions around them are used again and again."""
    held = []
    with ab.Executor() as executor:
        for number in range(40):
            reference = ab.put(np.full(60_000, number))
            view = ab.get(reference)
            result = executor.submit(np.add, view, 1).result()
            if number % 4 == 0:
                held += [(number, view), (number + 1, result)]
            del reference, view, result
    assert all((view == number).all() for number, view in held)
