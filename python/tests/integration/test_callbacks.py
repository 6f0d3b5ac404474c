"""scikit-learn's callbacks see of a search on the pool what they see of scikit-learn's own."""

from __future__ import annotations

import re

import pytest
import sklearn.model_selection as theirs
from sklearn.datasets import load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import anabranch as ab

pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
pytestmark = [
    pytest.mark.usefixtures("pool"),
    # A listener of scikit-learn's own stays with each of its callbacks.
    pytest.mark.leaves("descriptors"),
]

ours = ab.model_selection
X, Y = load_iris(return_X_y=True)
CANDIDATES = {"logisticregression__C": [0.1, 1.0, 10.0]}
SEARCHES = {
    "GridSearchCV": {},
    "RandomizedSearchCV": {"n_iter": 2, "random_state": 0},
    "HalvingGridSearchCV": {"random_state": 0, "min_resources": 50},
}


class Events:
    """Writes a line for each event of a fit, whichever process it happens in."""

    def __init__(self, path):
        self.path = path

    def setup(self, estimator, context):
        self._write("setup", estimator, context)

    def teardown(self, estimator, context):
        self._write("teardown", estimator, context)

    def on_fit_task_begin(self, estimator, context):
        self._write("begin", estimator, context)

    def on_fit_task_end(self, estimator, context):
        self._write("end", estimator, context)

    def _write(self, event, estimator, context):
        place = []
        at = context
        while at is not None:
            place.append(f"{at.task_name}#{at.task_id}")
            at = at.parent
        with open(self.path, "a") as file:
            file.write(f"{event} {type(estimator).__name__} {'/'.join(reversed(place))}\n")


def search_in(module, name):
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=20))
    return getattr(module, name)(pipeline, CANDIDATES, cv=2, **SEARCHES[name])


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("where", ["search", "pipeline", "step"])
def test_the_same_events(name, where, tmp_path):
    seen = []
    for module in (theirs, ours):
        path = tmp_path / module.__name__
        search = search_in(module, name)
        holder = {"search": search, "pipeline": search.estimator, "step": search.estimator[-1]}[where]
        holder.set_callbacks(Events(str(path)))
        search.fit(X, Y)
        seen.append(sorted(path.read_text().splitlines()))
    assert seen[0] == seen[1]
    assert len(seen[0]) > 2 * len(SEARCHES)


def test_a_scoring_monitor_logs_the_same_scores():
    from sklearn.callback import ScoringMonitor

    logs = []
    for module in (theirs, ours):
        search = search_in(module, "GridSearchCV")
        monitor = ScoringMonitor(scoring="accuracy")
        search.estimator[-1].set_callbacks(monitor)
        search.fit(X, Y)
        log = monitor.get_logs()
        log = log[-1] if isinstance(log, list) else log
        logs.append(sorted((row["task_id_path"], row["task_name"], row["accuracy"]) for row in log.data))
    assert logs[0] == logs[1] and len(logs[0]) > 7


def test_a_progress_bar_counts_the_same_tasks(capsys):
    from sklearn.callback import ProgressBar

    shown = []
    for module in (theirs, ours):
        search_in(module, "GridSearchCV").set_callbacks(ProgressBar()).fit(X, Y)
        shown.append(sorted(set(re.findall(r"GridSearchCV - ([\w-]+).*?100%", capsys.readouterr().out))))
    assert shown[0] == shown[1] == ["candidate-split-evaluation", "fit", "refit-with-best-params", "search"]
