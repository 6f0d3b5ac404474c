"""The example that started all this runs as it stands."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import anabranch as ab


class ScaleTestEstimator(ClassifierMixin, BaseEstimator):
    """Fits its estimator n times."""

    def __init__(self, n=1, estimator=None):
        self.n = n
        self.estimator = estimator

    def fit(self, X, y):
        for _ in range(self.n):
            self.estimator_ = clone(self.estimator).fit(X, y)
        self.classes_ = self.estimator_.classes_
        return self

    def predict(self, X):
        return self.estimator_.predict(X)


@pytest.fixture
def flights():
    import pandas as pd

    random = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "distance": random.uniform(80, 5000, 600),
            "delay": random.normal(10, 30, 600),
            "carrier": random.choice(["AA", "UA", "B6"], 600),
        }
    )
    return X, pd.Series((X["delay"] + random.normal(0, 10, 600) > 15).astype(int))


def test_it_runs_as_it_stands(pool, flights):
    X_train, y_train = flights
    preprocessor = make_column_transformer((StandardScaler(), ["distance", "delay"]), (OneHotEncoder(), ["carrier"]))

    pipeline = ab.Pipeline()
    node_a = ab.OrNode("preprocess", preprocessor)
    node_b = ab.OrNode("c_a", ScaleTestEstimator(3, DecisionTreeClassifier(random_state=0)))
    node_c = ab.OrNode("c_b", ScaleTestEstimator(3, RandomForestClassifier(random_state=0)))
    node_d = ab.OrNode("c_c", ScaleTestEstimator(3, GradientBoostingClassifier(random_state=0)))
    for node in (node_b, node_c, node_d):
        pipeline.add_edge(node_a, node)
    out = ab.execute_pipeline(pipeline, ab.ExecutionType.TRAIN, {node_a: [ab.put(ab.Xy(X_train, y_train))]})

    assert out.state == "succeeded" and len(out[node_a]) == 1
    for node in (node_b, node_c, node_d):
        assert out[node][0].key == {"partition": 0}
        alone = make_pipeline(preprocessor, node.step).fit(X_train, y_train)
        path = out.select(out[node][0])
        assert np.array_equal(path.predict(X_train), alone.predict(X_train))
        assert path.score(X_train, y_train) == alone.score(X_train, y_train)
