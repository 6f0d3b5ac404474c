"""Entry of ``python -m anabranch.runtime.spark``: the keeper of a worker's Spark session."""

from __future__ import annotations

import argparse
import os
import sys

from anabranch.runtime.spark.requirements import check
from anabranch.spark.sessions import SparkMissing

#: Exit status (sysexits.h) of a keeper that cannot keep anything.
CONFIGURATION = 78


def main(arguments: list[str]) -> int:
    """Say ``ready``, or what is wrong, on standard output; then keep the session until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m anabranch.runtime.spark")
    parser.add_argument("--directory", required=True)
    parser.add_argument("--master", default="local[*]")
    parser.add_argument("--memory", default="1024m")
    parser.add_argument("--idle", type=float, default=300.0)
    parser.add_argument("--conf", action="append", default=[])
    options = parser.parse_args(arguments)
    # The environment has room for one value of a flag: there each line is a setting.
    settings = [line.strip() for given in options.conf for line in given.splitlines() if line.strip()]
    if unsaid := [line for line in settings if "=" not in line]:
        print(f"--spark-conf {unsaid[0]}: write K=V", flush=True)
        return CONFIGURATION
    try:
        check(options.master)
    except SparkMissing as error:
        print(error, flush=True)
        return CONFIGURATION
    from anabranch.runtime.spark.keeper import Keeper

    conf = dict(line.split("=", 1) for line in settings)
    keeper = Keeper(options.directory, options.master, options.memory, options.idle, conf)
    print("ready", flush=True)
    # The worker reads to the end.
    os.dup2(2, 1)
    keeper.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
