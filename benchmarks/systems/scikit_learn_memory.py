"""Plain scikit-learn with joblib's own processes and the pipeline's ``memory=``."""

from __future__ import annotations

import tempfile

import searches
from systems.scikit_learn_jobs import ScikitLearnJobs


class ScikitLearnMemory(ScikitLearnJobs):
    """What steps make of the rows is kept on a disk."""

    def digits(self) -> float:
        with tempfile.TemporaryDirectory() as directory:
            return searches.digits(self.search, memory=directory)
