"""How many cores there are: the least quota of the process's control groups, as `CoreCountTests.swift` has it."""

from __future__ import annotations

import pathlib

import pytest

from anabranch.cores import quota

GROUPS = "proc/self/cgroup"
V2 = "sys/fs/cgroup"


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        # Version 2: the process's own group, and whatever stands above it.
        ({GROUPS: "0::/a/b\n", f"{V2}/a/b/cpu.max": "250000 100000\n"}, 2),
        ({GROUPS: "0::/a/b\n", f"{V2}/a/cpu.max": "150000 100000\n", f"{V2}/a/b/cpu.max": "max 100000\n"}, 1),
        ({GROUPS: "0::/\n", f"{V2}/cpu.max": "399999 100000\n"}, 3),
        # Another group's does not count, and less than a core is one.
        ({GROUPS: "0::/a\n", f"{V2}/b/cpu.max": "100000 100000\n"}, None),
        ({GROUPS: "0::/a\n", f"{V2}/a/cpu.max": "30000 100000\n"}, 1),
        ({GROUPS: "0::/a\n", f"{V2}/a/cpu.max": "max 100000\n"}, None),
        ({GROUPS: "0::/../x\n", f"{V2}/cpu.max": "200000 100000\n"}, 2),
        # Version 1, also where the path is the host's and the tree the container's.
        (
            {
                GROUPS: "5:memory:/m\n4:cpu,cpuacct:/docker/id\n",
                f"{V2}/cpu/cpu.cfs_quota_us": "350000\n",
                f"{V2}/cpu/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        (
            {
                GROUPS: "4:cpu,cpuacct:/s\n",
                f"{V2}/cpu,cpuacct/s/cpu.cfs_quota_us": "120000\n",
                f"{V2}/cpu,cpuacct/s/cpu.cfs_period_us": "60000\n",
                f"{V2}/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                f"{V2}/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            2,
        ),
        ({GROUPS: "nonsense\n0::/a\n", f"{V2}/a/cpu.max": "nonsense\n"}, None),
        ({}, None),
    ],
)
def test_the_least_quota_of_the_groups_counts(tmp_path: pathlib.Path, files: dict[str, str], cores: int | None) -> None:
    for path, text in files.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert quota(str(tmp_path)) == cores
