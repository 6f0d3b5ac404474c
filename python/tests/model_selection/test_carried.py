"""Exceptions and warnings on their way between processes."""

from __future__ import annotations

import pickle
import threading

import pytest
from sklearn.exceptions import UnsetMetadataPassedError

from anabranch.carried import carried
from anabranch.model_selection.shared_steps import Raised, SharedBranch, SharedMember, SharedStep
from anabranch.model_selection.tasks import Answer


class Odd(Exception):
    def __init__(self, code, place):
        super().__init__(f"{code} at {place}")
        self.code = code


class Holding(UserWarning):
    def __init__(self, message, held):
        super().__init__(message)
        self.held = held
        self.lock = threading.Lock()


class Own(Exception):
    def __new__(cls, *, code):
        return super().__new__(cls)

    def __init__(self, *, code):
        super().__init__(f"code {code}")


ODD, HOLDING = Odd(3, "home"), Holding("held", [1])
UNSET = UnsetMetadataPassedError(message="weights", unrequested_params={"a": ["b"]}, routed_params={})


def there_and_back(value):
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("error", [ODD, HOLDING, UNSET])
def test_what_cannot_be_pickled_comes_back_as_it_was(error):
    with pytest.raises(TypeError):
        there_and_back(error)
    back = there_and_back(carried(error))
    assert type(back) is type(error) and str(back) == str(error) and back.args == error.args
    assert vars(back) == {name: value for name, value in vars(error).items() if name != "lock"}


def test_what_can_be_pickled_is_what_it_was():
    error = ValueError("plain", 3)
    assert carried(error) is error


def test_arguments_that_cannot_be_pickled_become_text():
    error = ValueError("held by", threading.Lock())
    assert there_and_back(carried(error)).args == (str(error),)


def test_what_cannot_be_made_again_says_so_where_it_is_pickled():
    error = Own(code=3)
    assert carried(error) is error


def test_parts_of_a_search_are_pickled_with_what_they_raised():
    parts = [SharedStep("a", error=ODD), SharedBranch("a", test=Raised(ODD), error=UNSET), SharedMember("a", error=ODD)]
    step, branch, member = there_and_back(parts)
    assert {type(one) for one in (step.error, branch.test.error, member.error)} == {Odd}
    assert type(branch.error) is UnsetMetadataPassedError
    answer = there_and_back(Answer(warnings=[(HOLDING, Holding, "file.py", 3)], printed="said"))
    assert str(answer.warnings[0][0]) == "held" and answer.warnings[0][1:] == (Holding, "file.py", 3)
