"""What a chaos suite does, and when: all of it follows from a seed, before anything has begun."""

from __future__ import annotations

import random
from dataclasses import dataclass

#: What happens to workers, their runtimes and clients, and how often beside the others.
WEIGHTS = {
    "kill_worker": 4,
    "stop_worker": 3,
    "wake_all": 3,
    "drain_worker": 2,
    "kill_runtime": 4,
    "stop_runtime": 2,
    "start_client": 3,
    "kill_client": 3,
    "kill_all_workers": 1,
}
#: What would leave no worker that has seen a whole life; who compares a worker with itself goes without.
LEAVES_NOBODY = ("kill_all_workers",)


@dataclass(frozen=True)
class Disturbance:
    """One thing that happens.

    Parameters
    ----------
    after : float
        Seconds since the one before.
    action : str
        One of `WEIGHTS`.
    choice : float
        Whom it meets, of those who are there then: from 0, the first, to 1.
    joins : bool
        Whether a worker joins after it, where there is room for one.
    slots : int
        How many slots it has then, or one that is needed has.
    """

    after: float
    action: str
    choice: float
    joins: bool
    slots: int

    def __str__(self) -> str:
        return f"+{self.after:.2f} {self.action} {self.choice:.2f}{f' join {self.slots}' if self.joins else ''}"


@dataclass(frozen=True)
class Life:
    """A coordinator's life.

    Parameters
    ----------
    seconds : float
        How long it is disturbed.
    killed : bool
        Whether the coordinator is killed then, with all under work; else the work comes to its end.
    disturbances : tuple of Disturbance
        More than fit into it on an idle machine.
    """

    seconds: float
    killed: bool
    disturbances: tuple[Disturbance, ...]

    def __str__(self) -> str:
        end = "its coordinator is killed" if self.killed else "the work ends"
        return f"{self.seconds:.2f} s, then {end}: {'; '.join(map(str, self.disturbances))}"


def make_plan(seed: int, seconds: float, rounds: int) -> list[tuple[Life, Life]]:
    """Return the rounds: each a life whose coordinator is killed at a moment of it, and one that has the rest."""
    rng = random.Random(seed)
    each = seconds / rounds
    plan = []
    for _ in range(rounds):
        moment = each * rng.uniform(0.1, 0.5)
        plan.append((_life(rng, moment, killed=True), _life(rng, each - moment, killed=False)))
    return plan


def _life(rng: random.Random, seconds: float, killed: bool) -> Life:
    weights = {action: weight for action, weight in WEIGHTS.items() if killed or action not in LEAVES_NOBODY}
    disturbances, total = [], 0.0
    while total <= seconds:
        disturbances.append(
            Disturbance(
                after=rng.uniform(0.1, 2.0),
                action=rng.choices(list(weights), list(weights.values()))[0],
                choice=rng.random(),
                joins=rng.random() < 0.3,
                slots=rng.choice((1, 2, 3)),
            )
        )
        total += disturbances[-1].after
    return Life(seconds, killed, tuple(disturbances))
