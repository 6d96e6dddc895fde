"""How much is simulated: the page's size, and a small one for trying things out."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Size:
    """Prompts of each type (0: all), requests after which learning is looked at, runs of chance, and so on."""

    prompts: int
    marks: tuple[int, ...]
    runs: int
    override_requests: int
    users: int
    timed: int


FULL: Final = Size(prompts=0, marks=(0, 1_000, 5_000, 20_000), runs=3, override_requests=3_000, users=30, timed=2_000)
QUICK: Final = Size(prompts=4, marks=(0, 100, 400), runs=2, override_requests=200, users=10, timed=200)
