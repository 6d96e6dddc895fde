"""How fast should preferences adapt? ``python -m tests.success.learning_rate``: the error of the estimate by half-life.

People whose liking of a model (0..1) is redrawn after a while give a few signals a week; the estimate is that of
``routing.preferences`` with the level above at neutral. Reported is the mean absolute error against the true liking,
over weeks 8 to 52, with its standard error over people.
"""

from random import Random
from statistics import mean, stdev
from typing import Final

from routing.weeks import WEEKS, worth

HALF_LIVES: Final = (7, 14, 30, 60, 90)
CHANGES: Final = (4, 13, 52)
"""Weeks after which a person's liking is another."""
SIGNALS: Final = (1, 4)
"""A week."""
PEOPLE: Final = 400
_LENGTH: Final = 52
_FIRST: Final = 8


def error(half_life_days: int, change: int, signals: int, strength: float, people: int = PEOPLE) -> tuple[float, float]:
    """Return (mean absolute error, its standard error) of the estimate; the same people for every half-life."""
    values = worth(half_life_days)
    return _summary([_person(seed, values, change, signals, strength) for seed in range(people)])


def _person(seed: int, values: tuple[float, ...], change: int, signals: int, strength: float) -> float:
    random = Random(seed)
    liking, said, errors = 0.5, [], []
    for week in range(_LENGTH):
        if week % change == 0:
            liking = random.random()
        said.append([float(random.random() < liking) for _ in range(signals)])
        recent = said[-WEEKS:][::-1]
        amount = sum(values[age] * len(each) for age, each in enumerate(recent))
        total = sum(values[age] * sum(each) for age, each in enumerate(recent))
        if week >= _FIRST:
            errors.append(abs((strength * 0.5 + total) / (strength + amount) - liking))
    return mean(errors)


def _summary(errors: list[float]) -> tuple[float, float]:
    return mean(errors), stdev(errors) / len(errors) ** 0.5


def table(strength: float = 5, people: int = PEOPLE) -> list[str]:
    """Return the lines of a Markdown table: a row per half-life, a column per pace of change and of signals."""
    kinds = [(change, signals) for change in CHANGES for signals in SIGNALS]
    head = " | ".join(f"changes every {change} weeks, {signals} a week" for change, signals in kinds)
    lines = [f"| half-life, days | {head} |", "|---" * (len(kinds) + 1) + "|"]
    for half_life in HALF_LIVES:
        cells = [error(half_life, change, signals, strength, people) for change, signals in kinds]
        lines.append(f"| {half_life} | " + " | ".join(f"{value:.3f} ± {spread:.3f}" for value, spread in cells) + " |")
    return lines


if __name__ == "__main__":
    print("\n".join(table()))
