"""Ours beside Ray, Dask distributed, joblib (loky), ProcessPoolExecutor, scikit-learn and Spark, at two workers.

    make bench                       the table, the floors, and benchmarks/latest.json
    python benchmarks/bench.py --only throughput,round_trip --repeat 5

Each system is measured in a process of its own, the systems in turn, ``--repeat`` times. The table shows medians and
the ratio of ours to each peer in the same round (median of ratios); min and max, which show the noise, are in the JSON.
What takes minutes is measured in the first round only.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
from typing import Any, NamedTuple

from floors import FLOORS
from measure import SYSTEMS

HERE = pathlib.Path(__file__).parent


class Measurement(NamedTuple):
    """What is measured, and of whom; the first is ours, which the others are held beside."""

    title: str
    unit: str
    more_is_better: bool
    systems: tuple[str, ...] = ("anabranch",)
    once: bool = False


_LINKS = ("ipc", "tcp", "curve")
_SPARK = ("anabranch_spark", "spark", "spark_parquet")
_POOLS = ("anabranch", "ray", "dask", "joblib", "process_pool")
MEASUREMENTS = {
    "start": Measurement("first answer of a plain function, pool included", "s", False, _POOLS),
    "throughput": Measurement("no-op Python tasks", "tasks/s", True, _POOLS),
    "chunked": Measurement(
        "the same, 64 to a task (joblib: its own choice)", "tasks/s", True, ("anabranch", "joblib", "process_pool")
    ),
    "native_throughput": Measurement("no-op native tasks", "tasks/s", True),
    "round_trip": Measurement("one task and back, median", "us", False, ("anabranch", "ray", "dask", "process_pool")),
    "idle": Measurement("CPU time of all processes while idle", "ms/s", False),
    "chain": Measurement("1,000 tasks, each waiting for the one before", "tasks/s", True, ("anabranch", "ray", "dask")),
    "native_chain": Measurement("the same with native tasks", "tasks/s", True),
    "put_first": Measurement("store 100 MB, first time", "GB/s", True, ("anabranch", "ray")),
    "put": Measurement("store 100 MB, recycled", "GB/s", True, ("anabranch", "ray")),
    "open": Measurement("open 100 MB in a task", "us", False, ("anabranch", "ray")),
    "replacement": Measurement("runtime killed: its slot's next task begun, scikit-learn imported", "ms", False),
    "founding": Measurement("founding example, 5 refits, warm", "s", False, ("anabranch", "serial")),
    "founding_bound": Measurement("the same by the best schedule of its own tasks", "ratio", False),
    "digits": Measurement(
        "digits: 16 candidates × 5 folds, no refit",
        "s",
        False,
        ("anabranch", "ray", "dask_ml", "serial", "n_jobs", "n_jobs_memory"),
    ),
    "flights": Measurement(
        "flights: 27 candidates × 5 folds (serial: distinct work)", "s", False, ("anabranch", "serial", "n_jobs")
    ),
    "large": Measurement("10 folds of 500 MB: folds held beside X", "folds", False, once=True),
    "tiny_fits": Measurement("20,000 fits of a millisecond", "s", False, ("anabranch", "serial")),
    "greedy": Measurement("10 s among 1,000 of 10 ms by greedy", "ratio", False, once=True),
    "queued_bytes": Measurement("coordinator, per task of 1,000,000 queued", "B", False, once=True),
    "queued_cost": Measurement("cost per task of 1,000,000 by that of 10,000", "ratio", False, once=True),
    "open_first": Measurement("open 100 MB in a fresh process", "us", False, ("anabranch", "ray")),
    "start_sklearn": Measurement("first scikit-learn task, less its import", "s", False),
    "memory_growth": Measurement("coordinator, 2 GB of X less 50 MB, 50 slots", "MB", False, once=True),
    "standing_round_trip": Measurement("standing cluster: one task and back, median", "us", False, _LINKS),
    "standing_throughput": Measurement("standing cluster: no-op Python tasks", "tasks/s", True, _LINKS),
    "standing_carried": Measurement("standing cluster: 8 KB there and back", "MB/s", True, _LINKS),
    **{
        f"scaling_{workers}": Measurement(f"{workers} workers, waits of 50 ms: efficiency", "ratio", True, ("ipc",))
        for workers in (1, 2, 4, 8, 16)
    },
    "spark_handover": Measurement("1 GB, cached by Spark, to a scikit-learn node", "s", False, _SPARK, once=True),
    "spark_handover_uncached": Measurement("the same, made as it is read", "s", False, _SPARK, once=True),
    "spark_search": Measurement("Spark's CrossValidator: 4 candidates × 3 folds", "s", False, _SPARK[:2], once=True),
    "process_death": Measurement("worker killed: its task's second start", "ms", False, ("ipc", "curve")),
    "host_death": Measurement("host silent: its task's second start", "s", False, ("ipc", "curve")),
}


def available(system: str) -> bool:
    """Tell whether ``system`` can be measured here."""
    if system in _SPARK:
        java = f"{os.environ['JAVA_HOME']}/bin/java" if os.environ.get("JAVA_HOME") else "java"
        return importlib.util.find_spec("pyspark") is not None and shutil.which(java) is not None
    package = {"ray": "ray", "dask": "distributed", "dask_ml": "dask_ml", "joblib": "joblib"}.get(system)
    return package is None or importlib.util.find_spec(package) is not None


def measure(system: str, names: list[str]) -> dict[str, float]:
    """Run ``measure.py`` for one system in a process of its own and return its figures by name."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    # The functions' modules are found in every process that runs them.
    paths = [str(HERE), str(HERE.parent / "examples"), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    finished = subprocess.run(
        [sys.executable, str(HERE / "measure.py"), system, *names],
        capture_output=True,
        text=True,
        env=environment,
        timeout=1_800,
        check=False,
    )
    if finished.returncode != 0:
        raise SystemExit(f"{system} failed with status {finished.returncode}:\n{finished.stderr[-4000:]}")
    return json.loads(finished.stdout.strip().splitlines()[-1])


def summary(name: str, rounds: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    """Return what the table says of one measurement, from system -> name -> figure of each round."""
    measurement = MEASUREMENTS[name]
    row: dict[str, Any] = {"measurement": name, **measurement._asdict(), "systems": {}, "floors": []}
    first = measurement.systems[0]
    rounds = [figures for figures in rounds if name in figures.get(first, {})]
    for system in measurement.systems:
        values = [figures[system][name] for figures in rounds if name in figures.get(system, {})]
        if not values:
            continue
        ours = [figures[first][name] for figures in rounds]
        ratios = [a / b if measurement.more_is_better else b / a for a, b in zip(ours, values) if a and b]
        row["systems"][system] = {
            "median": statistics.median(values),
            "min": min(values),
            "max": max(values),
            "ours_is_better_by": statistics.median(ratios) if ratios else None,
        }
    flat = [{(n, s): v for s, names in figures.items() for n, v in names.items()} for figures in rounds]
    for floor in FLOORS:
        if floor.measurement != name:
            continue
        try:
            reached = statistics.median(floor.reached(figures) for figures in flat)
        except (KeyError, ZeroDivisionError):
            # Its peer was not measured, here or in these rounds: said, for a floor that is left out looks like one met.
            row["floors"].append({"floor": floor.text, "reached": None, "met": None})
            continue
        row["floors"].append({"floor": floor.text, "reached": reached, "met": floor.is_met(reached)})
    return row


def verdict(floor: dict[str, Any]) -> str:
    """Return what the table says of one floor."""
    if floor["met"] is None:
        return "NOT measured: what it is held against is missing"
    return f"{'met' if floor['met'] else 'NOT met'} ({floor['reached']:,.2f})"


def show(table: list[dict[str, Any]], systems: list[str], floors: bool) -> None:
    """Print the table."""
    print(f"\n{'':<48}{'unit':>8}" + "".join(f"{system:>19}" for system in systems))
    for row in table:
        cells = ""
        for system in systems:
            figure = row["systems"].get(system)
            if figure is None:
                cells += f"{'':>19}"
            elif system == next(iter(row["systems"])) or figure["ours_is_better_by"] is None:
                cells += f"{figure['median']:>19,.2f}"
            else:
                cells += f"{figure['median']:>10,.2f} ({figure['ours_is_better_by']:5.1f}×)"
        print(f"{row['title']:<48}{row['unit']:>8}{cells}")
        for floor in row["floors"] if floors else ():
            print(f"    floor {floor['floor']}: {verdict(floor)}")
    print("\nIn brackets: by how much the row's first is better, median of the rounds' ratios.")


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="measurements, separated by commas: " + ", ".join(MEASUREMENTS))
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    parser.add_argument(
        "--floors", action=argparse.BooleanOptionalAction, default=True, help="what is met and what not"
    )
    parser.add_argument("--json", default=str(HERE / "latest.json"), help="file for the figures")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",") if arguments.only else list(MEASUREMENTS)
    unknown = [name for name in wanted if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"no measurement named {', '.join(unknown)}")
    # In the table's order: the last ones begin a pool of their own.
    names = [name for name in MEASUREMENTS if name in wanted]

    systems = [s for s in SYSTEMS if available(s) and any(s in MEASUREMENTS[n].systems for n in names)]
    for missing in [system for system in SYSTEMS if not available(system)]:
        lacks = "has no pyspark or no Java" if missing in _SPARK else "is not installed"
        print(f"{missing} {lacks}: left out", file=sys.stderr)
    rounds: list[dict[str, dict[str, float]]] = []
    for number in range(arguments.repeat):
        figures = {}
        for system in systems:
            now = [n for n in names if system in MEASUREMENTS[n].systems and not (number and MEASUREMENTS[n].once)]
            print(f"round {number + 1} of {arguments.repeat}: {system}", file=sys.stderr)
            figures[system] = measure(system, now) if now else {}
        rounds.append(figures)

    table = [summary(name, rounds) for name in names]
    show(table, systems, arguments.floors)
    cores = len(os.sched_getaffinity(0))
    pathlib.Path(arguments.json).write_text(json.dumps({"cores": cores, "rounds": rounds, "table": table}, indent=1))


if __name__ == "__main__":
    main()
