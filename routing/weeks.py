"""Time in the preference rows: whole weeks of the events' own time, and what a week is still worth (SPEC R7).

Evidence is kept by week and weighed when it is read, so folding needs no clock and no order: the rows are plain sums.
A week ``age`` weeks old is worth ``2 ** (-7 * age / half_life_days)``. The factor of one week is an integer root, not
a call of the C library's ``pow``, whose last digit depends on the machine.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from schemas.envelope import EPOCH
from schemas.statistics import Counts, Weeks

WEEKS: Final = 26
"""Weeks of evidence that a row keeps."""
GRID: Final = 6
"""Decimals of amounts: sums of amounts on this grid do not depend on the order of the additions."""
_DAYS: Final = 7
_DAY: Final = timedelta(days=1)
_EPOCH_DAYS: Final = EPOCH.toordinal() - 1
_DIGITS: Final = 12
_DECIMALS: Final = 9


def week_of(instant: datetime) -> int:
    """Return the number of whole weeks (Monday to Sunday, UTC) since the first of January of the year 1."""
    return (_EPOCH_DAYS + (instant - EPOCH) // _DAY) // _DAYS


def _root(value: int, degree: int) -> int:
    """Return the largest integer whose ``degree``-th power is not above ``value``."""
    low, high = 0, 1 << (value.bit_length() // degree + 1)
    while low < high:
        middle = (low + high + 1) // 2
        if middle**degree <= value:
            low = middle
        else:
            high = middle - 1
    return low


@cache
def worth(half_life_days: int) -> tuple[float, ...]:
    """Return what a week is worth at age 0, 1, ... 25 weeks, to nine decimals."""
    factor = _root(10 ** (_DIGITS * half_life_days) >> _DAYS, half_life_days) / 10**_DIGITS
    values = [1.0]
    for _ in range(WEEKS - 1):
        values.append(round(values[-1] * factor, _DECIMALS))
    return tuple(values)


FOR_EVER: Final = (1.0,) * WEEKS
"""What weeks are worth where nothing fades."""


def plus(one: float, other: float) -> float:
    """Add on the grid."""
    return round(one + round(other, GRID), GRID)


def added(one: Counts, other: Counts) -> Counts:
    """Return the sum of two counts; what is nought is left out."""
    total: Counts = {**one}
    for signal, amount in other.items():
        total[signal] = plus(total.get(signal, 0.0), amount)
    left: Counts = {signal: amount for signal, amount in total.items() if amount}
    return left


def since(weeks: Weeks, oldest: int) -> Weeks:
    """Return the weeks from ``oldest`` on; the same object when that is all of them."""
    if all(week >= oldest for week in weeks):
        return weeks
    return {week: counts for week, counts in weeks.items() if week >= oldest}


def weighed(places: Iterable[Weeks], now: int, values: tuple[float, ...]) -> Counts:
    """Return the sum of all counts, each week by what it is worth in week ``now``; weeks to come are worth nothing.

    An amount below nought, which a shared row may hold until events are read again after a crash, is nothing.
    """
    total: Counts = {}
    by_age = sorted((now - week, place, counts) for place, weeks in enumerate(places) for week, counts in weeks.items())
    for age, _, counts in by_age:
        if 0 <= age < WEEKS:
            value = values[age]
            for signal, amount in counts.items():
                if amount > 0:
                    total[signal] = total.get(signal, 0.0) + value * amount
    return total
