"""Strikes the Python half of a command with SIGINT at the moments that ``STRIKE_AT`` names, separated by commas.

``start``; ``import:MODULE``, when it is about to run; ``call:MODULE:QUALIFIED.NAME``, when that is about to be called.
"""

import functools
import importlib.machinery
import operator
import os
import signal
import sys


def strike():
    os.kill(os.getpid(), signal.SIGINT)


def struck(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        strike()
        return function(*args, **kwargs)

    return call


class Striker:
    """Finds the modules that moments name, and strikes in their place."""

    def __init__(self, moments):
        self.imports = {moment[1] for moment in moments if moment[0] == "import"}
        self.calls = [moment[1:] for moment in moments if moment[0] == "call"]

    def find_spec(self, name, path=None, target=None):
        calls = [place for module, place in self.calls if module == name]
        if name not in self.imports and not calls:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        run = spec.loader.exec_module

        def exec_module(module):
            if name in self.imports:
                strike()
            run(module)
            for place in calls:
                owner, _, attribute = place.rpartition(".")
                holder = operator.attrgetter(owner)(module) if owner else module
                setattr(holder, attribute, struck(getattr(holder, attribute)))

        spec.loader.exec_module = exec_module
        return spec


# The pool's processes inherit the environment and are none of it.
if "--request" in sys.orig_argv:
    chosen = [moment.split(":") for moment in os.environ.get("STRIKE_AT", "").split(",") if moment]
    sys.meta_path.insert(0, Striker(chosen))
    if ["start"] in chosen:
        strike()
