"""Errors of the object store."""


class StoreError(Exception):
    """The store cannot be used, or an object's bytes are not what its reference says."""


class StoreFull(StoreError):
    """There is no room for an object, in the budget or in the file system."""


class ObjectLost(StoreError):
    """A reference whose bytes are gone.

    Parameters
    ----------
    writer, sequence : int
        The object's id.
    reason : str
        What became of its bytes.
    """

    def __init__(self, writer: int, sequence: int, reason: str) -> None:
        super().__init__(writer, sequence, reason)
        self.writer = writer
        self.sequence = sequence
        self.reason = reason

    def __str__(self) -> str:
        return f"object {self.writer:x}.{self.sequence} is lost: {self.reason}"
