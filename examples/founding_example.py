"""The example that started all this: three heavy classifiers behind one preprocessor, in scikit-learn and as one graph.

``ScaleTestEstimator(n, estimator)`` fits its estimator n times, to make a step heavy.
"""

from __future__ import annotations

import argparse
import time

from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

import anabranch as ab
import flights
from scale_test_estimator import ScaleTestEstimator


def main() -> None:
    """Fit the three pipelines one after the other, then as one graph, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--refits", type=int, default=5, help="fits per classifier")
    refits = parser.parse_args().refits
    X_train, y_train, X_test, y_test = flights.split_by_month(flights.load().iloc[:20_000])
    preprocessor = flights.preprocessor()
    classifiers = {
        "c_a": DecisionTreeClassifier(random_state=0),
        "c_b": RandomForestClassifier(n_estimators=20, random_state=0),
        "c_c": GradientBoostingClassifier(n_estimators=10, random_state=0),
    }

    started = time.perf_counter()
    one_by_one = {
        name: Pipeline([("preprocess", preprocessor), (name, ScaleTestEstimator(refits, classifier))])
        .fit(X_train, y_train)
        .score(X_test, y_test)
        for name, classifier in classifiers.items()
    }
    serial = time.perf_counter() - started

    pipeline = ab.Pipeline()
    node_a = ab.OrNode("preprocess", preprocessor)
    nodes = [ab.OrNode(name, ScaleTestEstimator(refits, classifier)) for name, classifier in classifiers.items()]
    for node in nodes:
        pipeline.add_edge(node_a, node)
    ab.init()
    started = time.perf_counter()
    out = ab.execute_pipeline(pipeline, ab.ExecutionType.TRAIN, {node_a: [ab.put(ab.Xy(X_train, y_train))]})
    parallel = time.perf_counter() - started

    scored = out.score(X_test, y_test)
    for node in nodes:
        same = scored[node][0].score == one_by_one[node.name]
        print(f"{node.name}: {scored[node][0].score:.4f} {'as in scikit-learn' if same else 'DIFFERS'}")
    print(f"one after the other {serial:.2f} s, as a graph {parallel:.2f} s: {serial / parallel:.2f} times as fast")


if __name__ == "__main__":
    main()
