"""dask-ml's search, which shares common steps, on a local cluster of two processes of one thread."""

from __future__ import annotations

from functools import partial

from dask.distributed import Client, LocalCluster
from dask_ml.model_selection import GridSearchCV

import searches
from workloads import SLOTS


class DaskMLSearch:
    """A client, its cluster, and the search that uses them."""

    def __init__(self) -> None:
        cluster = LocalCluster(n_workers=SLOTS, threads_per_worker=1, processes=True, dashboard_address=None)
        self.client = Client(cluster)
        self.search = partial(GridSearchCV, scheduler=self.client)

    def digits(self) -> float:
        return searches.digits(self.search)
