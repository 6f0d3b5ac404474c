"""The display of a search's results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from anabranch.plotting.axis import Axis
from anabranch.plotting.labels import plain
from anabranch.plotting.lines import Line, chosen_parameter, chosen_score, last_rows, lines_of, setting, varied


class SearchResultsDisplay:
    """Scores of a search's candidates along one of its parameters.

    Make one with `from_search`; all that is drawn is kept, so that `plot` may be called again.

    Parameters
    ----------
    param_name : str or None
        The parameter of the horizontal axis; None when nothing was searched over.
    score_name : str
    lines : sequence of Line
        One for each setting of the other parameters; with more than 10 of them the best for each value.
    others : array, shape (n_candidates, 2), optional
        (position along the axis, score) of all candidates, behind a line of the best.
    best : tuple (value, score) or None
        The candidate that the search found best.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    errorbars_ : list of matplotlib ErrorbarContainer
        One for each line.
    """

    def __init__(
        self,
        *,
        param_name: str | None,
        score_name: str,
        lines: Sequence[Line],
        others: Sequence[tuple[Any, float]] = (),
        best: tuple[Any, float] | None = None,
    ) -> None:
        self.param_name = param_name
        self.score_name = score_name
        self.lines = list(lines)
        self.others = list(others)
        self.best = best

    @classmethod
    def from_search(
        cls,
        search: Any,
        *,
        param_name: str | None = None,
        score_name: str | None = None,
        ax: Any = None,
        **errorbar: Any,
    ) -> SearchResultsDisplay:
        """Plot a fitted search, one of `anabranch.model_selection` or of scikit-learn.

        Parameters
        ----------
        search : fitted search
            Of halving searches the last scores of each candidate are shown.
        param_name : str, optional
            As in the grid (``"clf__C"``). By default the numeric parameter with the most values, else that with the
            most. Candidates that do not have it are left out.
        score_name : str, optional
            Name of a scorer; by default the only one, or that of ``refit``.
        ax : matplotlib Axes, optional
            A new figure's when not given.
        **errorbar
            For `matplotlib.axes.Axes.errorbar`.

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        RequestError
            When there is no such parameter or score; the message lists those that there are.
        sklearn.exceptions.NotFittedError
            When the search is not fitted.
        """
        _matplotlib()
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(search, "cv_results_")
        results = search.cv_results_
        score = chosen_score(results, score_name, getattr(search, "refit", None))
        rows = last_rows(results)
        params = [results["params"][row] for row in rows]
        name = chosen_parameter(params, param_name)
        means, stds = results[f"mean_test_{score}"], results[f"std_test_{score}"]
        others = varied(params) - {name}
        candidates = [
            (setting(one, others), _value(one, name), float(means[row]), float(stds[row]))
            for row, one in zip(rows, params)
            if name is None or name in one
        ]
        row = getattr(search, "best_index_", None)
        found = results["params"][row] if row is not None else {}
        best = (_value(found, name), float(means[row])) if row is not None and (name is None or name in found) else None
        lines, points = lines_of(candidates)
        display = cls(param_name=name, score_name=score, lines=lines, others=points, best=best)
        return display.plot(ax, **errorbar)

    def plot(self, ax: Any = None, **errorbar: Any) -> SearchResultsDisplay:
        """Draw into axes, a new figure's when none are given, and return the display."""
        pyplot = _matplotlib()
        if ax is None:
            _, ax = pyplot.subplots()
        values = [value for line in self.lines for value in line.x] + [value for value, _ in self.others]
        axis = Axis(values)
        if self.others:
            places = [axis.place(value) for value, _ in self.others]
            ax.scatter(places, [score for _, score in self.others], s=8, alpha=0.3, color="gray")
        self.errorbars_ = [
            ax.errorbar(
                [axis.place(value) for value in line.x],
                line.mean,
                yerr=line.std,
                **{"marker": "o", "capsize": 3, "label": plain(line.label), **errorbar},
            )
            for line in self.lines
        ]
        if self.best is not None and not math.isnan(self.best[1]):
            ax.scatter([axis.place(self.best[0])], [self.best[1]], marker="*", s=160, color="black", zorder=3)
        axis.decorate(ax)
        ax.set_xlabel(plain(self.param_name or ""))
        ax.set_ylabel(plain(f"mean test {self.score_name}"))
        if len(self.lines) > 1 or (self.lines and self.lines[0].label):
            ax.legend(fontsize="small")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _value(params: Mapping[str, Any], name: str | None) -> Any:
    return params[name] if name is not None else "all"


def _matplotlib() -> Any:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError('plots need matplotlib, which is not installed: pip install "anabranch[plot]"') from error
    return pyplot
