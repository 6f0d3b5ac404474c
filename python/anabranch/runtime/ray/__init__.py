"""Tasks of a slot as Ray tasks: the slot's process is a Ray driver, the work runs wherever the cluster has room."""
