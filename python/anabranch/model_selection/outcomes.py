"""What tasks of a search come to: results, shared steps, and the failures that stand for either."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from anabranch.errors import TaskError, TaskKilled, TaskOutOfMemory, TaskTimeout
from anabranch.failures import CannotCome
from anabranch.model_selection.agenda import Agenda, Work
from anabranch.model_selection.break_even import Pace
from anabranch.model_selection.options import Options
from anabranch.model_selection.plan import Plan
from anabranch.model_selection.prefixes import Segment
from anabranch.model_selection.said import Voice, taken_from
from anabranch.model_selection.sharing import Sharing
from anabranch.model_selection.tasks import Answer, run_failed


class Outcomes:
    """Takes what tasks answered, and tells the agenda what is ready for it.

    Parameters
    ----------
    plan : Plan
    options : Options
    sharing : Sharing
        Counts what is computed.
    pace : Pace
        Learns what tasks take.
    """

    def __init__(self, plan: Plan, options: Options, sharing: Sharing, pace: Pace) -> None:
        self._plan = plan
        self._options = options
        self._sharing = sharing
        self._pace = pace
        self._voice = Voice()
        #: By the numbers of their calls.
        self.results: dict[int, Any] = {}
        #: What fitted steps have come to, while something builds on it.
        self.shared: dict[Segment, Any] = {}
        #: Calls that were in one task with others when it failed: each has its own chance.
        self.alone: list[Work] = []
        #: Segments that have been fitted.
        self.fitted = 0

    def settle(self, agenda: Agenda, work: Work, outcome: Any, shared: Any) -> None:
        """Keep what a task answered; ``shared`` is what dependents of shared steps get."""
        segment = work.segment
        if not work.calls:
            self._told(outcome)
            self.shared[segment] = shared
            self.fitted += 1
            self._pace.add_segment(outcome.seconds)
            failed = not segment.titles and outcome.value.failed
            self._release(agenda.fitted(segment, failed=failed))
            return
        extra = 0.0
        if work.with_steps:
            steps, *outcome = outcome
            extra = steps.seconds
            self._told(steps)
            self._release(agenda.abandon(segment)[1])
        for number, answer in zip(work.calls, outcome):
            self._told(answer)
            self._pace.add_call(answer.seconds + extra)
            if isinstance(answer.value, dict) and "estimator" in answer.value:
                # Its arrays are the store's own, which nobody may write to; a model is its user's, to fit further.
                answer.value["estimator"] = copy.deepcopy(answer.value["estimator"])
            self.results[number] = self._with_limit_named(number, answer.value)
            recipe = self._plan.recipes.get(number)
            if segment.parent is None and recipe is not None:
                self._sharing.add_steps(recipe.steps)
        self._answered(agenda, segment, [answer.seconds for answer in outcome])

    def _answered(self, agenda: Agenda, segment: Segment, seconds: Sequence[float]) -> None:
        self._release(agenda.answered(segment, seconds))

    def _release(self, over: Sequence[Segment]) -> None:
        for segment in over:
            self.shared.pop(segment, None)

    def fail(self, agenda: Agenda, work: Work, error: Exception) -> None:
        """Take the error of a task: what it was to do fails with it, or is done in other tasks.

        Raises
        ------
        Exception
            The error, when it is no result of a fit.
        """
        segment = work.segment
        if not work.calls or work.with_steps:
            if not isinstance(error, (TaskKilled, TaskTimeout)):
                # Not the steps' fault, or not one that could be told: each candidate fits them, or fails, by itself.
                self._release(agenda.give_up(segment))
                return
            lost, over = agenda.abandon(segment)
            self._release(over)
            for below in [one for top in lost for one in top.walk()]:
                for number in below.calls:
                    self.results[number] = self._failed(number, error, None if work.calls else segment)
                if below.calls:
                    self._answered(agenda, below, [0.0] * len(below.calls))
            return
        if len(work.calls) > 1:
            # One of them: each has its own chance.
            self.alone.extend(Work(segment, (number,)) for number in work.calls)
            return
        number = work.calls[0]
        if isinstance(error, CannotCome):
            raise TypeError(f"{self._plan.calls[number].describe()}: {error}") from error.__cause__
        if not isinstance(error, TaskError):
            self._voice.say(taken_from(error))
            raise error
        self.results[number] = self._failed(number, error)
        self._answered(agenda, segment, [0.0])

    def _failed(self, number: int, error: Exception, segment: Segment | None = None) -> Any:
        """Return a result for a fit whose process is gone, as scikit-learn makes them of fits that raise."""
        call = self._plan.calls[number]
        where = call.describe()
        if segment is not None:
            recipe = self._plan.recipes[number]
            where += f", step {[*recipe.steps, recipe.last][segment.begin]!r}"
            part = "member" if segment.is_of_members else "branch"
            where += f", {part} {', '.join(map(repr, segment.titles))}" if segment.titles else ""
            where += ", which it shares"
        told = type(error)(f"{where}: {error}")
        told.__cause__ = error.__cause__
        if not call.is_fit:
            raise told
        return run_failed(call.function, told, call.arguments[1], call.named)

    def _with_limit_named(self, number: int, result: Any) -> Any:
        """Return a fit's result; the error of one that wanted more memory than it may have says which fit it was."""
        raised = result.get("fit_error") if self._options.memory is not None and isinstance(result, dict) else None
        last = raised.splitlines()[-1] if raised else ""
        if "MemoryError" in last.partition(":")[0]:
            error = TaskOutOfMemory(f"past its limit (memory={self._options.memory!r}): {last}")
            result["fit_error"] = self._failed(number, error)["fit_error"]
        return result

    def _told(self, answer: Answer) -> None:
        """Say here what a task said where nobody hears it."""
        self._sharing.add(answer)
        self._voice.say(answer)
