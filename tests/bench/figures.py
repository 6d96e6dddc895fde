"""What a benchmark returns, and the arithmetic they share."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(slots=True)
class Row:
    """One line of the report: what was measured, the figure, the goal, and how it compares with the baseline."""

    what: str
    figure: str
    goal: str = ""
    ratio: str = ""


@dataclass(slots=True)
class Section:
    """One benchmark's rows with a sentence on how it was measured."""

    title: str
    method: str
    rows: list[Row] = field(default_factory=list[Row])


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile of unsorted values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def microseconds(work: Callable[[int], object], count: int) -> list[float]:
    """Return the CPU time of this thread in microseconds for each of ``count`` calls, after a tenth as many to warm up.

    CPU time, because on a shared machine the clock on the wall counts other people's work into the high percentiles.
    """
    for index in range(max(count // 10, 1)):
        work(index)
    times: list[float] = []
    clock = time.thread_time_ns
    for index in range(count):
        before = clock()
        work(index)
        times.append((clock() - before) / 1000)
    return times


def spread(values: Sequence[float]) -> str:
    """Return median and range of repeated figures."""
    return f"{median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"


def machine() -> str:
    """Return what was measured on."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - a kernel file
            for line in lines:
                if line.startswith("model name"):
                    model = line.split(":", 1)[1].strip()
                    break
    except OSError:
        pass
    return f"{os.cpu_count()} shared cores, {model}, Python {platform.python_version()}, {platform.system()}"
