"""What only a pool survives is told by name: candidate, fold as scikit-learn counts, step, cause."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest
import sklearn.model_selection as theirs
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.exceptions import FitFailedWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import anabranch as ab

pytestmark = [pytest.mark.usefixtures("pool"), pytest.mark.versions]

ours = ab.model_selection
X, Y = make_classification(90, 4, random_state=0)
X[:, 0] = np.arange(len(X))
FOLDS = theirs.KFold(3)


class Doomed(ClassifierMixin, BaseEstimator):
    """Meets its fate when it is not given the rows of the second fold of three."""

    def __init__(self, fate="nothing", number=0):
        self.fate = fate
        self.number = number

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        if len(X) < 90 and 30 not in X[:, 0]:
            getattr(self, self.fate)()
        return self

    def nothing(self):
        pass

    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def hang(self):
        time.sleep(600)

    def allocate(self):
        self.much_ = np.ones(1 << 30)

    def lock(self):
        self.lock_ = threading.Lock()

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


LIMITS = {"die": {}, "hang": {"timeout": 3.0}, "allocate": {"memory": "2G"}}
CAUSES = {"die": "TaskKilled.*SIGKILL", "hang": "TaskTimeout", "allocate": "TaskOutOfMemory"}


@pytest.mark.parametrize("fate", CAUSES)
@pytest.mark.parametrize("name", ["cross_validate", "cross_val_score"])
def test_a_validation_names_the_fold(name, fate):
    with ours.options(**LIMITS[fate]):
        with pytest.warns(FitFailedWarning, match=rf"(?s)1 fits failed.*{CAUSES[fate]}") as told:
            answer = getattr(ours, name)(Doomed(fate), X, Y, cv=FOLDS)
        assert "Doomed, fold 2 of 3: " in str(told[0].message)
        scores = answer["test_score"] if isinstance(answer, dict) else answer
        assert np.isnan(scores).tolist() == [False, True, False]
        with pytest.raises(ab.TaskError, match=r"^Doomed, fold 2 of 3: "):
            getattr(ours, name)(Doomed(fate), X, Y, cv=FOLDS, error_score="raise")


@pytest.mark.parametrize("fate", CAUSES)
def test_a_search_names_candidate_and_fold(fate):
    search = ours.GridSearchCV(
        make_pipeline(StandardScaler(with_mean=False, with_std=False), Doomed()),
        {"doomed__fate": ["nothing", fate], "doomed__number": [1]},
        cv=FOLDS,
        refit=False,
        error_score=-1.0,
    )
    with (
        ours.options(**LIMITS[fate]),
        pytest.warns(FitFailedWarning, match=f"(?s)1 fits failed.*{CAUSES[fate]}") as told,
    ):
        search.fit(X, Y)
    message = str(told[0].message)
    assert f"candidate {{'doomed__fate': '{fate}', 'doomed__number': 1}}, fold 2 of 3: " in message
    assert search.cv_results_["split1_test_score"].tolist()[1] == -1.0
    assert (search.cv_results_["split0_test_score"] >= 0).all()


def test_other_functions_name_the_fold():
    with pytest.raises(ab.TaskKilled, match=r"^a call of fit_and_predict, Doomed, fold 2 of 3: "):
        ours.cross_val_predict(Doomed("die"), X, Y, cv=FOLDS)
    with pytest.raises(ab.TaskKilled, match=r"^Doomed, fold 2 of 3: "):
        ours.learning_curve(Doomed("die"), X, Y, cv=FOLDS, train_sizes=[60], error_score="raise")
    with pytest.raises(ab.TaskKilled, match=r"^candidate \{'fate': 'die'\}, fold 2 of 3: "):
        ours.validation_curve(
            Doomed(), X, Y, cv=FOLDS, param_name="fate", param_range=["nothing", "die"], error_score="raise"
        )


def test_a_model_that_cannot_come_back_is_named():
    with pytest.raises(TypeError, match=r"^Doomed, fold 2 of 3: .*pickle"):
        ours.cross_validate(Doomed("lock"), X, Y, cv=FOLDS, return_estimator=True)


class Locked(Doomed):
    """Its clones have its own lock."""

    def __sklearn_clone__(self):
        return self


def test_what_cannot_be_sent_is_named():
    with pytest.raises(TypeError, match=r"^Locked, fold 1 of 3: it cannot be sent to the pool: "):
        ours.cross_val_score(Locked(number=threading.Lock()), X, Y, cv=FOLDS)


def test_what_a_fit_that_died_has_printed_is_told():
    class Speaks(Doomed):
        def fit(self, X, y):
            print("on its way", flush=True)
            return super().fit(X, y)

    with pytest.warns(FitFailedWarning, match="(?s)last output.*on its way"):
        found = ours.cross_validate(Speaks("die"), X, Y, cv=FOLDS)
    assert np.isnan(found["test_score"][1])
