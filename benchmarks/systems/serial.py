"""Plain scikit-learn, one pipeline after the other."""

from __future__ import annotations

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from workloads import founding_parts, seconds


class Serial:
    """No pool: the process itself, one thread."""

    def founding(self) -> float:
        preprocessor, heavy, X, y = founding_parts()

        def run() -> None:
            for name, classifier in heavy.items():
                Pipeline([("preprocess", clone(preprocessor)), (name, clone(classifier))]).fit(X, y)

        run()
        return seconds(run)

    def digits(self) -> float:
        from sklearn.model_selection import GridSearchCV
        from threadpoolctl import threadpool_limits

        import searches

        with threadpool_limits(1):
            return searches.digits(GridSearchCV)

    def tiny_fits(self) -> float:
        from sklearn.model_selection import GridSearchCV
        from threadpoolctl import threadpool_limits

        import searches

        with threadpool_limits(1):
            return searches.tiny_fits(GridSearchCV)

    def flights(self) -> float:
        from threadpoolctl import threadpool_limits

        import searches

        with threadpool_limits(1):
            searches.flights_work()
            return searches.flights_work()
