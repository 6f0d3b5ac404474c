"""What scikit-learn asks of an estimator before it clones it, for graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from anabranch.errors import GraphError

if TYPE_CHECKING:
    from anabranch.estimator import GraphEstimator

#: Methods of fitted estimators, which scikit-learn looks for on unfitted ones.
_OF_FITTED = ("decision_function", "fit_transform", "predict", "predict_proba", "score", "transform")


class EstimatorProtocol:
    """Lets a graph stand where scikit-learn expects an estimator: a clone of it is a `GraphEstimator`."""

    def as_estimator(self) -> GraphEstimator:
        """Return a scikit-learn estimator that fits a copy of this graph on the pool.

        It transforms or predicts as the graph's only end does. Searches, composites and cross validations clone what
        they are given, so they take the graph itself; the last step of a scikit-learn `Pipeline` is not cloned.

        Raises
        ------
        GraphError
            When the graph has several ends, or cannot run.
        """
        from anabranch.estimator import GraphEstimator, check_estimable
        from anabranch.graph_parameters import copied

        check_estimable(self)  # type: ignore[arg-type]
        return GraphEstimator(copied(self))  # type: ignore[arg-type]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return each node's step under its name and, with `deep`, its parameters as ``node__parameter``."""
        from anabranch.graph_parameters import parameters

        return parameters(self, deep)  # type: ignore[arg-type]

    def set_params(self, **values: Any) -> Any:
        """Replace steps (``node=``) and set their parameters (``node__parameter=``); returns the graph."""
        from anabranch.graph_parameters import set_parameters

        set_parameters(self, values)  # type: ignore[arg-type]
        return self

    def __sklearn_clone__(self) -> GraphEstimator:
        return self.as_estimator()

    def __sklearn_tags__(self) -> Any:
        return self.as_estimator().__sklearn_tags__()

    @property
    def _estimator_type(self) -> str | None:
        try:
            return self.as_estimator()._estimator_type
        except GraphError as error:
            # To whoever asks with hasattr, what cannot be an estimator is of no kind.
            raise AttributeError(str(error)) from error

    def __getattr__(self, name: str) -> Any:
        # scikit-learn asks an unfitted estimator which methods it will have.
        if name in _OF_FITTED and "_nodes" in self.__dict__:
            from anabranch.estimator import can

            if can(self, name):  # type: ignore[arg-type]
                return _unfitted(self, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def _unfitted(graph: Any, method: str) -> Callable[..., NoReturn]:
    """Return what stands for a method of fitted estimators, and says what has it."""

    def refuse(*arguments: Any, **named: Any) -> NoReturn:
        from sklearn.exceptions import NotFittedError

        raise NotFittedError(
            f"graph {graph.name!r} keeps no models: its fit returns a run, and {method} is for what is fitted. Where "
            "an estimator is fitted in place, give graph.as_estimator()"
        )

    refuse.__name__ = method
    return refuse
