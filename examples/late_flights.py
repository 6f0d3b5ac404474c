"""Will a flight arrive late? One preprocessor, three classifiers behind it, and a vote.

    preprocess ──┬── tree ────┐
                 ├── forest ──┼── vote
                 └── boost ───┘

The preprocessor is an OR node that runs once and is shared; the three classifiers run side by side; the vote is an AND
node that takes the three predictions that belong together.

Run it with ``make demo``, or ``python examples/late_flights.py [--all]``.
"""

from __future__ import annotations

import argparse
import pathlib
import time

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

import anabranch as ab
import flights


def build() -> ab.Pipeline:
    """Return the graph."""
    graph = ab.Pipeline("late-flights")
    preprocess = ab.OrNode("preprocess", flights.preprocessor())
    tree = ab.OrNode("tree", DecisionTreeClassifier(max_depth=12, random_state=0))
    forest = ab.OrNode("forest", RandomForestClassifier(n_estimators=60, min_samples_leaf=3, random_state=0))
    boost = ab.OrNode("boost", GradientBoostingClassifier(n_estimators=40, random_state=0))
    vote = ab.AndNode("vote", ab.nodes.Vote())
    graph.add(preprocess >> [tree, forest, boost] >> vote)
    return graph


def main() -> None:
    """Fit on January to September, score on October to December, save the best path and load it again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="all 327,346 flights instead of a fixed sample")
    parser.add_argument("--rows", type=int, default=flights.SAMPLE, help="flights in the sample")
    parser.add_argument("--out", default="out", help="directory for the picture and the saved path")
    arguments = parser.parse_args()
    out = pathlib.Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)

    X_train, y_train, X_test, y_test = flights.split_by_month(flights.load(arguments.all, arguments.rows))
    print(f"{len(X_train):,} flights to learn from, {len(X_test):,} held out (October to December)\n")

    graph = build()
    print(graph.to_text(), "\n")
    started = time.perf_counter()
    fitted = graph.fit(X_train, y_train)
    scored = fitted.score(X_test, y_test, scoring=["accuracy", "balanced_accuracy", "f1"])
    seconds = time.perf_counter() - started

    print(f"\n{'node':<12}{'fit s':>8}{'accuracy':>12}{'balanced':>12}{'f1':>10}")
    for name in ("preprocess", "tree", "forest", "boost", "vote"):
        fits = fitted[name]
        fit_seconds = f"{fits[0].seconds:.2f}" if len(fits) else ""
        scores = scored[name][0].scores if len(scored[name]) else {}
        cells = [f"{scores[s]:.4f}" if s in scores else "" for s in ("accuracy", "balanced_accuracy", "f1")]
        print(f"{name:<12}{fit_seconds:>8}{cells[0]:>12}{cells[1]:>12}{cells[2]:>10}")
    work = sum(entry.seconds for run in (fitted, scored) for entry in run)
    print(f"\n{work:.1f} s of work done in {seconds:.1f} s")

    graph.to_svg(out / "late-flights.svg")
    best = scored.top(1, by="f1")[0]
    path = scored.select(best)
    saved = path.save(out / "best.anabranch")
    again = ab.load(saved)
    same = np.array_equal(path.predict(X_test), again.predict(X_test))
    print(
        f"best by f1: {best.node} ({best.scores['f1']:.4f}); saved to {saved}, loaded again, same predictions: {same}"
    )
    print(f"picture of the graph: {out / 'late-flights.svg'}")
    if fitted.failed or scored.failed or not same:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
