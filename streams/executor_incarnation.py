"""The number of this start of an executor: larger than that of every earlier start of the same slot."""

import os
from pathlib import Path


def next_incarnation(run_dir: Path, instance: str, now_ms: int) -> int:
    """Return the incarnation of this start and keep it in ``run_dir``; ``now_ms`` is the start time in Unix ms.

    The clock alone may jump back, the file alone may be lost: the larger of both is taken, and synced before use.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / f"{instance}.incarnation"
    try:
        last = int(path.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        last = 0
    incarnation = max(last + 1, now_ms)
    scratch = path.with_suffix(".new")
    with scratch.open("w", encoding="ascii") as file:
        file.write(f"{incarnation}\n")
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)
    return incarnation
