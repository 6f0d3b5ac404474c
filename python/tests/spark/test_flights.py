"""The flights example: Spark joins tables, three models of scikit-learn learn from them and vote; one command."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import anabranch as ab
from anabranch.binary import find_binary

pytestmark = pytest.mark.leaves("children", "descriptors")

ROOT = pathlib.Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "spark_flights.py"
PATIENCE = 300.0


def finish(*command: object, **environment: str) -> str:
    ran = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=PATIENCE, check=False,
        env={
            **os.environ, "PYTHONPATH": str(ROOT / "python"), "ANABRANCH_BINARY": find_binary(),
            "ANABRANCH_SPARK_MASTER": "local[2]", "ANABRANCH_SPARK_MEMORY": "768M",
            "ANABRANCH_SPARK_CONF": "spark.sql.shuffle.partitions=2", **environment,
        },
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Those that the example writes, of few flights."""
    place = tmp_path_factory.mktemp("flights")
    finish(sys.executable, EXAMPLE, place, "--flights", "1500")
    return place


def test_the_example_runs_by_one_command(tables: pathlib.Path, tmp_path: pathlib.Path) -> None:
    said = finish(
        find_binary(), "run", f"{EXAMPLE}:graph", "--data", tables / "flights.csv", "--target", "late", "--cv", "2",
        "--out", tmp_path / "results", "--python", sys.executable, "--quiet", "--json", FLIGHTS_TABLES=str(tables),
    )  # fmt: skip
    found = json.loads(said)
    assert found["state"] == "succeeded"
    counted = dict.fromkeys(("features", "impute", "tree", "forest", "boost", "vote"), 0)
    for entry in found["entries"]:
        counted[entry["node"]] += 1
    assert set(counted.values()) == {2}
    late = pd.read_csv(tables / "flights.csv")["late"]
    # Better than to say of all flights what most of them are.
    scores = [score for e in found["entries"] if e["node"] == "vote" for score in e["scores"].values()]
    assert all(score > max(late.mean(), 1 - late.mean()) for score in scores), scores
    assert list((tmp_path / "results").iterdir())


def test_what_spark_joins_is_what_pandas_joins(
    spark_pool: None, tables: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    import cloudpickle

    import spark_flights

    cloudpickle.register_pickle_by_value(spark_flights)
    flights = pd.read_csv(tables / "flights.csv")
    join = spark_flights.JoinTables(str(tables))
    node = ab.OrNode("features", ab.spark.function(join, features=spark_flights.FEATURES, label="late"))
    pipeline = ab.Pipeline("features")
    pipeline.add_node(node)
    try:
        entry = pipeline.fit(flights.drop(columns="late"), flights["late"].to_numpy(), keep_outputs=True)[node].only()
    finally:
        cloudpickle.unregister_pickle_by_value(spark_flights)
    assert entry.error is None, entry.error
    hour = ["origin", "month", "day", "hour"]
    expected = (
        flights.merge(pd.read_csv(tables / "weather.csv").drop_duplicates(hour), "left", on=hour)
        .merge(pd.read_csv(tables / "planes.csv").rename(columns={"year": "built"}), "left", on="tailnum")
        .merge(flights.groupby(hour).size().rename("scheduled").reset_index(), "left", on=hour)
        .assign(age=lambda table: 2013 - table.built)[spark_flights.FEATURES]
        .to_numpy(float)
    )
    # Joins keep no order.
    ordered = [rows[np.lexsort(np.nan_to_num(rows, nan=-1.0).T)] for rows in (np.array(entry.output), expected)]
    np.testing.assert_allclose(*ordered)
