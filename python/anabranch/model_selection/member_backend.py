"""How a vote or a stack fits without fitting again the members that others have fitted: through joblib.

Voting and stacking give the fit of each member to joblib, and stacking then the cross validation that predicts the
training rows. As a joblib backend for the one ensemble, `MemberBackend` answers those that are known and runs the
others where they are, in their order. All else, labels, weights, validation and the final estimator, is scikit-learn's.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import joblib
import numpy as np

from anabranch.model_selection.calls import Call
from anabranch.model_selection.gathering import GatheringBackend
from anabranch.model_selection.inner import in_place
from anabranch.model_selection.members import active_members, is_stack, vote_method
from anabranch.model_selection.recall import RecalledMethod, SegmentFitted, can_stand_before
from anabranch.model_selection.shared_steps import Raised, SharedMember, read_only
from anabranch.runtime.private_copies import is_read_only_complaint

#: scikit-learn's functions for one member, known by name as its function for one fit is. Others run as they are.
FIT, PREDICT = "_fit_single_estimator", "cross_val_predict"


class MemberBackend(GatheringBackend):
    """Answers what is known of an ensemble's members.

    Parameters
    ----------
    path : str
        The ensemble's name in its pipeline.
    known : sequence of SharedMember
    wanted : collection of str, optional
        Names of members: then only these are fitted, what they raise is kept, and the ensemble's fit ends with
        `SegmentFitted` when they are.

    Attributes
    ----------
    made : dict of str to SharedMember
        The members that were fitted here.
    used : list of SharedMember
        Those of the known ones that were asked for.
    fits : Counter
        Of members, by name: what was computed.
    """

    def __init__(self, path: str, known: Sequence[SharedMember] = (), wanted: Collection[str] | None = None) -> None:
        super().__init__()
        self._path = path
        self._known = {member.title: member for member in known}
        self._wanted = wanted
        self._ensemble: Any = None
        self._rounds = 0
        self._titles: list[str] = []
        self.made: dict[str, SharedMember] = {}
        self.used: list[SharedMember] = []
        self.fits: Counter[str] = Counter()

    # ---- fit

    @contextlib.contextmanager
    def serving(self, ensemble: Any) -> Iterator[None]:
        """Serve the ensemble's fit, whoever calls it within the block."""

        def fit(X: Any, *others: Any, **named: Any) -> Any:
            self._ensemble, self._rounds = ensemble, 0
            with joblib.parallel_config(backend=self, n_jobs=2):
                return type(ensemble).fit(ensemble, self._guarded(X), *others, **named)

        # In the instance, where it hides the method of the class.
        vars(ensemble)["fit"] = fit
        try:
            yield
        finally:
            vars(ensemble).pop("fit", None)
            # A cycle would keep views of the store until garbage is collected, for which a runtime stops.
            self.parallel = self._ensemble = None

    def _guarded(self, X: Any) -> Any:
        """Return the rows, such that a member cannot write to what others see, who may be fitted elsewhere."""
        if not self._known and self._wanted is None:
            return X
        if type(X) is not np.ndarray:
            return read_only(X)
        view = X.view()
        view.flags.writeable = False
        return view

    def answer(self, calls: Sequence[Call]) -> list[Any]:
        """Return the results of one `joblib.Parallel`: the members' fits, their predictions, or what comes later."""
        self._rounds += 1
        with joblib.parallel_config(backend="sequential"):
            if self._rounds == 1:
                titles = active_members(self._ensemble)
                self._titles = titles if _are(calls, FIT, len(titles)) else []
                if self._titles:
                    return self._each(self._fitted, calls, ends=not is_stack(self._ensemble))
            elif self._rounds == 2 and self._titles and _are(calls, PREDICT, len(self._titles)):
                return self._each(self._predicted, calls, ends=True)
            if self._wanted is not None:
                raise RuntimeError(f"{self._path!r} fits its members in a way that is not known")
            # Those of its final estimator.
            return in_place(calls)

    def _each(self, body: Callable[[Call, str], Any], calls: Sequence[Call], *, ends: bool) -> list[Any]:
        results = [body(call, title) for call, title in zip(calls, self._titles)]
        if ends and self._wanted is not None:
            raise SegmentFitted
        return results

    def _fitted(self, call: Call, title: str) -> Any:
        known = self._known.get(title)
        if known is not None:
            self.used.append(known)
            return _value_or_raise(known.fitted, known.error)
        if self._wanted is not None and title not in self._wanted:
            return call.arguments[0]
        self.fits[f"{self._path}__{title}"] += 1
        member = self.made[title] = SharedMember(title, method=vote_method(self._ensemble))
        member.fitted, member.error = self._timed(call, member)
        return member.fitted

    def _predicted(self, call: Call, title: str) -> Any:
        known = self._known.get(title)
        if known is not None:
            return _value_or_raise(known.predicted, known.predict_error)
        if title not in self.made or self.made[title].error is not None:
            return None
        member = self.made[title]
        member.method = call.named.get("method", "predict")
        predicted, member.predict_error = self._timed(call, member)
        if self._wanted is not None:
            member.predicted = predicted
        return predicted

    def _timed(self, call: Call, member: SharedMember) -> tuple[Any, Exception | None]:
        begun = time.time()
        try:
            return in_place([call])[0], None
        except Exception as error:
            # One that writes to its input is seen by those behind it: then all are fitted together.
            writes = isinstance(error, ValueError) and is_read_only_complaint(error)
            if self._wanted is None or writes:
                raise
            return None, error
        finally:
            member.fit_seconds += time.time() - begun

    # ---- scoring

    def predict(self, side: str, X: Any, transforms: Counter[str]) -> None:
        """Add to the members that were fitted what they make of the rows of a side, ``"test"`` or ``"train"``."""
        for member in self.made.values():
            if member.error is None and member.predict_error is None:
                begun = time.time()
                transforms[f"{self._path}__{member.title}"] += 1
                setattr(member, side, _called(member.fitted, member.method, X))
                if side == "test":
                    member.test_seconds = time.time() - begun

    def stand_before(
        self, stack: contextlib.ExitStack, side: str | None, X: Any, prepared: Callable, transforms: Counter[str]
    ) -> None:
        """Have the members answer what is known of X, the rows of a side, and count what they predict themselves."""
        for member in [*self.used, *self.made.values()]:
            if not can_stand_before(member.fitted, member.method):
                continue
            output = getattr(member, side) if side else None
            pairs = [] if output is None else [(X, prepared(output))]
            name = f"{self._path}__{member.title}"
            stack.enter_context(RecalledMethod(member.fitted, name, pairs, transforms, member.method))


def _are(calls: Sequence[Call], name: str, count: int) -> bool:
    return len(calls) == count and all(call.name == name for call in calls)


def _value_or_raise(value: Any, error: Exception | None) -> Any:
    if error is not None:
        raise error
    return value


def _called(estimator: Any, method: str, X: Any) -> Any:
    try:
        return getattr(estimator, method)(X)
    except ValueError as error:
        # Nobody answers for it: the ensemble asks the member itself.
        return None if is_read_only_complaint(error) else Raised(error)
    except Exception as error:
        return Raised(error)
