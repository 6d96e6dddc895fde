"""Plays the demo's requests: publishes at a steady pace, overrides, rates, breaks a provider, shows decisions live."""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pointsman.client import Client, Receipt
from pointsman.demo.script import Script
from pointsman.demo.simulator import OutageSwitch, PlantedQuality, stars
from pointsman.lines import decision_line, result_line
from schemas.decision import DecisionMade, RequestRefused
from schemas.envelope import Event
from schemas.override import OverrideAnswered
from schemas.result import FinalResult, RejectedNotice

SOURCE = "pointsman-demo"
_POLL = 0.02
_SILENCE = 60.0

Show = Callable[[Event, str], None]
"""Called with each decision or notable event and its line."""
Say = Callable[[str], None]
"""Called with what happens beside the requests."""


@dataclass(slots=True)
class Played:
    """What the traffic counted; ``unanswered`` and ``unpublished`` where nothing moved for a minute."""

    published: int = 0
    statuses: Counter[str] = field(default_factory=Counter[str])
    overrides: int = 0
    ratings: int = 0
    fallbacks: int = 0
    example: str = ""
    unanswered: list[str] = field(default_factory=list[str])
    unpublished: int = 0


@dataclass(frozen=True, slots=True)
class Simulator:
    """The simulated providers of this machine: their outage switch, and the planted quality of their answers."""

    switch: OutageSwitch
    truth: PlantedQuality


class Traffic:
    """One run of the script against one deployment. ``simulator`` None: real providers, no outage."""

    def __init__(self, client: Client, script: Script, show: Show, say: Say, simulator: Simulator | None) -> None:
        self._client = client
        self._script = script
        self._show = show
        self._say = say
        self._switch = simulator.switch if simulator else None
        self._truth = simulator.truth if simulator else None
        self._draws = random.Random(script.seed)  # noqa: S311 - play, no secret
        self._open: dict[str, tuple[Receipt, dict[str, Any]]] = {}
        self._decisions: dict[str, DecisionMade] = {}
        self._follow_ups: dict[str, dict[str, Any]] = {}
        self.played = Played()

    def run(self, requests: list[dict[str, Any]]) -> Played:
        """Publish all requests and return when each has its result, or when nothing comes any more."""
        try:
            self._publish_all(requests)
            self._await_all()
        finally:
            if self._switch is not None:
                self._switch.end(self._script.outage)
        self.played.unanswered = list(self._open)
        return self.played

    def _publish_all(self, requests: list[dict[str, Any]]) -> None:
        due = time.monotonic()
        for number, fields in enumerate(requests):
            self._outage(number)
            self._standing_overrides(number)
            due = max(due + 1 / self._script.pace_per_s, time.monotonic())
            while time.monotonic() < due or len(self._open) >= self._script.in_flight:
                if not self._take(self._client.poll(_POLL)) and time.monotonic() > due + _SILENCE:
                    self.played.unpublished = len(requests) - number
                    return
            self._submit(fields)

    def _submit(self, fields: dict[str, Any]) -> None:
        receipt = self._client.submit(source=SOURCE, **fields)
        self._open[receipt.request_id] = (receipt, fields)
        self.played.published += 1

    def _await_all(self) -> None:
        heard = time.monotonic()
        while (self._open or self._follow_ups) and time.monotonic() < heard + _SILENCE:
            if self._take(self._client.poll(_POLL)):
                heard = time.monotonic()

    def _outage(self, number: int) -> None:
        outage = self._script.outage
        if self._switch is None or number not in {outage.begin, outage.until}:
            return
        if number == outage.begin:
            self._switch.begin(outage)
            self._say(f"(simulated outage begins: {outage.model} {outage.mode})")
        else:
            self._switch.end(outage)
            self._say("(simulated outage ends)")

    def _standing_overrides(self, number: int) -> None:
        for override in self._script.overrides:
            if override.at == number:
                self._client.override(source=SOURCE, **override.fields)
                self.played.overrides += 1

    def _override(self, event: DecisionMade, fields: dict[str, Any]) -> None:
        """The person sees the choice and wants another model for the rest of the conversation."""
        override = self._client.override(
            tenant=event.tenant,
            user=event.user,
            scope="conversation",
            conversation_id=event.conversation_id,
            model=self._script.learning.wish,
            decision_id=event.id,
            from_model=event.model,
            task_type=event.task_type,
            space=event.space,
            source=SOURCE,
        )
        self._follow_ups[override] = {**fields, "prompt": self._script.learning.follow_up}
        self.played.overrides += 1

    def _take(self, events: list[Event]) -> bool:
        for event in events:
            if isinstance(event, DecisionMade | RequestRefused):
                self._decided(event)
            elif isinstance(event, FinalResult | RejectedNotice):
                self._ended(event)
            elif isinstance(event, OverrideAnswered):
                self._answered(event)
        return bool(events)

    def _decided(self, event: DecisionMade | RequestRefused) -> None:
        if isinstance(event, DecisionMade):
            self._decisions[event.request_id] = event
        self._show(event, f"{event.tenant}/{event.user or '-'}: {decision_line(event)}")
        asked = self._open.get(event.request_id)
        if (
            isinstance(event, DecisionMade)
            and asked is not None
            and event.model != self._script.learning.wish
            and self._script.wishes_another_model(asked[1])
        ):
            self._override(event, asked[1])

    def _answered(self, event: OverrideAnswered) -> None:
        """Ask on in the conversation, of the model wished for."""
        verdict = type(event).__name__.removeprefix("Override").lower()
        where = "from here on" if event.scope == "conversation" else f"({event.scope})"
        self._show(event, f"{event.tenant}/{event.user or '-'}: wants {event.model} {where}: {verdict}")
        fields = self._follow_ups.pop(event.override_id, None)
        if fields is not None:
            self._submit(fields)

    def _ended(self, event: FinalResult | RejectedNotice) -> None:
        asked = self._open.pop(event.request_id or "", None)
        if asked is None:
            return
        self._client.forget(asked[0].request_id)
        self.played.statuses[event.status] += 1
        decision = self._decisions.pop(asked[0].request_id, None)
        if isinstance(event, FinalResult) and decision is not None:
            if event.status == "completed":
                self._completed(event, decision, asked[1])
            elif event.status != "routed":
                self._show(event, f"{event.tenant}/{event.user or '-'}: {result_line(event)}")

    def _completed(self, event: FinalResult, decision: DecisionMade, fields: dict[str, Any]) -> None:
        if len(event.attempts) > 1:
            self.played.fallbacks += 1
            failed = ", ".join(attempt.model for attempt in event.attempts[:-1])
            self._show(event, f"{event.tenant}/{event.user or '-'}: {failed} failed, answered by {event.model}")
            self.played.example = event.request_id
        self.played.example = self.played.example or event.request_id
        rating = self._rating(event, fields)
        if rating is not None:
            self._client.rate(
                tenant=event.tenant,
                rating=rating,
                request_id=event.request_id,
                user=fields["user"],
                conversation_id=event.conversation_id,
                decision_id=decision.id,
                model=event.model or decision.model,
                task_type=decision.task_type,
                space=decision.space,
                source=SOURCE,
            )
            self.played.ratings += 1

    def _rating(self, event: FinalResult, fields: dict[str, Any]) -> float | None:
        """Return the stars people give: the learning person by taste, others at times by the planted quality."""
        if fields["user"] == self._script.learning.fields["user"]:
            return 1.0 if event.model == self._script.learning.wish else 0.25
        quality = self._truth.of(event) if self._truth else None
        if quality is None or self._draws.random() >= self._script.ratings.share:
            return None
        return stars(quality + self._draws.gauss(0, 8))
