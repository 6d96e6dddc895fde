"""What goes wrong: kills, pauses, clock jumps, rebalances without a reason, records spoiled on their way."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Weather:
    """How rough one run is: probabilities per step, drawn from the seed; ``until_ms`` is when it clears up."""

    kill: float
    pause: float
    jump: float
    shake: float
    spoil: float
    until_ms: int

    @classmethod
    def draw(cls, random: Random) -> "Weather":
        """Return the weather of a run: a tenth of all runs is calm."""
        rough = random.choice((0.0, 0.3, 1.0, 1.0, 1.0, 1.0, 2.5, 2.5, 2.5, 5.0))
        return cls(
            kill=0.004 * rough * random.choice((0, 1, 1, 2)),
            pause=0.003 * rough * random.choice((0, 1, 1, 2)),
            jump=0.001 * rough * random.choice((0, 1)),
            shake=0.001 * rough * random.choice((0, 1)),
            spoil=0.02 * random.choice((0, 0, 0, 1)),
            until_ms=random.randrange(20_000, 90_000),
        )
