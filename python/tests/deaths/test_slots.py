"""Slots of a pool whose worker is still on its way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from cluster import PATIENCE, standing

import anabranch as ab
from anabranch.slots import pool_slots

pytestmark = pytest.mark.leaves("children", "descriptors")


def test_a_pool_may_come_by_its_worker_a_moment_later():
    with standing(workers=0) as cluster, ThreadPoolExecutor(1) as threads:
        with pytest.raises(ab.ConnectionFailed, match=r"has had no worker for 0 s: start one with `anabranch worker"):
            pool_slots(patience=0.0)
        asked = threads.submit(pool_slots, PATIENCE)
        cluster.join(slots=2)
        assert asked.result(PATIENCE) == 2
