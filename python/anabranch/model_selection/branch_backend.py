"""How a union fits without fitting again the branches that others have fitted: through joblib, which it hands them to.

`ColumnTransformer` and `FeatureUnion` give each fit and each transform of a branch to joblib. As a joblib backend for
the one union, `BranchBackend` answers those that are known and runs the others where they are, in their order. All
else, columns and weights, validation, concatenation, is scikit-learn's own.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import joblib

from anabranch.model_selection.branches import active_titles
from anabranch.model_selection.calls import Call
from anabranch.model_selection.gathering import GatheringBackend
from anabranch.model_selection.shared_steps import Raised, SharedBranch

#: scikit-learn's functions for one branch, known by name as its function for one fit is. Others run as they are.
FIT, TRANSFORM = "_fit_transform_one", "_transform_one"


class BranchBackend(GatheringBackend):
    """Answers what is known of a union's branches, and keeps what is not known if told to.

    Parameters
    ----------
    unit : str
        The union's name in its pipeline.
    position : int
        Of the union among the pipeline's units.
    known : sequence of SharedBranch
    keeps : bool
        Whether outputs of branches that are fitted here are kept.

    Attributes
    ----------
    fits, transforms : Counter
        Of branches, by name: what was computed.
    fit_seconds, test_seconds : float
        What those that were answered took where they were computed.
    """

    def __init__(self, unit: str, position: int, known: Sequence[SharedBranch] = (), *, keeps: bool = False) -> None:
        super().__init__()
        self.position = position
        self._unit = unit
        self._known = {branch.title: branch for branch in known}
        self._own: list[SharedBranch] = []
        self._keeps = keeps
        self._union: Any = None
        self._side: str | None = None
        self.fits: Counter[str] = Counter()
        self.transforms: Counter[str] = Counter()
        self.fit_seconds = 0.0
        self.test_seconds = 0.0

    @property
    def made(self) -> list[SharedBranch]:
        """The branches that were fitted here, when their outputs are kept."""
        return self._own if self._keeps else []

    @contextlib.contextmanager
    def fitting(self, union: Any) -> Iterator[None]:
        """Serve the fit of the union."""
        self._union, self._side = union, None
        with self._serving():
            yield

    @contextlib.contextmanager
    def transforming(self, side: str) -> Iterator[None]:
        """Serve the fitted union's transform of the rows of a side, ``"test"`` or ``"train"``."""
        self._union, self._side = None, side
        with self._serving():
            yield

    @contextlib.contextmanager
    def _serving(self) -> Iterator[None]:
        try:
            with joblib.parallel_config(backend=self, n_jobs=2):
                yield
        finally:
            # A cycle would keep views of the store until garbage is collected, for which a runtime stops.
            self.parallel = self._union = None

    def answer(self, calls: Sequence[Call]) -> list[Any]:
        """Return the results of the union's calls, one for each branch that it fits or transforms."""
        with joblib.parallel_config(backend="sequential"):
            if self._side is not None:
                return [self._transformed(call) for call in calls]
            return [self._fitted(call, title) for call, title in zip(calls, self._titles(calls))]

    def _titles(self, calls: Sequence[Call]) -> list[str | None]:
        """Return the branch of each call; None for what has no name, and for all where that is not certain."""
        titles = active_titles(self._union)
        # A branch whose columns are none has no call.
        return titles if len(titles) == len(calls) else [None] * len(calls)

    def _fitted(self, call: Call, title: str | None) -> Any:
        if title is None or call.name != FIT:
            return call.function(*call.arguments, **call.named)
        known = self._known.get(title)
        if known is not None:
            self.fit_seconds += known.fit_seconds
            if known.error is not None:
                raise known.error
            return known.output, known.fitted
        self.fits[f"{self._unit}__{title}"] += 1
        begun = time.time()
        branch = SharedBranch(title)
        try:
            result = call.function(*call.arguments, **call.named)
        except Exception as error:
            branch.error = error
            raise
        finally:
            branch.fit_seconds = time.time() - begun
            self._own.append(branch)
        output, branch.fitted = result
        if self._keeps:
            branch.output = output
        return result

    def _transformed(self, call: Call) -> Any:
        transformer = call.named.get("transformer", call.arguments[0] if call.arguments else None)
        side = self._side
        assert side is not None
        found = [*self._known.values(), *self._own]
        branch = next((one for one in found if one.fitted is transformer and one.error is None), None)
        if branch is None or call.name != TRANSFORM:
            return call.function(*call.arguments, **call.named)
        if branch is self._known.get(branch.title):
            output = getattr(branch, side)
            if side == "test":
                self.test_seconds += branch.test_seconds
            if isinstance(output, Raised):
                raise output.error
            return output
        self.transforms[f"{self._unit}__{branch.title}"] += 1
        begun = time.time()
        try:
            output = call.function(*call.arguments, **call.named)
        except Exception as error:
            setattr(branch, side, Raised(error))
            raise
        finally:
            if side == "test":
                branch.test_seconds = time.time() - begun
        if self._keeps:
            setattr(branch, side, output)
        return output
