"""What goes wrong: kills, pauses, clock jumps, rebalances without a reason, records spoiled on their way."""

from dataclasses import dataclass, replace
from random import Random


@dataclass(frozen=True, slots=True)
class Weather:
    """How rough one run is: probabilities per step, drawn from the seed; ``until_ms`` is when it clears up.

    A process that has something under way (unsent records, an open transaction) is hit ``aim`` times as often.
    """

    kill: float
    pause: float
    jump: float
    shake: float
    spoil: float
    aim: int
    changes: int
    """How often budgets and provider health change, beside what clients do."""
    until_ms: int

    @classmethod
    def draw(cls, random: Random) -> "Weather":
        """Return the weather of a run: half of all runs are storms, a twentieth is calm."""
        rough = random.choice((0.0, 0.3, 1.0, 1.0, 1.0, 1.0, 2.5, 2.5, 2.5, 5.0))
        drawn = cls(
            kill=0.006 * rough * random.choice((0, 1, 1, 2)),
            pause=0.005 * rough * random.choice((0, 1, 1, 2)),
            jump=0.001 * rough * random.choice((0, 1)),
            shake=0.004 * rough * random.choice((0, 1, 1)),
            spoil=0.02 * random.choice((0, 0, 0, 1)),
            aim=random.choice((1, 4, 10)),
            changes=random.choice((0, 0, 2, 6)),
            until_ms=random.randrange(20_000, 90_000),
        )
        return drawn if random.random() < 0.5 else STORM


STORM = Weather(kill=0.01, pause=0.015, jump=0.004, shake=0.01, spoil=0.03, aim=10, changes=6, until_ms=60_000)
"""Weather in which broken rules show soon."""
UNSETTLED = replace(STORM, changes=40)
"""A storm with new budgets all the time: many batches without inputs."""
SKEWED = replace(STORM, jump=0.04, shake=0.03)
"""A storm in which clocks disagree and partitions wander: executors give up on what others are calling."""
