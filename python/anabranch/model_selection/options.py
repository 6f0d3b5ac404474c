"""What a search is told beyond scikit-learn's own parameters."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from anabranch.errors import RequestError

SHARE, APART = "share", "apart"
AUTO, POOL, HERE = "auto", "pool", "here"


@dataclass(frozen=True)
class Options:
    """How the calls of searches and validations run; see `options` for the fields."""

    unseeded: str = SHARE
    timeout: float | None = None
    memory: int | str | None = None
    progress: bool | None = None
    top_k: int = 0
    where: str = AUTO

    def __post_init__(self) -> None:
        if self.unseeded not in (SHARE, APART):
            raise RequestError(f"unseeded={self.unseeded!r}; use {SHARE!r} or {APART!r}")
        if isinstance(self.top_k, bool) or not isinstance(self.top_k, int) or self.top_k < 0:
            raise RequestError(f"top_k={self.top_k!r}; use a number of candidates, 0 to keep no models")
        if self.where not in (AUTO, POOL, HERE):
            raise RequestError(f"where={self.where!r}; use {AUTO!r}, {POOL!r} or {HERE!r}")
        if self.where == HERE and self.limited:
            raise RequestError(
                f"where={HERE!r} with timeout={self.timeout!r} and memory={self.memory!r}: "
                "only a process of the pool can be held to limits; leave one of them out"
            )

    @property
    def nested(self) -> dict[str, Any]:
        """Those that are of account within a task, where they are not the defaults."""
        chosen = {"unseeded": self.unseeded, "timeout": self.timeout, "memory": self.memory}
        return {name: value for name, value in chosen.items() if value != getattr(_DEFAULTS, name)}

    @property
    def limited(self) -> bool:
        """Whether a call has a limit of its own, so that calls must not be fused."""
        return self.timeout is not None or self.memory is not None


_DEFAULTS = Options()
_current: ContextVar[Options] = ContextVar("anabranch_model_selection_options", default=_DEFAULTS)


def current_options() -> Options:
    """Return the options that hold here."""
    return _current.get()


@contextlib.contextmanager
def options(**chosen: Any) -> Iterator[None]:
    """Set options of the searches and validations within a ``with`` block.

    The classes keep exactly scikit-learn's parameters; what only a pool can do is said here.

    Parameters
    ----------
    unseeded : {"share", "apart"}
        Whether candidates share one fit of a step whose ``random_state`` is None. Shared (the default), such a step is
        drawn once for each fold and all candidates that have it; apart, each candidate draws its own, as scikit-learn
        does without ``memory=``.
    timeout : float
        Seconds that one fit and its scoring may take, one shared step, and the refit. What takes longer is stopped and
        counts as a failed fit of its candidate and fold; a refit is an error.
    memory : int or str
        Bytes that one fit may allocate (``"2G"``); what allocates more counts as a failed fit, a refit is an error.
    progress : bool, optional
        Show how many fits are done, how fast, and the time left; by default on terminals and in notebooks, for what
        takes longer than a moment.
    top_k : int
        Keep the fitted models of this many candidates of a search, the best ones, in its ``top_k_``. While it runs,
        the store holds the models of all fits, then those of the best until they are read.
    where : {"auto", "pool", "here"}
        ``"pool"`` runs all fits on the pool, ``"here"`` all of them in this process, one after the other. By default a
        search of scikit-learn's own estimators and scorers without limits begins here when its data are small, and goes
        to the pool with what is left as soon as that is the faster way; all others go to the pool at once.

    Raises
    ------
    TypeError
        When there is no such option.
    RequestError
        When a value is none of those above.
    """
    token = _current.set(replace(_current.get(), **chosen))
    try:
        yield
    finally:
        _current.reset(token)
