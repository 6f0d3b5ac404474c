"""One model per airline: sixteen fits of the same node, each on the flights of one carrier.

The same from the command line:

    python examples/flights.py flights.csv
    anabranch run examples/one_model_per_carrier.py:graph --data flights.csv --target late --by carrier
"""

from __future__ import annotations

from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import OrdinalEncoder

import anabranch as ab
import flights

graph = ab.Pipeline("per-carrier")
encode = ab.OrNode(
    "encode",
    make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["origin", "dest"]),
        (
            "passthrough",
            flights.NUMERIC,
        ),
    ),
)
model = ab.OrNode("model", HistGradientBoostingClassifier(max_iter=50, random_state=0))
graph.add_edge(encode, model)


def main() -> None:
    """Fit one model per carrier on January to September and score each on its own later flights."""
    X_train, y_train, X_test, y_test = flights.split_by_month(flights.load())
    fitted = graph.fit(X_train, y_train, by="carrier")
    scored = fitted.score(X_test, y_test, by="carrier", scoring="accuracy")
    print(f"{'carrier':<10}{'fit s':>8}{'accuracy':>12}")
    for entry in sorted(scored[model], key=lambda entry: entry.key["carrier"]):
        carrier = entry.key["carrier"]
        seconds = fitted[model].where(carrier=carrier)[0].seconds
        result = f"{entry.score:.4f}" if entry.error is None else entry.error.message
        print(f"{carrier:<10}{seconds:>8.2f}{result:>12}")
    print(f"{len(fitted[model])} models")


if __name__ == "__main__":
    main()
