"""Ours beside Ray and ProcessPoolExecutor, at two workers, in one run.

    make bench                       the table, and benchmarks/latest.json
    python benchmarks/bench.py --only throughput,round_trip --repeat 5

Each system is measured in a process of its own, the systems in turn, ``--repeat`` times. The table shows medians and
the ratio of ours to each peer in the same round (median of ratios); min and max, which show the noise, are in the JSON.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
SYSTEMS = ("anabranch", "ray", "process_pool", "serial", "n_jobs", "n_jobs_memory")

#: measurement -> (what it is, unit, whether more is better, systems that take part)
MEASUREMENTS = {
    "start": ("first answer of a plain function, pool included", "s", False, ("anabranch", "ray", "process_pool")),
    "throughput": ("no-op Python tasks", "tasks/s", True, ("anabranch", "ray", "process_pool")),
    "native_throughput": ("no-op native tasks", "tasks/s", True, ("anabranch",)),
    "round_trip": ("one task and back, median", "us", False, ("anabranch", "ray", "process_pool")),
    "chain": ("1,000 tasks, each waiting for the one before", "tasks/s", True, ("anabranch", "ray")),
    "put_first": ("store 100 MB, first time", "GB/s", True, ("anabranch", "ray")),
    "put": ("store 100 MB, recycled", "GB/s", True, ("anabranch", "ray")),
    "open": ("open 100 MB in a task", "us", False, ("anabranch", "ray")),
    "founding": ("the founding example, 5 refits", "s", False, ("anabranch", "serial")),
    "digits": (
        "digits: 16 candidates × 5 folds, no refit",
        "s",
        False,
        ("anabranch", "ray", "serial", "n_jobs", "n_jobs_memory"),
    ),
    "tiny_fits": ("20,000 fits of a millisecond", "s", False, ("anabranch", "n_jobs")),
}


def available(system: str) -> bool:
    """Tell whether ``system`` can be measured here."""
    return system != "ray" or importlib.util.find_spec("ray") is not None


def measure(system: str, names: list[str]) -> dict[str, float]:
    """Run ``measure.py`` for one system in a process of its own and return its figures by name."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    finished = subprocess.run(
        [sys.executable, str(HERE / "measure.py"), system, *names],
        capture_output=True,
        text=True,
        env=environment,
        timeout=900,
        check=False,
    )
    if finished.returncode != 0:
        raise SystemExit(f"{system} failed with status {finished.returncode}:\n{finished.stderr[-4000:]}")
    return json.loads(finished.stdout.strip().splitlines()[-1])


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="measurements, separated by commas: " + ", ".join(MEASUREMENTS))
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    parser.add_argument("--json", default=str(HERE / "latest.json"), help="file for the figures")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(MEASUREMENTS)
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"no measurement named {', '.join(unknown)}")

    systems = [s for s in SYSTEMS if available(s) and any(s in MEASUREMENTS[n][3] for n in names)]
    for missing in set(SYSTEMS) - set(filter(available, SYSTEMS)):
        print(f"{missing} is not installed: left out", file=sys.stderr)
    rounds: list[dict[str, dict[str, float]]] = []
    for number in range(arguments.repeat):
        figures = {}
        for system in systems:
            wanted = [n for n in names if system in MEASUREMENTS[n][3]]
            print(f"round {number + 1} of {arguments.repeat}: {system}", file=sys.stderr)
            figures[system] = measure(system, wanted)
        rounds.append(figures)

    table = []
    for name in names:
        title, unit, more_is_better, takers = MEASUREMENTS[name]
        row = {"measurement": name, "title": title, "unit": unit, "more_is_better": more_is_better, "systems": {}}
        for system in systems:
            if system not in takers:
                continue
            values = [figures[system][name] for figures in rounds]
            ours = [figures["anabranch"][name] for figures in rounds]
            ratios = [a / b if more_is_better else b / a for a, b in zip(ours, values, strict=True)]
            row["systems"][system] = {
                "median": statistics.median(values),
                "min": min(values),
                "max": max(values),
                "ours_is_better_by": statistics.median(ratios),
            }
        table.append(row)

    print(f"\n{'':<46}{'unit':>9}" + "".join(f"{system:>22}" for system in systems))
    for row in table:
        cells = ""
        for system in systems:
            figure = row["systems"].get(system)
            if figure is None:
                cells += f"{'':>22}"
            elif system == "anabranch":
                cells += f"{figure['median']:>22,.2f}"
            else:
                cells += f"{figure['median']:>13,.2f} ({figure['ours_is_better_by']:5.1f}×)"
        print(f"{row['title']:<46}{row['unit']:>9}{cells}")
    print("\nIn brackets: by how much ours is better, median of the rounds' ratios.")
    cores = len(os.sched_getaffinity(0))
    pathlib.Path(arguments.json).write_text(json.dumps({"cores": cores, "rounds": rounds, "table": table}, indent=1))


if __name__ == "__main__":
    main()
