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
    "ray": ("ray_cluster", "RayCluster"),
    "dask": ("dask_cluster", "DaskCluster"),
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
    print(json.dumps({name: getattr(subject, name)() for name in names}), flush=True)


if __name__ == "__main__":
    main()
