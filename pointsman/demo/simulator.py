"""The demo's hand on the simulated providers: switching an outage, and reading the planted quality of answers."""

import json
from pathlib import Path

import httpx

from pointsman.demo.script import Outage
from providers.simulated import BILL_FILE
from schemas.ids import attempt_id
from schemas.result import FinalResult

_SECONDS = 5.0


class OutageSwitch:
    """The switch for outages of the simulated providers on this machine."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/admin/outage"

    def begin(self, outage: Outage) -> None:
        """Break the models of the outage."""
        body = {"model": outage.model, "mode": outage.mode}
        httpx.post(self._url, json=body, timeout=_SECONDS, trust_env=False).raise_for_status()

    def end(self, outage: Outage) -> None:
        """Mend them."""
        httpx.delete(self._url, params={"model": outage.model}, timeout=_SECONDS, trust_env=False).raise_for_status()


class PlantedQuality:
    """The known truth about simulated answers, 0 to 100, read from the simulator's bill as it grows.

    Played people rate by it, so that what is learned from ratings has something to learn.
    """

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / BILL_FILE
        self._read = 0
        self._by_attempt: dict[str, int] = {}

    def of(self, result: FinalResult) -> int | None:
        """Return the quality of the answer of a result, or None when the bill does not have it."""
        self._read_on()
        attempts = [attempt_id(attempt.decision_id, attempt.attempt) for attempt in result.attempts]
        return next((self._by_attempt[one] for one in reversed(attempts) if one in self._by_attempt), None)

    def _read_on(self) -> None:
        with self._path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            entry = json.loads(line)
            if entry["attempt"] is not None:
                self._by_attempt[entry["attempt"]] = entry["quality"]


def stars(quality: float) -> float:
    """Return the rating of a quality of 0 to 100: one to five stars as 0, 0.25, ..., 1; 50 and less is one star."""
    return min(max(round((quality - 50) / 12.5), 0), 4) / 4
