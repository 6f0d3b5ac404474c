"""The code of docs/scikit-learn.md and docs/python.md runs as it stands there, on data of a common shape."""

from __future__ import annotations

import pathlib
import re

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import anabranch as ab

pytestmark = [pytest.mark.usefixtures("pool"), pytest.mark.filterwarnings("ignore::UserWarning")]

DOCS = pathlib.Path(__file__).parents[3] / "docs"


def blocks(name):
    text = (DOCS / name).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run(name, names):
    found = blocks(name)
    assert found
    for number, block in enumerate(found):
        exec(compile(block, f"{name}, block {number + 1}", "exec"), names)
    return names


def test_searches_and_validation():
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    X, y = make_classification(120, 64, n_informative=8, random_state=0)
    names = {
        "np": np,
        "optuna": optuna,
        "FloatDistribution": optuna.distributions.FloatDistribution,
        **{kind.__name__: kind for kind in (Pipeline, StandardScaler, PCA, LogisticRegression)},
        "pipeline": Pipeline([("scale", StandardScaler()), ("clf", LogisticRegression())]),
        "grid": {"clf__C": [0.1, 1.0]},
        "X": X,
        "y": y,
        "X_new": X[:3],
    }
    run("scikit-learn.md", names)
    # Blocks behind that of the optimiser fit its search again.
    assert len(names["study"].trials) % 40 == 0 and len(names["search"].cv_results_["params"]) == 40


def test_the_python_client():
    X, y = make_classification(120, 6, random_state=0)
    scale, tree = ab.OrNode("scale", StandardScaler()), ab.OrNode("tree", DecisionTreeClassifier(random_state=0))
    kinds = (StandardScaler, VotingClassifier, GaussianNB)
    run(
        "python.md",
        {
            **{kind.__name__: kind for kind in kinds},
            **{function.__name__: function for function in (make_pipeline, cross_val_score)},
            "GridSearchCV": GridSearchCV,
            "graph": ab.Pipeline("graph", scale >> tree),
            "X": X,
            "y": y,
        },
    )
