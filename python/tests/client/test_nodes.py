"""Ready-made AND functions and splitters, on the data class alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import anabranch as ab


@dataclasses.dataclass
class Data:
    """Stands for `Xy`: the functions make results of whatever class they are given."""

    X: Any
    y: Any = None
    sample_weight: Any = None
    groups: Any = None
    row_ids: Any = None


def test_vote_is_scikit_learns_hard_vote():
    from sklearn.datasets import load_wine
    from sklearn.ensemble import VotingClassifier
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.tree import DecisionTreeClassifier

    X, y = load_wine(return_X_y=True)
    models = [
        ("a", GaussianNB()),
        ("b", KNeighborsClassifier()),
        ("c", DecisionTreeClassifier(random_state=0, max_depth=1)),
    ]
    for weights in (None, [1, 2, 2]):
        expected = VotingClassifier(models, weights=weights).fit(X, y).predict(X)
        votes = [Data(model.fit(X, y).predict(X)) for _, model in models]
        assert np.array_equal(ab.nodes.Vote(weights)(votes).X, expected)


def test_vote_counts_texts_and_breaks_ties_by_the_smallest():
    votes = [Data(np.array(["b", "a"])), Data(np.array(["a", "b"]))]
    assert ab.nodes.Vote()(votes).X.tolist() == ["a", "a"]
    with pytest.raises(ValueError, match="must be labels"):
        ab.nodes.Vote()([Data(np.zeros((2, 2)))])
    with pytest.raises(ValueError, match="1 weights for 2 inputs"):
        ab.nodes.Vote([1])(votes)


def test_mean():
    inputs = [Data(np.array([[0.0, 1.0]])), Data(np.array([[1.0, 0.0]]))]
    assert ab.nodes.Mean()(inputs).X.tolist() == [[0.5, 0.5]]
    assert ab.nodes.Mean([3, 1])(inputs).X.tolist() == [[0.25, 0.75]]
    with pytest.raises(ValueError, match="differ in shape"):
        ab.nodes.Mean()([Data(np.zeros(2)), Data(np.zeros(3))])


def test_columns_keep_their_names():
    import pandas as pd
    import polars as pl

    left, right = pd.DataFrame({"a": [1], "b": [2]}, index=[7]), pd.DataFrame({"a": [3]}, index=[9])
    joined = ab.nodes.ColumnConcat()([Data(left), Data(right)]).X
    assert list(joined.columns) == ["a", "b", "a_1"] and list(joined.index) == [7]
    frame = ab.nodes.ColumnConcat()([Data(pl.DataFrame({"a": [1]})), Data(pl.DataFrame({"a": [2]}))]).X
    assert frame.columns == ["a", "a_1"]


def test_sparse_columns_stay_sparse():
    joined = ab.nodes.ColumnConcat()([Data(sparse.eye(2, format="csc")), Data(np.ones((2, 1)))]).X
    assert sparse.issparse(joined) and joined.format == "csr" and joined.shape == (2, 3)


def test_rows_take_along_what_belongs_to_them():
    a = Data(np.array([[1.0]]), y=np.array([0]), row_ids=np.array([10]))
    b = Data(np.array([[2.0]]), y=np.array([1]), row_ids=np.array([11]))
    joined = ab.nodes.RowConcat()([a, b])
    assert joined.X.tolist() == [[1.0], [2.0]] and joined.y.tolist() == [0, 1] and joined.row_ids.tolist() == [10, 11]
    with pytest.raises(ValueError, match="1 of 2 inputs have no y"):
        ab.nodes.RowConcat()([a, Data(np.array([[2.0]]), row_ids=np.array([11]))])


def test_stack_makes_columns_of_predictions():
    labels, probabilities = Data(np.array([1, 0])), Data(np.array([[0.1, 0.9], [0.8, 0.2]]))
    assert ab.nodes.Stack()([labels, probabilities]).X.tolist() == [[1, 0.9], [0, 0.2]]
    assert ab.nodes.Stack(drop_first=False)([probabilities, probabilities]).X.shape == (2, 4)


def test_best_learns_and_keeps():
    y = np.array([0, 1, 1, 0])
    best = ab.nodes.Best().fit([1 - y, y], y)
    assert best.best_ == 1 and best.predict(["left", "right"]) == "right"
    assert ab.OrNode("n", best).role.name == "PREDICTOR"


def test_group_by_cuts_rows():
    import pandas as pd

    data = Data(pd.DataFrame({"carrier": ["B", "A", "B"]}))
    assert [(label, rows.tolist()) for label, rows in ab.nodes.GroupBy("carrier")(data)] == [("A", [1]), ("B", [0, 2])]


def test_splitter_takes_dicts_and_pairs():
    split = ab.nodes.Splitter(lambda data: {"head": [0], "tail": [1, 2]}, "part")
    assert split(Data([1, 2, 3])) == [("head", [0]), ("tail", [1, 2])]
    assert split.splits == "part"


def test_parameters_of_functions_are_variants():
    node = ab.AndNode("vote", ab.nodes.Vote(), params={"weights": [[1, 1], [1, 2]]})
    assert node.variants == [{"weights": [1, 1]}, {"weights": [1, 2]}]
    with pytest.raises(ab.GraphError, match="Vote has no parameter 'weight'"):
        ab.AndNode("vote", ab.nodes.Vote(), params={"weight": [[1, 1]]})
