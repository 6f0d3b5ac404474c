"""Runs planned calls on the pool, or here: what is ready and allowed is begun, what ends makes more ready."""

from __future__ import annotations

import contextlib
import pickle
import queue
import sys
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError
from typing import Any

from anabranch.cores import available_cores
from anabranch.errors import ConnectionFailed
from anabranch.executor import Executor
from anabranch.model_selection.agenda import Agenda, Work
from anabranch.model_selection.break_even import Pace
from anabranch.model_selection.calls import Call
from anabranch.model_selection.held_data import HeldData
from anabranch.model_selection.here import KeptHere, as_in_a_slot, call_here, turn
from anabranch.model_selection.inner import in_place
from anabranch.model_selection.options import HERE, POOL, Options, current_options
from anabranch.model_selection.outcomes import Outcomes
from anabranch.model_selection.place import Place, note_warm
from anabranch.model_selection.plan import Plan
from anabranch.model_selection.sharing import Sharing
from anabranch.model_selection.task_arguments import TaskArguments
from anabranch.model_selection.tasks import run_with
from anabranch.process_client import current
from anabranch.progress import Progress
from anabranch.slots import expected_slots, pool_slots, slots_now
from anabranch.summary import Row, Summary
from anabranch.waiting import waiting

#: Seconds that other calls have to end by themselves when one has raised.
GRACE_SECONDS = 0.5
#: Seconds between two looks at how many slots the pool has.
LOOK_SECONDS = 1.0


def run(
    calls: Sequence[Call],
    options: Options,
    most_calls: int | None,
    sharing: Sharing,
    pace: Pace | None = None,
    held: HeldData | None = None,
) -> list[Any]:
    """Run calls and return their results, in order.

    Parameters
    ----------
    calls : sequence of Call
    options : Options
    most_calls : int or None
        Tasks that may run at a time; None for as many as the pool has slots.
    sharing : Sharing
        Counts what is computed.
    pace : Pace, optional
        What earlier calls of the same search took; what these take is added.
    held : HeldData, optional
        What earlier calls of the same search had in common, and later ones will.

    Raises
    ------
    Exception
        What a call raised: the first that is heard of. What else runs is stopped.
    """
    return Dispatch(calls, options, most_calls, sharing, pace or Pace(), HeldData() if held is None else held).run()


def run_within(calls: Sequence[Call], sharing: Sharing) -> list[Any]:
    """Run the fits of a search within a task, or a search of this process, and return their results, in order.

    Parameters
    ----------
    calls : sequence of Call
    sharing : Sharing
        Counts what is computed.
    """
    options = Options(unseeded=current_options().unseeded, progress=False, where=HERE)
    return Dispatch(calls, options, 1, sharing, Pace(), HeldData(), is_inner=True).run()


class Dispatch:
    """One set of calls on its way through the pool, or through this process; see `run`."""

    def __init__(
        self,
        calls: Sequence[Call],
        options: Options,
        most_calls: int | None,
        sharing: Sharing,
        pace: Pace,
        held: HeldData,
        *,
        is_inner: bool = False,
    ) -> None:
        self._calls = calls
        self._options = options
        self._sharing = sharing
        self._pace = pace
        self._most_calls = most_calls
        # A task is one slot of those that run the outer search.
        slots = 1 if is_inner else pool_slots() if options.where == POOL else expected_slots()
        self._slots = min(slots, most_calls or sys.maxsize)
        self._is_inner = is_inner
        self._plan = Plan(calls, options, sharing)
        self._outcomes = Outcomes(self._plan, options, sharing, pace)
        self._arguments = TaskArguments(self._plan, held, self._outcomes.shared)
        self._arguments.is_here = is_inner
        self._looked = time.monotonic()
        self._ended: queue.SimpleQueue[tuple[Work, Any]] = queue.SimpleQueue()
        self._running: dict[int, tuple[Work, Any]] = {}
        self._began = time.monotonic()

    def run(self) -> list[Any]:
        """Run all calls."""
        roots = self._plan.roots
        if self._is_inner and not any(root.children for root in roots):
            for recipe in self._plan.recipes.values():
                self._sharing.add_steps(recipe.steps)
            return in_place(self._calls)
        agenda = Agenda(roots, self._slots + 1, self._slots)
        try:
            with Progress(self._title(), self._options.progress) as shown:
                self._run_here(agenda, shown)
                if not agenda.finished:
                    self._run_on_pool(agenda, shown)
                shown.update(self._summary, last=True)
        finally:
            self._forget()
        return [self._outcomes.results[number] for number in range(len(self._calls))]

    def _forget(self) -> None:
        self._outcomes.shared.clear()
        self._arguments.forget()

    # ---- here

    def _run_here(self, agenda: Agenda, shown: Progress) -> None:
        """Run what is faster here than on the pool: nothing, all, or all until what is left is faster there."""
        if self._is_inner:
            while not agenda.finished:
                self._next_here(agenda)
            return
        place = Place(self._calls, self._options, self._slots, self._plan.roots, self._pace)
        # While another thread's search runs here, this one takes the pool.
        if not place.begins_here() or not turn.acquire(blocking=self._options.where == HERE):
            return
        self._arguments.is_here = True
        try:
            with as_in_a_slot(max(1, available_cores() // self._slots)):
                while not agenda.finished and place.stays_here(len(self._outcomes.results), self._outcomes.fitted):
                    self._next_here(agenda)
                    shown.update(self._summary)
        finally:
            turn.release()
            self._arguments.is_here = False

    def _next_here(self, agenda: Agenda) -> None:
        # One call at a time: where the next one runs is decided by what this one took.
        alone = self._outcomes.alone
        work = alone.pop() if alone else agenda.take(most=1)
        assert work is not None, "nothing runs and nothing can begin"
        try:
            outcome = call_here(*self._arguments.of(work))
            shared = None if work.calls else KeptHere(outcome)
        except Exception as error:
            self._outcomes.fail(agenda, work, error)
        else:
            self._outcomes.settle(agenda, work, outcome, shared)

    # ---- on the pool

    def _run_on_pool(self, agenda: Agenda, shown: Progress) -> None:
        self._slots = min(pool_slots(), self._most_calls or sys.maxsize)
        agenda.resize(self._slots + 1, self._slots)
        shared = self._outcomes.shared
        for segment, kept in shared.items():
            shared[segment] = current().put(kept.get(), never_inline=True)
        self._executor = Executor(timeout=self._options.timeout, memory=self._options.memory)
        try:
            # Within a task, all of it is a wait: the slot is for the calls.
            with waiting():
                while not agenda.finished:
                    self._fill(agenda)
                    for work, future in self._next(shown):
                        del self._running[id(future)]
                        self._take(agenda, work, future)
                    self._look(agenda)
            note_warm()
        except Exception:
            self._let_end()
            raise
        finally:
            # Ctrl-C waits for nothing that runs.
            for _, future in self._running.values():
                future.cancel()
            self._forget()
            self._executor.shutdown(wait=True, cancel_futures=True)

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
        results = self._outcomes.results
        failed = sum(isinstance(result, dict) and bool(result.get("fit_error")) for result in results.values())
        row = Row("fits" if fits else "calls", len(results), len(self._calls), len(self._running), failed)
        seconds = time.monotonic() - self._began
        return Summary([row], seconds, unit=row.name, ended=row.done == row.planned)

    def _let_end(self) -> None:
        """Wait a little for what still runs: to stop a task is to end its process, and the next one begins anew."""
        deadline = time.monotonic() + GRACE_SECONDS
        with contextlib.suppress(queue.Empty):
            while self._running:
                _, future = self._ended.get(timeout=max(0.0, deadline - time.monotonic()))
                del self._running[id(future)]

    # ---- submission

    def _fill(self, agenda: Agenda) -> None:
        in_flight = self._slots * (1 if self._most_calls else 2)
        alone = self._outcomes.alone
        while len(self._running) < in_flight:
            work = alone.pop() if alone else agenda.take(fuse=not self._options.limited)
            if work is None:
                return
            try:
                body, arguments = self._arguments.of(work)
                if self._options.nested:
                    body, arguments = run_with, (self._options.nested, body, *arguments)
                future = self._executor.submit(body, *arguments)
            except (TypeError, AttributeError, pickle.PicklingError) as error:
                number = work.calls[0] if work.calls else work.segment.example
                where = self._calls[number].describe()
                raise TypeError(f"{where}: it cannot be sent to the pool: {error}") from error
            self._running[id(future)] = work, future
            future.add_done_callback(lambda future, work=work: self._ended.put((work, future)))

    def _take(self, agenda: Agenda, work: Work, future: Any) -> None:
        try:
            outcome = future.result()
        except (KeyboardInterrupt, ConnectionFailed, CancelledError):
            raise
        except Exception as error:
            self._outcomes.fail(agenda, work, error)
            return
        # The task's own object in the store is what dependents get.
        self._outcomes.settle(agenda, work, outcome, future.ref)
