"""Write the timelines that ``trace_summary.py`` and docs/benchmarks.md are about.

    PYTHONPATH=examples python benchmarks/take_traces.py DIRECTORY

``founding.json.gz``: the founding example, warm. ``no_ops.json.gz``: 10,000 no-op tasks through the Executor, warm.
"""

from __future__ import annotations

import pathlib
import sys

import anabranch as ab
from workloads import SLOTS, founding_parts, no_op

TASKS = 10_000


def founding(path: pathlib.Path) -> None:
    """Trace the second of two runs."""
    preprocessor, heavy, X, y = founding_parts()
    graph = ab.Pipeline("founding")
    first = ab.OrNode("preprocess", preprocessor)
    for name, classifier in heavy.items():
        graph.add_edge(first, ab.OrNode(name, classifier))
    graph.fit(X, y, progress=False)
    graph.fit(X, y, progress=False).trace(path)


def no_ops(path: pathlib.Path) -> None:
    """Trace no-op tasks, after others that are not traced."""
    with ab.Executor() as warming:
        list(warming.map(no_op, range(TASKS)))
    with ab.Executor(trace=path) as executor:
        list(executor.map(no_op, range(TASKS)))


if __name__ == "__main__":
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    ab.init(slots=SLOTS)
    founding(directory / "founding.json.gz")
    no_ops(directory / "no_ops.json.gz")
