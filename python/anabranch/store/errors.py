"""Errors of the object store."""


class StoreError(Exception):
    """The store cannot be used, or an object's bytes are not what its reference says."""


class StoreFull(StoreError):
    """There is no room for an object, in the budget or in the file system."""


class ObjectLost(StoreError):
    """A reference whose bytes are gone."""
