"""Measures one system: ``measure.py SYSTEM NAME...`` prints one JSON object, name -> figure.

Every system gets the same functions; what differs is its own way to submit them.
"""

from __future__ import annotations

import importlib
import json
import sys

#: system -> (its module in `systems`, its class)
SYSTEMS = {
    "anabranch": ("anabranch_pool", "AnabranchPool"),
    "ipc": ("standing_cluster", "StandingCluster"),
    "tcp": ("standing_cluster", "TcpCluster"),
    "curve": ("standing_cluster", "CurveCluster"),
    "anabranch_spark": ("anabranch_spark", "AnabranchSpark"),
    "spark": ("spark_session", "SparkSession"),
    "spark_parquet": ("spark_session", "SparkParquet"),
    "ray": ("ray_cluster", "RayCluster"),
    "dask": ("dask_cluster", "DaskCluster"),
    "dask_ml": ("dask_ml_search", "DaskMLSearch"),
    "joblib": ("loky", "Loky"),
    "process_pool": ("process_pool", "ProcessPool"),
    "serial": ("serial", "Serial"),
    "n_jobs": ("scikit_learn_jobs", "ScikitLearnJobs"),
    "n_jobs_memory": ("scikit_learn_memory", "ScikitLearnMemory"),
}


def main() -> None:
    """Measure what the arguments name."""
    system, *names = sys.argv[1:]
    module, kind = SYSTEMS[system]
    subject = getattr(importlib.import_module(f"systems.{module}"), kind)()
    figures = {name: getattr(subject, name)() for name in names}
    # Searches say what they found, too.
    found = getattr(sys.modules.get("searches"), "SCORES", {})
    print(json.dumps(figures | {f"{name}_scores": number for name, number in found.items()}), flush=True)


if __name__ == "__main__":
    main()
