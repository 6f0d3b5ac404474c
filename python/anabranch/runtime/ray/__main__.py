"""Entry of ``python -m anabranch.runtime.ray ADDRESS``: prints how many CPUs the cluster has, as a worker's slots."""

from __future__ import annotations

import sys

from anabranch.runtime.environment import SetupError
from anabranch.runtime.ray.joining import join


def main(arguments: list[str]) -> int:
    """Return 0, or 78 with a line on standard error that says why the cluster cannot be joined."""
    try:
        ray = join(arguments[0])
    except SetupError as error:
        print(error, file=sys.stderr)
        return 78
    print(int(ray.cluster_resources().get("CPU", 0)))
    ray.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
