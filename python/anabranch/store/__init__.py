"""The object store: immutable objects in shared memory, read in place.

See ``docs/store.md`` for the layouts, which are the same in Swift.
"""

from anabranch.store.errors import ObjectLost, StoreError, StoreFull
from anabranch.store.reading_store import Counters
from anabranch.store.store import Store

__all__ = ["Counters", "ObjectLost", "Store", "StoreError", "StoreFull"]
