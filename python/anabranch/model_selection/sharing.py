"""How much a search computed, and how much it shared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anabranch.model_selection.tasks import Answer


class Sharing:
    """Counts of what was computed in a search's folds, by step; the refit is not among them.

    Attributes
    ----------
    fits : dict of str to int
        Fits of each step that were made. A step's name is that in its pipeline; an estimator that is no pipeline, and
        the last step, count once for each candidate and fold. Branches of unions (``columns__numbers``) and members of
        votes and stacks (``vote__forest``; in a stack a fit with the cross validation behind it) have counts where
        candidates share some of them without sharing the whole.
    transforms : dict of str to int
        ``transform`` in scoring, and what members predict there.
    fits_alone : dict of str to int
        Fits that there would be if nothing were shared.
    """

    def __init__(self) -> None:
        self.fits: dict[str, int] = {}
        self.transforms: dict[str, int] = {}
        self.fits_alone: dict[str, int] = {}

    def add(self, answer: Answer) -> None:
        """Count what a task computed."""
        _add(self.fits, answer.fits)
        _add(self.transforms, answer.transforms)

    def add_call(self, steps: Sequence[str], last: str) -> None:
        """Count a call that fits these steps and a last one."""
        _add(self.fits, Counter([last]))
        _add(self.fits_alone, Counter([*steps, last]))

    def add_parts(self, names: Iterable[str]) -> None:
        """Count the branches of a call's union, or the members of its vote or stack, when it is taken apart."""
        _add(self.fits_alone, Counter(names))

    def add_steps(self, steps: Sequence[str]) -> None:
        """Count the steps of a call that fitted all of them by itself."""
        _add(self.fits, Counter(steps))

    def to_frame(self) -> Any:
        """Return the counts as a pandas table, a row for each step."""
        import pandas

        names = list(dict.fromkeys([*self.fits_alone, *self.fits, *self.transforms]))
        return pandas.DataFrame(
            {
                "fits": [self.fits.get(name, 0) for name in names],
                "fits_alone": [self.fits_alone.get(name, 0) for name in names],
                "transforms": [self.transforms.get(name, 0) for name in names],
            },
            index=names,
        )

    def __repr__(self) -> str:
        return f"Sharing(fits={self.fits}, transforms={self.transforms}, fits_alone={self.fits_alone})"


def _add(total: dict[str, int], more: Counter[str]) -> None:
    for name, count in more.items():
        total[name] = total.get(name, 0) + count
