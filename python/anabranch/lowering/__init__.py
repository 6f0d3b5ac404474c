"""scikit-learn estimators as graphs, and graphs as scikit-learn estimators."""

from anabranch.lowering.from_sklearn import from_sklearn
from anabranch.lowering.to_sklearn import to_sklearn

__all__ = ["from_sklearn", "to_sklearn"]
