"""Runs planned calls on the pool: what is ready and allowed is submitted, what ends makes more ready."""

from __future__ import annotations

import contextlib
import copy
import pickle
import queue
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from typing import Any

from anabranch.client import current
from anabranch.errors import ConnectionFailed, TaskError, TaskKilled, TaskTimeout
from anabranch.executor import Executor
from anabranch.model_selection.agenda import Agenda, Work
from anabranch.model_selection.branches import Branch
from anabranch.model_selection.calls import Call, Recipe, Recipes, common_arguments
from anabranch.model_selection.options import Options
from anabranch.model_selection.prefixes import Segment, share_prefixes
from anabranch.model_selection.sharing import Sharing
from anabranch.model_selection.tasks import (
    Answer,
    run_branches,
    run_calls,
    run_failed,
    run_fits,
    run_segment,
    run_segment_and_fit,
)
from anabranch.progress import Progress
from anabranch.references import Ref
from anabranch.slots import pool_slots, slots_now
from anabranch.summary import Row, Summary

#: Seconds that other calls have to end by themselves when one has raised.
GRACE_SECONDS = 0.5
#: Seconds between two looks at how many slots the pool has.
LOOK_SECONDS = 1.0
_ATOMS = (type(None), bool, int, float, str, bytes)


def run(calls: Sequence[Call], options: Options, most_calls: int | None, sharing: Sharing) -> list[Any]:
    """Run calls and return their results, in order.

    Parameters
    ----------
    calls : sequence of Call
    options : Options
    most_calls : int or None
        Tasks that may run at a time; None for as many as the pool has slots.
    sharing : Sharing
        Counts what is computed.

    Raises
    ------
    Exception
        What a call raised: the first that is heard of. What else runs is stopped.
    """
    return Dispatch(calls, options, most_calls, sharing).run()


class Dispatch:
    """One set of calls on its way through the pool; see `run`."""

    def __init__(self, calls: Sequence[Call], options: Options, most_calls: int | None, sharing: Sharing) -> None:
        self._calls = calls
        self._options = options
        self._sharing = sharing
        self._most_calls = most_calls
        self._slots = min(pool_slots(), most_calls or sys.maxsize)
        self._looked = time.monotonic()
        self._recipes: dict[int, Recipe] = {}
        self._results: dict[int, Any] = {}
        self._alone: list[Work] = []
        self._ended: queue.SimpleQueue[tuple[Work, Any]] = queue.SimpleQueue()
        self._running: dict[int, tuple[Work, Any]] = {}
        self._shared: dict[Segment, Any] = {}
        self._stored: dict[Any, tuple[Any, Ref]] = {}
        self._registries: dict[str, dict] = {}
        self._began = time.monotonic()

    def run(self) -> list[Any]:
        """Run all calls."""
        roots = self._plan()
        agenda = Agenda(roots, self._slots + 1, self._slots)
        self._executor = Executor(timeout=self._options.timeout, memory=self._options.memory)
        try:
            with Progress(self._title(), self._options.progress) as shown:
                while not agenda.finished:
                    self._fill(agenda)
                    for work, future in self._next(shown):
                        del self._running[id(future)]
                        self._take(agenda, work, future)
                    self._look(agenda)
                shown.update(self._summary, last=True)
        except Exception:
            self._let_end()
            raise
        finally:
            # Ctrl-C waits for nothing that runs.
            for _, future in self._running.values():
                future.cancel()
            self._shared.clear()
            self._stored.clear()
            self._executor.shutdown(wait=True, cancel_futures=True)
        return [self._results[number] for number in range(len(self._calls))]

    def _next(self, shown: Progress) -> list[tuple[Work, Any]]:
        """Wait for a task to end, for as long as nothing else is to be looked after."""
        shown.update(self._summary)
        with contextlib.suppress(queue.Empty):
            return [self._ended.get(timeout=min(shown.interval or LOOK_SECONDS, LOOK_SECONDS))]
        return []

    def _look(self, agenda: Agenda) -> None:
        """Use the slots of workers that have joined since, and count no longer on those of workers that have left."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        # With no worker at all the next one is awaited, as the tasks that are queued do.
        self._slots = min(slots_now() or self._slots, self._most_calls or sys.maxsize)
        agenda.resize(self._slots + 1, self._slots)

    def _title(self) -> str:
        estimator = next((call.arguments[0] for call in self._calls if call.is_fit), None)
        return "calls" if estimator is None else type(estimator).__name__

    def _summary(self) -> Summary:
        fits = any(call.is_fit for call in self._calls)
        failed = sum(isinstance(result, dict) and bool(result.get("fit_error")) for result in self._results.values())
        row = Row("fits" if fits else "calls", len(self._results), len(self._calls), len(self._running), failed)
        seconds = time.monotonic() - self._began
        return Summary([row], seconds, unit=row.name, ended=row.done == row.planned)

    def _let_end(self) -> None:
        """Wait a little for what still runs: to stop a task is to end its process, and the next one begins anew."""
        deadline = time.monotonic() + GRACE_SECONDS
        with contextlib.suppress(queue.Empty):
            while self._running:
                _, future = self._ended.get(timeout=max(0.0, deadline - time.monotonic()))
                del self._running[id(future)]

    # ---- plan

    def _plan(self) -> list[Segment]:
        recipes = Recipes(self._options)
        trees: dict[Any, list[int]] = {}
        plain: dict[Any, list[int]] = {}
        for number, call in enumerate(self._calls):
            if not call.is_fit:
                plain.setdefault(None, []).append(number)
                continue
            base = recipes.base(call)
            recipe = self._recipes[number] = recipes.recipe(call, base)
            self._sharing.add_call(recipe.steps, recipe.last)
            if recipe.keys and call.named.get("callback_ctx") is None:
                common = tuple(id(value) for value in (*call.arguments[1:], *call.common.values()))
                trees.setdefault((call.fold, base, common), []).append(number)
            else:
                plain.setdefault(None, []).append(number)
        roots = []
        for members in trees.values():
            root = share_prefixes(
                len(roots), [(number, self._recipes[number].keys) for number in members], self._branches_of
            )
            if root.children:
                roots.append(root)
                self._count_branches(root)
            else:
                plain.setdefault(None, []).extend(members)
        for members in plain.values():
            roots.append(Segment(len(roots), calls=sorted(members)))
        return roots

    def _branches_of(self, number: int, position: int) -> Mapping[str, Branch]:
        return self._recipes[number].branches.get(position, {})

    def _count_branches(self, root: Segment) -> None:
        for segment in root.walk():
            if segment.needs:
                unit = self._recipes[segment.example].steps[segment.begin]
                names = [f"{unit}__{title}" for title in self._branches_of(segment.example, segment.begin)]
                for below in segment.walk():
                    for _ in below.calls:
                        self._sharing.add_branches(names)

    # ---- submission

    def _fill(self, agenda: Agenda) -> None:
        in_flight = self._slots * (1 if self._most_calls else 2)
        while len(self._running) < in_flight:
            work = self._alone.pop() if self._alone else agenda.take(fuse=not self._options.limited)
            if work is None:
                return
            try:
                future = self._submit(work)
            except (TypeError, AttributeError, pickle.PicklingError) as error:
                number = work.calls[0] if work.calls else work.segment.example
                where = self._calls[number].describe()
                raise TypeError(f"{where}: it cannot be sent to the pool: {error}") from error
            self._running[id(future)] = work, future
            future.add_done_callback(lambda future, work=work: self._ended.put((work, future)))

    def _submit(self, work: Work) -> Any:
        segment = work.segment
        if not work.calls or work.with_steps:
            own = self._calls[segment.example].own
            shared = self._fit_arguments(segment.example, segment.parent)
            if segment.titles:
                return self._executor.submit(run_branches, *shared, own, segment.begin, segment.titles)
            branches = [self._shared[branch] for branch in segment.needs]
            body = run_segment_and_fit if work.with_steps else run_segment
            return self._executor.submit(body, *shared, own, segment.end, branches)
        calls = [self._calls[number] for number in work.calls]
        if segment.parent is not None:
            return self._executor.submit(
                run_fits, *self._fit_arguments(work.calls[0], segment), [call.own for call in calls]
            )
        common = common_arguments(calls)
        shipped = {key: self._small_or_stored(value) for key, value in common.items()}
        own = [
            (
                {index: value for index, value in enumerate(call.arguments) if index not in common},
                {
                    name: self._stored_once(value) if name in ("train", "test") else value
                    for name, value in call.named.items()
                    if name not in common
                },
            )
            for call in calls
        ]
        return self._executor.submit(run_calls, self._function(calls[0]), shipped, own)

    def _fit_arguments(self, number: int, segment: Segment | None) -> tuple:
        """Return the first arguments of `run_fits` and `run_segment`."""
        call = self._calls[number]
        _, X, y = call.arguments
        shared = [self._shared[one] for one in segment.ancestors] if segment is not None else []
        common = call.common
        # Whoever calls is told to callbacks only, and there are none.
        common.pop("caller", None)
        fold = call.named["train"], call.named["test"]
        return (
            self._function(call),
            self._stored_once(common, ("common", *map(id, common.values()))),
            self._stored_once(self._recipes[number].estimator),
            self._stored_once(X),
            self._small_or_stored(y),
            self._stored_once(fold, ("fold", *call.fold)),
            shared,
        )

    def _function(self, call: Call) -> Ref:
        """Return the function with its caller's configuration, stored once for all calls that have the same."""
        function = call.function
        parts = [getattr(function, name, None) for name in ("function", "config", "warning_filters")]
        key = ("function", *map(id, parts if parts[0] is not None else [function]))
        return self._stored_once(function, key)

    def _small_or_stored(self, value: Any) -> Any:
        return value if isinstance(value, _ATOMS) else self._stored_once(value)

    def _stored_once(self, value: Any, key: Any = None) -> Ref:
        key = key or ("value", id(value))
        stored = self._stored.get(key)
        if stored is None:
            # The value is kept beside its reference, for as long as its identity stands for it.
            stored = self._stored[key] = value, current().put(value, never_inline=True)
        return stored[1]

    # ---- results

    def _take(self, agenda: Agenda, work: Work, future: Any) -> None:
        try:
            outcome = future.result()
        except (KeyboardInterrupt, ConnectionFailed, CancelledError):
            raise
        except Exception as error:
            self._fail(agenda, work, error)
            return
        segment = work.segment
        if not work.calls:
            self._told(outcome)
            # The task's own object in the store is what dependents get.
            self._shared[segment] = future.ref
            failed = not segment.titles and outcome.value.failed
            self._release(agenda.fitted(segment, failed=failed))
            return
        if work.with_steps:
            steps, *outcome = outcome
            self._told(steps)
            self._release(agenda.abandon(segment)[1])
        for number, answer in zip(work.calls, outcome):
            self._told(answer)
            if isinstance(answer.value, dict) and "estimator" in answer.value:
                # Its arrays are the store's own, which nobody may write to; a model is its user's, to fit further.
                answer.value["estimator"] = copy.deepcopy(answer.value["estimator"])
            self._results[number] = answer.value
            recipe = self._recipes.get(number)
            if segment.parent is None and recipe is not None:
                self._sharing.add_steps(recipe.steps)
        self._answered(agenda, segment, [answer.seconds for answer in outcome])

    def _answered(self, agenda: Agenda, segment: Segment, seconds: Sequence[float]) -> None:
        self._release(agenda.answered(segment, seconds))

    def _release(self, over: Sequence[Segment]) -> None:
        for segment in over:
            self._shared.pop(segment, None)

    def _fail(self, agenda: Agenda, work: Work, error: Exception) -> None:
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
                    self._results[number] = self._failed(number, error, None if work.calls else segment)
                if below.calls:
                    self._answered(agenda, below, [0.0] * len(below.calls))
            return
        if len(work.calls) > 1:
            # One of them: each has its own chance.
            self._alone.extend(Work(segment, (number,)) for number in work.calls)
            return
        number = work.calls[0]
        if not isinstance(error, TaskError):
            raise error
        self._results[number] = self._failed(number, error)
        self._answered(agenda, segment, [0.0])

    def _failed(self, number: int, error: Exception, segment: Segment | None = None) -> Any:
        """Return a result for a fit whose process is gone, as scikit-learn makes them of fits that raise."""
        call = self._calls[number]
        where = call.describe()
        if segment is not None:
            where += f", step {self._recipes[number].steps[segment.begin]!r}"
            where += f", branch {', '.join(map(repr, segment.titles))}" if segment.titles else ""
            where += ", which it shares"
        told = type(error)(f"{where}: {error}")
        told.__cause__ = error.__cause__
        if not call.is_fit:
            raise told
        return run_failed(call.function, told, call.arguments[1], call.named)

    def _told(self, answer: Answer) -> None:
        """Say here what a task said where nobody hears it."""
        self._sharing.add(answer)
        if answer.printed:
            sys.stdout.write(answer.printed)
        for message, category, filename, line in answer.warnings:
            registry = self._registries.setdefault(filename, {})
            warnings.warn_explicit(message, category, filename, line, registry=registry)
