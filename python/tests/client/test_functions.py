"""Functions are pickled once, and again when what they travel with was bound anew."""

from __future__ import annotations

import ast
import functools
import itertools
import subprocess
import sys

import cloudpickle
import pytest

from anabranch.calls import Functions

NOTEBOOK = """
import functools

factor = 2

def helper(x):
    return factor * x

def direct(x):
    return helper(x)

def nested(x):
    return [helper(i) for i in (x, x)] + [(lambda: helper(x))()]

def indirect(x):
    return direct(x)

def with_default(x, by=helper):
    return by(x)

class Model:
    @staticmethod
    def twice(x):
        return helper(x)

    @property
    def once(self):
        return factor

def through_a_class(x):
    return Model.twice(x)

def decorated_by(function):
    @functools.wraps(function)
    def wrapper(x):
        return function(x)
    return wrapper

decorated = decorated_by(direct)

def recursive(x):
    return recursive(x - 1) if x > 1 else helper(x)

def apart(x):
    return x
"""


class Puts:
    """Stands for a client: numbers what is put, as it is pickled at that moment."""

    requirements = None

    def __init__(self):
        self.numbers = itertools.count()

    def put(self, value, never_inline):
        return next(self.numbers), cloudpickle.dumps(value)

    def register_code(self):
        """Nothing travels by value but what `__main__` defines."""

    def check_requirements(self):
        """All that it needs is there."""


@pytest.fixture
def functions():
    return Functions(Puts())


@pytest.fixture
def notebook():
    scope = {"__name__": "__main__"}
    exec(NOTEBOOK, scope)
    return scope


def results(reference):
    """What it gives for 3 in a process of its own: read here, its classes would become one with those that are here."""
    command = "import pickle, sys; print(repr(pickle.load(sys.stdin.buffer)(3)))"
    return ast.literal_eval(subprocess.check_output([sys.executable, "-c", command], input=reference[1]).decode())


@pytest.mark.parametrize("name", ["direct", "indirect", "with_default", "through_a_class", "decorated", "recursive"])
def test_a_variable_of_a_helper_is_bound_anew(functions, notebook, name):
    before = functions.reference(notebook[name])
    assert functions.reference(notebook[name]) is before
    notebook["factor"] = 10
    after = functions.reference(notebook[name])
    assert after is not before and results(after) == 5 * results(before)
    assert functions.reference(notebook[name]) is after


@pytest.mark.parametrize("name", ["direct", "nested", "indirect", "through_a_class", "decorated", "recursive"])
def test_a_helper_is_defined_anew(functions, notebook, name):
    before = functions.reference(notebook[name])
    exec("def helper(x): return 'new'", notebook)
    after = functions.reference(notebook[name])
    assert after is not before and results(after) == (["new"] * 3 if name == "nested" else "new")


def test_a_class_is_defined_anew(functions, notebook):
    before = functions.reference(notebook["through_a_class"])
    exec("class Model:\n    @staticmethod\n    def twice(x): return 'new'", notebook)
    assert results(before) == 6 and results(functions.reference(notebook["through_a_class"])) == "new"


def test_code_that_was_exchanged_in_place(functions, notebook):
    """As reloaders do it."""
    before = functions.reference(notebook["apart"])
    notebook["apart"].__code__ = (lambda x: -x).__code__
    assert results(before) == 3 and results(functions.reference(notebook["apart"])) == -3


def test_what_has_nothing_to_do_with_it_changes_nothing(functions, notebook):
    before = functions.reference(notebook["apart"])
    notebook["factor"] = 10
    exec("def helper(x): return 'new'", notebook)
    assert functions.reference(notebook["apart"]) is before


def test_importable_functions_and_builtins_are_pickled_once(functions):
    for function in (functools.reduce, functools.cmp_to_key, len, cloudpickle.dumps):
        assert functions.reference(function) is functions.reference(function)


def test_a_lambda_of_a_module_reads_a_variable_of_it(functions):
    scope = {"__name__": "some_module", "factor": 2}
    function = eval("lambda x: [factor * i for i in (x,)][0]", scope)
    assert results(functions.reference(function)) == 6
    scope["factor"] = 10
    assert results(functions.reference(function)) == 30


CHANGED = """
import dataclasses
import numpy as np

state = {"rate": 2, "more": [[1]]}
array = np.array([2])
large = np.full(100_000, 2)

class Settings:
    rate = 2

def of_a_dict(x): return state["rate"] * x
def of_a_list_within(x): return state["more"][0][0] * 2 * x
def of_an_array(x): return int(array[0]) * x
def of_a_class(x): return Settings.rate * x
def of_a_large_array(x): return int(large[0]) * x

@dataclasses.dataclass
class Choice:
    rate: int

    def of(self, x):
        return self.rate * x

choice = Choice(2)
def of_an_instance(x): return choice.of(x)

def closing_over(values):
    return lambda x: values[0] * x

own = [2]
of_a_closure = closing_over(own)
"""


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("of_a_dict", "state['rate'] = 20"),
        ("of_a_list_within", "state['more'][0][0] = 10"),
        ("of_an_array", "array[:] = 20"),
        ("of_a_class", "Settings.rate = 20"),
        ("of_a_closure", "own[0] = 20"),
        ("of_an_instance", "choice.rate = 20"),
        ("of_an_instance", "Choice.of = lambda self, x: 20 * x"),
    ],
)
def test_a_variable_is_changed_in_place(functions, name, change):
    scope = {"__name__": "__main__"}
    exec(CHANGED, scope)
    before = functions.reference(scope[name])
    assert functions.reference(scope[name]) is before and results(before) == 6
    exec(change, scope)
    after = functions.reference(scope[name])
    assert after is not before and results(after) == 60
    assert functions.reference(scope[name]) is after


def test_a_large_variable_is_looked_at_once(functions):
    scope = {"__name__": "__main__"}
    exec(CHANGED, scope)
    before = functions.reference(scope["of_a_large_array"])
    scope["large"][:] = 20
    assert functions.reference(scope["of_a_large_array"]) is before
    scope["large"] = scope["large"].copy()
    assert results(functions.reference(scope["of_a_large_array"])) == 60


def test_a_method_of_a_dict_has_the_dicts_state(functions):
    values = {3: "old"}
    before = functions.reference(values.get)
    values[3] = "new"
    assert results(before) == "old" and results(functions.reference(values.get)) == "new"


def test_what_only_shares_its_name_with_an_attribute_is_not_looked_at(functions):
    class Never:
        def __reduce__(self):
            raise AssertionError("it is not read")

    scope = {"__name__": "__main__", "items": Never()}
    exec("def of_its_items(x): return len({x: 1}.items())", scope)
    assert results(functions.reference(scope["of_its_items"])) == 1
