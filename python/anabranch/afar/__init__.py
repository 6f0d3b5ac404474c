"""Clients that do not see the coordinator's store: what they put, and what they get, travels in pieces."""
