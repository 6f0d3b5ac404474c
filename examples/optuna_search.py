"""Optuna chooses the candidates of a search: four at a time, scored on the pool, told back before the next four.

python examples/optuna_search.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import anabranch as ab

ROUNDS, AT_A_TIME = 4, 4


def main() -> int:
    """Search, and print the best candidate and what was shared; returns the exit status."""
    try:
        import optuna
    except ImportError:
        print("skipped: optuna is not installed (pip install optuna)")
        return 0
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    space = {
        "pca__n_components": optuna.distributions.CategoricalDistribution([10, 20]),
        "clf__C": optuna.distributions.FloatDistribution(1e-4, 10.0, log=True),
    }

    def drive(evaluate: Callable) -> None:
        for _ in range(ROUNDS):
            trials = [study.ask(space) for _ in range(AT_A_TIME)]
            results = evaluate([trial.params for trial in trials])
            for trial, score in zip(trials, results["mean_test_score"][-AT_A_TIME:]):
                study.tell(trial, float(score))

    pipeline = Pipeline(
        [("scale", StandardScaler()), ("pca", PCA(random_state=0)), ("clf", LogisticRegression(max_iter=200))]
    )
    X, y = load_digits(return_X_y=True)
    search = ab.model_selection.DrivenSearchCV(pipeline, drive, cv=3).fit(X, y)
    # Optuna and the search saw the same scores.
    assert abs(study.best_value - search.best_score_) < 1e-12
    print(f"{len(study.trials)} trials, best {search.best_score_:.4f} with {search.best_params_}")
    print(f"fits {search.sharing_.fits}, without sharing {search.sharing_.fits_alone}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
