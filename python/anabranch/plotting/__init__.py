"""Plots of results, by scikit-learn's conventions for displays; they need matplotlib, the extra ``anabranch[plot]``."""

from anabranch.plotting.search_results import SearchResultsDisplay

__all__ = ["SearchResultsDisplay"]
