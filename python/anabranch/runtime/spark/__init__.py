"""Tasks of nodes with Spark stages: a session that a keeper holds for all slots of a worker."""
