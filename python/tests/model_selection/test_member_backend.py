"""Known members of a vote or a stack, in scikit-learn's own fit of it."""

from __future__ import annotations

import contextlib
import gc
import weakref
from collections import Counter

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from anabranch.model_selection import member_backend
from anabranch.model_selection.member_backend import MemberBackend
from anabranch.model_selection.recall import SegmentFitted
from anabranch.model_selection.shared_steps import SharedMember

X, Y = make_classification(60, 4, random_state=0)
MEMBERS = [("line", LogisticRegression()), ("bayes", GaussianNB()), ("gone", "drop")]
ENSEMBLES = {
    "hard": VotingClassifier(MEMBERS),
    "soft": VotingClassifier(MEMBERS, voting="soft", n_jobs=1),
    "stack": StackingClassifier(MEMBERS, cv=3, n_jobs=1),
}


def fitted_members(ensemble, *titles):
    backend = MemberBackend("vote", wanted=titles)
    with backend.serving(ensemble), pytest.raises(SegmentFitted):
        ensemble.fit(X, Y)
    return backend


@pytest.mark.parametrize("kind", ENSEMBLES)
def test_a_known_member_is_answered_and_let_go(kind):
    expected = clone(ENSEMBLES[kind]).fit(X, Y)
    maker = fitted_members(ENSEMBLES[kind], "line")
    transforms = Counter()
    maker.predict("test", X, transforms)
    known = maker.made["line"]
    assert maker.fits == {"vote__line": 1} and transforms == {"vote__line": 1} and "fit" not in vars(ENSEMBLES[kind])

    backend, fitting = MemberBackend("vote", [known]), ENSEMBLES[kind]
    with backend.serving(fitting):
        fitting.fit(X, Y)
    assert backend.fits == {"vote__bayes": 1} and backend.used == [known]
    assert fitting.estimators_[0] is known.fitted
    with contextlib.ExitStack() as stack:
        backend.stand_before(stack, "test", X, lambda output: output, transforms)
        np.testing.assert_array_equal(fitting.predict(X), expected.predict(X))
    assert transforms == {"vote__line": 1, "vote__bayes": 1}
    assert "predict" not in vars(known.fitted)
    gone = weakref.ref(known)
    gc.disable()
    try:
        del backend, known, maker
        assert gone() is None, "nothing is left for a collection of garbage"
    finally:
        gc.enable()


def test_parallels_of_a_final_estimator_are_its_own():
    final = VotingClassifier([("line", LogisticRegression()), ("bayes", GaussianNB())])
    ensemble = StackingClassifier(MEMBERS, final, cv=3)
    backend = MemberBackend("stack", [fitted_members(ensemble, "line").made["line"]])
    with backend.serving(ensemble):
        ensemble.fit(X, Y)
    assert backend.fits == {"stack__bayes": 1}
    np.testing.assert_array_equal(ensemble.predict(X), StackingClassifier(MEMBERS, final, cv=3).fit(X, Y).predict(X))


def test_where_calls_are_not_those_of_the_members_nothing_is_taken_for_known(monkeypatch):
    monkeypatch.setattr(member_backend, "FIT", "_another_name")
    ensemble = clone(ENSEMBLES["stack"])
    backend = MemberBackend("stack", [SharedMember("line", DummyClassifier())])
    with backend.serving(ensemble):
        ensemble.fit(X, Y)
    assert type(ensemble.estimators_[0]) is LogisticRegression and not backend.used
    with MemberBackend("stack", wanted=["line"]).serving(ensemble), pytest.raises(RuntimeError, match="not known"):
        ensemble.fit(X, Y)
